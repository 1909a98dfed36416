/** The machine as real as can be: bytes, caches of a size, and chance or a script that moves lines. */
export type { Geometry, Policy } from './cache.ts';
export { ConcreteMachine } from './concrete.ts';
export type { Content, ReadContent } from './data.ts';
export { type Chance, Random } from './random.ts';
export { type Script, ScriptError, scriptOf } from './script.ts';
export type { ConcreteOptions } from './stage.ts';
