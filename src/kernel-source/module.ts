/**
 * One build of a kernel's files, and calls into it. A call is synchronous and leaves nothing behind: it may be ended by an
 * exception that an import throws (the explorer does so at a scheduling point), and made again from its beginning.
 */
import { type Device, type Kernel, KernelDied } from '../linux/index.ts';
import { type Exported, exported, functionOf } from './exports.ts';
import { LineTable } from './lines.ts';
import { type Caller, deviceFacts, makeImports, type Reporter } from './services.ts';
import { Statics } from './statics.ts';

/** Entry points of dma-map-ops (swiotlb-xen) or of dma-direct, as entry.c has them. */
export interface EntryPoints {
  readonly map: Exported;
  readonly unmap: Exported;
  readonly syncForCpu: Exported;
  readonly syncForDevice: Exported;
}

/** A build for one configuration; makes an instance for each kind of kernel that it is to run on. */
export class SourceModule {
  readonly #module: WebAssembly.Module;
  readonly #lines: LineTable;
  readonly #instances: [without?: SourceInstance, withFlush?: SourceInstance] = [];

  /** @param bytes of the module that the build made. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#module = new WebAssembly.Module(bytes);
    this.#lines = new LineTable(bytes);
  }

  /** The kernel's files after boot: whether there is GNTTABOP_cache_flush they ask then, and once. */
  on({ hasCacheFlush }: Kernel): SourceInstance {
    const which = hasCacheFlush ? 1 : 0;
    let instance = this.#instances[which];
    if (instance === undefined) {
      instance = new SourceInstance(this.#module, this.#lines, hasCacheFlush);
      this.#instances[which] = instance;
    }
    return instance;
  }
}

/** Files of dmalab's own, as the build names them. */
const SHIMS = /^shims\b/;

export class SourceInstance {
  readonly xen: EntryPoints;
  readonly direct: EntryPoints;
  readonly #memory: WebAssembly.Memory;
  readonly #lines: LineTable;
  readonly #stack: WebAssembly.Global;
  readonly #stackTop: unknown;
  readonly #caller: Caller = { kernel: undefined, device: undefined };
  readonly #statics: Statics;

  constructor(module: WebAssembly.Module, lines: LineTable, hasCacheFlush: boolean) {
    this.#lines = lines;
    const reporter: Reporter = {
      place: (file, line) => (file === 0 ? this.#placeOf(new Error()) : `${this.#text(file)}:${line}`),
      text: (at) => this.#text(at),
    };
    const imports = makeImports(this.#caller, reporter, hasCacheFlush, missingIn(module));
    const { exports } = new WebAssembly.Instance(module, imports);
    this.#memory = exported(exports, 'memory', WebAssembly.Memory);
    this.#stack = exported(exports, '__stack_pointer', WebAssembly.Global);
    this.#stackTop = this.#stack.value;
    this.xen = entryPointsOf(exports, 'xen');
    this.direct = entryPointsOf(exports, 'direct');
    functionOf(exports, 'boot')(0, 0, 0, 0, 0);
    this.#statics = new Statics(exports, this.#memory);
  }

  /** Make a call. @returns what it returns: an address, or nothing that means anything. */
  call(
    entry: Exported,
    kernel: Kernel,
    device: Device,
    at: number,
    size: number,
    direction: number,
    attributes: number,
  ): number {
    const caller = this.#caller;
    if (caller.kernel !== undefined) throw new Error('a call into a kernel\u2019s source within another');
    caller.kernel = kernel;
    caller.device = device;
    try {
      const returned = entry(deviceFacts(kernel, device), at, size, direction, attributes);
      this.#statics.check();
      return returned;
    } catch (error) {
      this.#stack.value = this.#stackTop;
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) this.#die(kernel, error);
      throw error;
    } finally {
      caller.kernel = undefined;
      caller.device = undefined;
    }
  }

  /** A trap in the kernel's code. */
  #die(kernel: Kernel, error: Error): never {
    const at = this.#placeOf(error);
    kernel.oops({ rule: 'kernel-bug', at, what: `trap: ${error.message}` });
    throw new KernelDied(at);
  }

  /** The innermost line of the kernel's own that the stack of an error tells; a function, if it tells no line. */
  #placeOf({ stack = '' }: Error): string {
    let name: string | undefined;
    for (const [, called, offset] of stack.matchAll(/at (\S+) \(wasm[^)]*:0x([0-9a-f]+)\)/g)) {
      const found = this.#lines.find(Number.parseInt(offset ?? '', 16), (file) => !SHIMS.test(file));
      if (found) return `${found.file}:${found.line}`;
      name ??= called;
    }
    return name === undefined ? 'the kernel\u2019s code' : `${name}()`;
  }

  /** A string of C. */
  #text(at: number): string {
    const bytes = new Uint8Array(this.#memory.buffer, at);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

/** Functions that the kernel's files may call and that nobody has: known when they are called. */
function missingIn(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.imports(module).flatMap(({ module: from, name }) =>
    from === 'env' ? [name] : [],
  );
}

function entryPointsOf(exports: WebAssembly.Exports, entry: 'xen' | 'direct'): EntryPoints {
  return {
    map: functionOf(exports, `${entry}_map`),
    unmap: functionOf(exports, `${entry}_unmap`),
    syncForCpu: functionOf(exports, `${entry}_sync_for_cpu`),
    syncForDevice: functionOf(exports, `${entry}_sync_for_device`),
  };
}
