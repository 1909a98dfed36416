/** A needed operation is taken out of the recording: every mapping it was for must be found, and no other. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import {
  archForCpu,
  archForDevice,
  exampleText,
  type ListedMapping,
  listMappings,
  map,
  type Outcome,
  replayExample,
  unmap,
} from './testing.ts';

interface Kind {
  readonly name: string;
  readonly foreign: boolean;
  readonly dir: number;
  /** @param forCpu the last xen_sync_for_* of its context was for the CPU. */
  dropped(line: string, forCpu: boolean): boolean;
}
const native = (event: string, dir: number) => (line: string) =>
  line.includes(`: ${event}: `) && line.endsWith(` dir=${dir}`);
const flush = (op: number, atUnmap: boolean) => (line: string, forCpu: boolean) =>
  line.includes(': cflush: ') && line.includes(` op=0x${op} `) && forCpu === atUnmap;

const { toDevice, fromDevice } = Direction;
const KINDS: readonly Kind[] = [
  {
    name: 'arch_sync_for_device TO_DEVICE',
    foreign: false,
    dir: toDevice,
    dropped: native('arch_sync_for_device', toDevice),
  },
  {
    name: 'arch_sync_for_device FROM_DEVICE',
    foreign: false,
    dir: fromDevice,
    dropped: native('arch_sync_for_device', fromDevice),
  },
  {
    name: 'arch_sync_for_cpu FROM_DEVICE',
    foreign: false,
    dir: fromDevice,
    dropped: native('arch_sync_for_cpu', fromDevice),
  },
  { name: 'cflush CLEAN at map', foreign: true, dir: toDevice, dropped: flush(1, false) },
  { name: 'cflush INVAL at map', foreign: true, dir: fromDevice, dropped: flush(2, false) },
  { name: 'cflush INVAL at unmap', foreign: true, dir: fromDevice, dropped: flush(2, true) },
];

/** In the example no local receive buffer is mapped and unmapped within the recording: these are, of many shapes. */
const localReceives = Array.from({ length: 24 }, (_, i) => ({
  dma: 0xd0000000 + i * 0x4000 + (i % 8) * 24,
  size: [64, 1522, 4096, 9000, 40, 8192][i % 6] ?? 0,
  dir: fromDevice,
}));
const text =
  exampleText +
  localReceives.map((b) => `${archForDevice(b)}\n${map(b)}\n`).join('') +
  localReceives.map((b) => `${archForCpu(b)}\n${unmap(b)}\n`).join('');

/** The text without these operations; line numbers stay, the place of each is a comment. */
function without(kind: Kind): { readonly text: string; readonly count: number } {
  const forCpu = new Map<string, boolean>();
  let count = 0;
  const lines = text.split('\n').map((line) => {
    const context = /-(\d+) +\[(\d+)\] ..(.)/.exec(line)?.slice(1).join(' ') ?? '';
    if (line.includes(': xen_sync_for_')) forCpu.set(context, line.includes(': xen_sync_for_cpu: '));
    if (!kind.dropped(line, forCpu.get(context) ?? false)) return line;
    count++;
    return '#';
  });
  return { text: lines.join('\n'), count };
}

/** A mapping as findings and lists both name it. */
const key = ({ line, dma, size }: { line: number; dma: number; size: number }) => `${line} ${dma} ${size}`;

let original: Outcome;
let listed: ListedMapping[];
beforeAll(() => {
  original = replayExample(text, { designs: ['linux-6.12'] });
  listed = listMappings(text);
});

describe.each(KINDS)('without $name', (kind) => {
  let outcome: Outcome;
  let count: number;
  beforeAll(() => {
    const changed = without(kind);
    count = changed.count;
    outcome = replayExample(changed.text, { designs: ['linux-6.12'] });
  });

  test('every closed mapping that needed it has an error, and no other has a new one', () => {
    const needed = listed
      .filter((m) => m.closed && m.foreign === kind.foreign && m.dir === kind.dir)
      .map(key);
    expect(needed.length).toBeGreaterThan(0);
    const found = new Set(outcome.findings().map(key));
    expect(found).toEqual(new Set([...needed, ...original.findings().map(key)]));
  });

  test('conformance reports each', () => {
    const mismatches = outcome.mismatches('linux-6.12');
    expect(mismatches.length).toBe(count);
    expect(mismatches.every(({ recorded, predicted }) => recorded === null && predicted !== null)).toBe(true);
  });

  test('the predictions are those of the whole recording', () => {
    expect(outcome.errors('linux-6.12')).toEqual(original.errors('linux-6.12'));
  });
});
