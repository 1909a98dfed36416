/**
 * Entry point. Node keeps what it makes of the TypeScript (stripped types, compiled code) from run to run: that was
 * measured to take two thirds off the start. This file alone is JavaScript: what is loaded before the cache is enabled
 * is not in it, and the compiler that Node would need for it took 0.08 s of every run.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
await import('./program.ts');
