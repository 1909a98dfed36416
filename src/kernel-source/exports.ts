/** What a build of a kernel's source exports, checked as it is taken. */

/** What the user's tree does that cannot be run here: the message is the whole line. */
export class KernelSourceError extends Error {}

/** Addresses and sizes are doubles; what is missing is 0. */
export type Exported = (a: number, b: number, c: number, d: number, e: number) => number;

/** @throws KernelSourceError if the module is none that the build made. */
export function functionOf(exports: WebAssembly.Exports, name: string): Exported {
  const value = exports[name];
  if (typeof value !== 'function') throw notABuild(name);
  return (a, b, c, d, e) => Number(value(a, b, c, d, e));
}

/** The same of a memory or a global. */
export function exported<T>(
  exports: WebAssembly.Exports,
  name: string,
  kind: new (...args: never[]) => T,
): T {
  const value: unknown = exports[name];
  if (!(value instanceof kind)) throw notABuild(name);
  return value;
}

function notABuild(name: string): KernelSourceError {
  return new KernelSourceError(`the module has no ${name}: it is no build of a kernel\u2019s source`);
}
