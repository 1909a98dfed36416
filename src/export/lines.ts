/**
 * Which lines a model needs, and which bytes of them it tells apart.
 *
 * Bytes of a line that the same operations cover have one history and are one *class*. Lines (those that copies link,
 * together) that the same operations cover in the same way are alike: caches treat lines independently of each other, what
 * agents do does not depend on what they read, and every assertion is about one byte. So whatever goes wrong in one of
 * them goes wrong in the first of them, in the same order of events, and one stands for all.
 */
import { hex, type MachineAddr, machineAddr } from '../address/index.ts';
import { instructionsOn, linesReached } from './instructions.ts';
import type { ByteSpan, Operation } from './operations.ts';
import type { NamedBytes, Recording } from './record.ts';

/** Bytes of a line with one history. */
export interface ByteClass {
  /** Number among all classes of the model. */
  readonly index: number;
  readonly line: number;
  readonly pieces: readonly ByteSpan[];
  /** `data`, `data and others` ... */
  readonly name: string;
}

export interface ModelLine {
  /** Number among the lines of the model. */
  readonly index: number;
  /** Undefined: any line that no agent names. */
  readonly at: MachineAddr | undefined;
  readonly classes: readonly ByteClass[];
  /** Lines that it stands for, itself included. */
  readonly standsFor: number;
}

/** What an operation does to a line: the part of it that it covers, relative to it. */
interface Entry {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  /** Something can go wrong there and then: it reads, or destroys what is in the cache. */
  readonly judged: boolean;
}

/**
 * The lines of a recording that differ, without those of which nothing is ever asserted.
 * @param size bytes of a line.
 * @param pending maintenance is pending until a barrier, so that any of it can come too late and destroy something.
 */
export function linesOf(recording: Recording, size: number, pending: boolean): ModelLine[] {
  const operations = [
    ...recording.beginning,
    ...recording.agents.flatMap((actions) => actions.flatMap((action) => action.operations)),
  ];
  const entries = entriesOf(operations, size, pending);
  const cuts = cutsOf(operations, entries, size);
  const groups = new Map<string, { readonly lines: readonly number[]; count: number }>();
  const everywhere = operations.some((operation) => operation.do === 'invalidate-all');
  for (const lines of clustersOf(operations, [...entries.keys()], size)) {
    if (!everywhere && !lines.some((line) => entries.get(line)?.some(({ judged }) => judged))) continue;
    const signature = signatureOf(lines, entries, cuts, size);
    const group = groups.get(signature);
    if (group) group.count++;
    else groups.set(signature, { lines, count: 1 });
  }
  let classes = 0;
  return [...groups.values()]
    .flatMap(({ lines, count }) => lines.map((line) => ({ line, count })))
    .map(({ line, count }, index) => {
      const found = classesOf(line, entries.get(line) ?? [], cuts.get(line) ?? [], size).map((pieces) => ({
        index: classes++,
        line: index,
        pieces,
        name: nameOf(recording, pieces),
      }));
      return { index, at: machineAddr(line), classes: found, standsFor: count };
    });
}

/** By line, what each operation covers of it. */
function entriesOf(operations: readonly Operation[], size: number, pending: boolean): Map<number, Entry[]> {
  const found = new Map<number, Entry[]>();
  const add = (line: number, key: string, judged: boolean, from: number, to: number) => {
    const list = found.get(line) ?? [];
    list.push({ key, judged, from: Math.max(from - line, 0), to: Math.min(to - line, size) });
    found.set(line, list);
  };
  operations.forEach((operation, i) => {
    for (const { role, span } of spansOf(operation))
      for (const line of linesIn(span, size)) add(line, `${i} ${role}`, reads(operation), span[0], span[1]);
    if (operation.do !== 'maintain') return;
    for (const line of linesReached(operation, size)) {
      const effects = instructionsOn(operation, line, size);
      add(line, `${i} ${effects.join()}`, effects.includes('invalidate') || pending, line, line + size);
    }
  });
  return found;
}

function reads(operation: Operation): boolean {
  if (operation.do === 'open') return operation.reads;
  return ['cpu-read', 'device-read', 'copy'].includes(operation.do);
}

/** Ranges of bytes that an operation tells from others. */
function spansOf(operation: Operation): { readonly role: string; readonly span: ByteSpan }[] {
  switch (operation.do) {
    case 'maintain':
      return operation.spare === undefined ? [] : [{ role: 'spare', span: operation.spare }];
    case 'copy':
      return [
        { role: 'from', span: operation.span },
        { role: 'to', span: targetOf(operation) },
      ];
    case 'barrier':
    case 'invalidate-all':
      return [];
    default:
      return [{ role: '', span: operation.span }];
  }
}

function targetOf({ span: [from, to], target }: Extract<Operation, { readonly do: 'copy' }>): ByteSpan {
  return [target, machineAddr(target + to - from)];
}

/** First bytes of the lines that a range touches. */
function linesIn([from, to]: ByteSpan, size: number): number[] {
  const first = Math.floor(from / size) * size;
  return Array.from({ length: Math.ceil((to - first) / size) }, (_, i) => first + i * size);
}

/** By line, where its classes begin, relative to it. What a copy tells apart at one end it does at the other, too. */
function cutsOf(
  operations: readonly Operation[],
  entries: ReadonlyMap<number, readonly Entry[]>,
  size: number,
): Map<number, number[]> {
  const all = new Set<number>();
  for (const [line, list] of entries) {
    all.add(line);
    for (const { from, to } of list) all.add(line + from).add(line + to);
  }
  const copies = operations.filter((operation) => operation.do === 'copy');
  for (let before = -1; before !== all.size; ) {
    before = all.size;
    for (const { span, target } of copies)
      for (const at of [...all]) {
        if (at >= span[0] && at <= span[1]) all.add(at - span[0] + target);
        if (at >= target && at <= target + span[1] - span[0]) all.add(at - target + span[0]);
      }
  }
  const byLine = new Map<number, number[]>();
  for (const at of [...all].sort((a, b) => a - b)) {
    const line = Math.floor(at / size) * size;
    byLine.set(line, [...(byLine.get(line) ?? []), at - line]);
  }
  return byLine;
}

/** Lines in groups that copies link, each ascending. */
function clustersOf(operations: readonly Operation[], lines: readonly number[], size: number): number[][] {
  const parent = new Map(lines.map((line) => [line, line]));
  const root = (line: number): number => {
    let at = line;
    while (parent.get(at) !== at) at = parent.get(at) ?? at;
    return at;
  };
  for (const operation of operations) {
    if (operation.do !== 'copy') continue;
    const [from, to] = operation.span;
    for (const line of linesIn(operation.span, size)) {
      const low = machineAddr(Math.max(from, line) - from + operation.target);
      const high = machineAddr(Math.min(to, line + size) - from + operation.target);
      for (const other of linesIn([low, high], size)) {
        const [a, b] = [root(line), root(other)];
        parent.set(Math.max(a, b), Math.min(a, b));
      }
    }
  }
  const clusters = new Map<number, number[]>();
  for (const line of [...lines].sort((a, b) => a - b))
    clusters.set(root(line), [...(clusters.get(root(line)) ?? []), line]);
  return [...clusters.values()];
}

function signatureOf(
  cluster: readonly number[],
  entries: ReadonlyMap<number, readonly Entry[]>,
  cuts: ReadonlyMap<number, readonly number[]>,
  size: number,
): string {
  return cluster
    .map((line, i) => {
      const list = (entries.get(line) ?? []).map(({ key, from, to }) => `${key} ${from} ${to}`);
      // Where copies lead to is told by how far apart the lines are.
      const distance = i === 0 ? 0 : (line - (cluster[i - 1] ?? line)) / size;
      return `${distance}: ${list.join(', ')} / ${(cuts.get(line) ?? []).join()}`;
    })
    .join('; ');
}

/** Pieces of a line by who covers them; what is copied keeps its place. */
function classesOf(
  line: number,
  entries: readonly Entry[],
  cuts: readonly number[],
  size: number,
): ByteSpan[][] {
  const classes = new Map<string, ByteSpan[]>();
  cuts.forEach((from, i) => {
    const to = cuts[i + 1] ?? size;
    const over = entries.filter((entry) => entry.from <= from && entry.to >= to);
    const copied = over.some(({ key }) => / (from|to)$/.test(key));
    const key = `${over.map((entry) => entry.key).join()}${copied ? ` ${from}` : ''}`;
    const piece = [machineAddr(line + from), machineAddr(line + to)] as const;
    classes.set(key, [...(classes.get(key) ?? []), piece]);
  });
  return [...classes.values()];
}

function nameOf({ names, isSlot }: Recording, pieces: readonly ByteSpan[]): string {
  const found = new Set(
    pieces.map(([from, to]) => {
      const named = names.find((each) => each.from <= from && to <= each.to);
      if (named) return partOf(named, from);
      return isSlot(from, to) ? `bounce slot ${hex(from)}` : 'bytes of others';
    }),
  );
  return [...found].join(', ');
}

const partOf = ({ name, from }: NamedBytes, at: MachineAddr): string =>
  at === from ? name : `${name} + ${at - from}`;

/** A class lies in a range whole or not at all. */
export function covers([from, to]: ByteSpan, { pieces }: ByteClass): boolean {
  const [first] = pieces;
  return first !== undefined && from <= first[0] && first[1] <= to;
}
