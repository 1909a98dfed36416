/** WebAssembly's JavaScript interface (W3C), as much as is used: TypeScript has it in its library for browsers only. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
    static imports(module: Module): { readonly module: string; readonly name: string }[];
  }
  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Exports;
  }
  class Memory {
    constructor(descriptor: { readonly initial: number });
    readonly buffer: ArrayBuffer;
  }
  class Global {
    constructor(descriptor: { readonly value: string; readonly mutable: boolean });
    value: unknown;
  }
  class RuntimeError extends Error {}
  type Imports = Record<string, Record<string, (...args: never[]) => unknown>>;
  type Exports = Record<string, ((...args: number[]) => unknown) | Memory | Global>;
}
