/** What an operation of an agent does in a model: statements about the lines that it reaches. */
import type { MachineAddr } from '../address/index.ts';
import type { Cache } from './cache.ts';
import { instructionsOn } from './instructions.ts';
import { type ByteClass, covers, type ModelLine } from './lines.ts';
import { assign, type Statement } from './model.ts';
import type { ByteSpan, Operation } from './operations.ts';
import type { Windows } from './windows.ts';

export interface Surroundings {
  readonly cache: Cache;
  readonly lines: readonly ModelLine[];
  readonly lineSize: number;
  readonly windows: Windows;
}

/** Lines that an operation changes or looks at, and what it does to them. */
export interface Effect {
  readonly lines: readonly number[];
  readonly statements: readonly Statement[];
}

export function effectOf(operation: Operation, surroundings: Surroundings): Effect {
  const { lines } = surroundings;
  const parts = lines.map((line) => ({
    line: line.index,
    statements: onLine(operation, line, surroundings),
  }));
  const reached = parts.filter(({ statements }) => statements.length > 0);
  const statements = reached.flatMap((part) => part.statements);
  if (operation.do !== 'copy') return { lines: reached.map(({ line }) => line), statements };
  const stored = copyStores(operation, surroundings);
  return {
    lines: [...reached.map(({ line }) => line), ...stored.lines],
    statements: [...statements, ...stored.statements],
  };
}

function onLine(
  operation: Operation,
  line: ModelLine,
  { cache, lineSize, windows }: Surroundings,
): Statement[] {
  const covered = 'span' in operation ? line.classes.filter((bytes) => covers(operation.span, bytes)) : [];
  const each = (does: (bytes: ByteClass) => readonly Statement[]) => covered.flatMap(does);
  const ifAny = (statements: readonly Statement[]) => (covered.length > 0 ? statements : []);
  switch (operation.do) {
    case 'cpu-read':
    case 'copy':
      return operation.cacheable
        ? [...ifAny(cache.load(line)), ...each((bytes) => cache.checkLoaded(bytes))]
        : each((bytes) => cache.checkMemory(bytes, 'stale-cpu-read'));
    case 'cpu-write':
      return operation.cacheable
        ? [...ifAny(cache.dirty(line)), ...each((bytes) => cache.store(bytes))]
        : each((bytes) => [...cache.storeLate(bytes, windows.writing(bytes)), ...cache.storeMemory(bytes)]);
    case 'device-read':
      return each((bytes) =>
        operation.snoops ? cache.checkSnooped(line, bytes) : cache.checkMemory(bytes, 'stale-device-read'),
      );
    case 'device-write':
      return [
        ...(operation.snoops ? ifAny(cache.snoop(line)) : []),
        ...each((bytes) => [...cache.storeLate(bytes, windows.writing(bytes)), ...cache.storeMemory(bytes)]),
      ];
    case 'open':
    case 'close':
      return each((bytes) =>
        windows.change(operation, bytes).map(({ variable, value }) => assign(variable, value)),
      );
    case 'maintain':
      return (line.at === undefined ? [] : instructionsOn(operation, line.at, lineSize)).flatMap((effect) =>
        cache.maintain(
          line,
          effect,
          (bytes) => operation.spare !== undefined && covers(operation.spare, bytes),
        ),
      );
    case 'invalidate-all':
      return cache.discard(line);
    case 'barrier':
      return cache.barrier(line);
    case 'begin':
      return each((bytes) => cache.begin(line, bytes));
    case 'new-owner':
      return each((bytes) => cache.newOwner(line, bytes));
  }
}

/** What was loaded is stored elsewhere. */
function copyStores(
  { span, target, cacheable }: Extract<Operation, { readonly do: 'copy' }>,
  { cache, lines, windows }: Surroundings,
): Effect {
  const all = lines.flatMap(({ classes }) => classes);
  const sourceOf = (bytes: ByteClass): ByteClass | undefined => {
    const from = (bytes.pieces[0]?.[0] ?? 0) - target + span[0];
    return all.find(({ pieces }) => pieces[0]?.[0] === from);
  };
  const written: ByteSpan = [target, (target + span[1] - span[0]) as MachineAddr];
  const reached: number[] = [];
  const statements = lines.flatMap((line) => {
    const covered = line.classes.filter((bytes) => covers(written, bytes));
    if (covered.length === 0) return [];
    reached.push(line.index);
    return [
      ...(cacheable ? cache.dirty(line) : []),
      ...covered.flatMap((bytes) =>
        cacheable
          ? cache.store(bytes, sourceOf(bytes))
          : [...cache.storeLate(bytes, windows.writing(bytes)), ...cache.storeMemory(bytes, sourceOf(bytes))],
      ),
    ];
  });
  return { lines: reached, statements };
}
