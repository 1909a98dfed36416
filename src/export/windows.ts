/** What devices may do at any time to what they were handed: a variable for each window and class of bytes. */
import type { Cache } from './cache.ts';
import { type ByteClass, covers, type ModelLine } from './lines.ts';
import { type Condition, type Move, type Statement, set, type Variable } from './model.ts';
import { Identifiers } from './names.ts';
import type { Operation } from './operations.ts';

type Opening = Extract<Operation, { readonly do: 'open' }>;
type Kind = 'reads' | 'writes';

interface Window {
  readonly variable: string;
  readonly window: string;
  readonly port: string;
  readonly snoops: boolean;
  readonly kind: Kind;
  readonly bytes: ByteClass;
}

export class Windows {
  readonly #all: Window[] = [];
  readonly #lines: readonly ModelLine[];
  readonly #names = new Identifiers();

  constructor(operations: readonly Operation[], lines: readonly ModelLine[]) {
    this.#lines = lines;
    for (const opening of operations)
      if (opening.do === 'open')
        for (const { classes } of lines)
          for (const bytes of classes) if (covers(opening.span, bytes)) this.#add(opening, bytes);
  }

  get variables(): Variable[] {
    return this.#all.map(({ variable, port, kind, window, bytes }) => ({
      name: variable,
      type: 'boolean',
      initially: false,
      about: `${port} may ${kind === 'reads' ? 'read' : 'write'} ${bytes.name} (mapping ${window})`,
    }));
  }

  /** What opening or closing changes for these bytes. */
  change(
    operation: Extract<Operation, { readonly do: 'open' | 'close' }>,
    bytes: ByteClass,
  ): { readonly variable: string; readonly value: string }[] {
    return this.#all
      .filter((each) => each.bytes === bytes && each.window === operation.window)
      .filter((each) => operation.do === 'close' || (each.port === operation.port && operation[each.kind]))
      .map(({ variable }) => ({ variable, value: operation.do === 'open' ? 'TRUE' : 'FALSE' }));
  }

  /** Some device may write these bytes at any time. */
  writing(bytes: ByteClass): Condition[] {
    return this.#all
      .filter((each) => each.bytes === bytes && each.kind === 'writes')
      .map(({ variable }) => set(variable));
  }

  moves(cache: Cache): Move[] {
    return this.#all.map(({ variable, port, snoops, kind, bytes }) => ({
      name: `${port} ${kind} ${bytes.name}`,
      when: set(variable),
      does: this.#does(cache, kind, snoops, bytes),
    }));
  }

  #does(cache: Cache, kind: Kind, snoops: boolean, bytes: ByteClass): Statement[] {
    const line = this.#lines[bytes.line];
    if (line === undefined) return [];
    if (kind === 'writes') return [...(snoops ? cache.snoop(line) : []), ...cache.storeMemory(bytes)];
    return snoops ? cache.checkSnooped(line, bytes) : cache.checkMemory(bytes, 'stale-device-read');
  }

  #add({ window, port, snoops, ...may }: Opening, bytes: ByteClass): void {
    for (const kind of ['reads', 'writes'] as const) {
      const variable = this.#names.of(`${port} ${kind} ${window} ${bytes.index}`);
      if (may[kind] && !this.#all.some((each) => each.variable === variable))
        this.#all.push({ variable, window, port, snoops, kind, bytes });
    }
  }
}
