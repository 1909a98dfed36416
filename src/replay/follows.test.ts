/** The example, moved and seen with other caches: what is found follows the addresses, not the file. */
import { beforeAll, describe, expect, test } from 'vitest';
import { hex } from '../address/index.ts';
import { parseIomem } from '../trace/index.ts';
import type { Finding } from './finding.ts';
import { EXAMPLE, exampleText, type Outcome, ramAt, relativeTo, replayExample } from './testing.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** How far each kind of memory is moved, in bytes. */
interface Move {
  /** dom0's RAM, 3 to 4 GiB. */
  readonly local: number;
  /** Where dom0 sees foreign pages: below its RAM. */
  readonly alias: number;
  /** Foreign frames: above 4 GiB. */
  readonly foreign: number;
}
const shift = (move: Move, address: number): number => {
  if (address >= 4 * GIB) return address + move.foreign;
  return address + (address >= 3 * GIB ? move.local : move.alias);
};

/** The text with every address moved. */
function moved(text: string, move: Move): string {
  const bytes = (digits: string) => shift(move, Number.parseInt(digits, 16)).toString(16);
  const frames = (digits: string) =>
    /^f+$/.test(digits) ? digits : (shift(move, Number.parseInt(digits, 16) * 4096) / 4096).toString(16);
  return text
    .replace(/\b(dma_addr|phys_addr)=([0-9a-f]+)/g, (_all, key, digits) => `${key}=${bytes(digits)}`)
    .replace(
      /\b(paddr|handle|bus|dev_addr)=0x([0-9a-f]+)/g,
      (_all, key, digits) => `${key}=0x${bytes(digits)}`,
    )
    .replace(/\b(pfn|mfn)=0x([0-9a-f]+)/g, (_all, key, digits) => `${key}=0x${frames(digits)}`)
    .replace(/\b(dma_addrs|phys_addrs)=\{([^}]*)\}/g, (_all, key, list: string) => {
      const items = list.split(',').map((item) => `0x${bytes(item.slice(2))}`);
      return `${key}={${items.join(',')}}`;
    });
}

function movedRam(move: Move) {
  const from = 3 * GIB + move.local;
  const text = `${from.toString(16)}-${(from + GIB - 1).toString(16)} : System RAM`;
  const scratch = 0x48000000 + move.alias;
  return parseIomem(`${scratch.toString(16)}-${(scratch + 0x7ffffff).toString(16)} : Xen scratch\n${text}`);
}

const shiftRanges = (move: Move, ranges: Finding['missed']) =>
  ranges.map(([from, to]) => [shift(move, from), to - from]);
const essence = (move: Move) => (finding: Finding) => ({
  rule: finding.rule,
  severity: finding.severity,
  moves: finding.hardwareMoves,
  device: finding.device,
  line: finding.line,
  dma: shift(move, finding.dma),
  size: finding.size,
  direction: finding.direction,
  missed: shiftRanges(move, finding.missed),
  touched: shiftRanges(move, finding.touched),
});
const UNMOVED: Move = { local: 0, alias: 0, foreign: 0 };

let original: Outcome;
beforeAll(() => {
  original = replayExample();
});

describe.each<[string, Move]>([
  ['by 2 MiB', { local: 2 * MIB, alias: 2 * MIB, foreign: GIB + 2 * MIB }],
  ['across 4 GiB', { local: 6 * GIB - 2 * MIB, alias: 30 * MIB, foreign: 12 * GIB }],
  ['foreign frames above 2^40', { local: 0, alias: 6 * GIB, foreign: 2 ** 40 + 6 * MIB }],
  ['all above 2^40', { local: 2 ** 41, alias: 2 ** 43, foreign: 2 ** 45 + 510 * MIB }],
])('moved %s', (_name, move) => {
  let outcome: Outcome;
  beforeAll(() => {
    outcome = replayExample(moved(exampleText, move), { ownRam: movedRam(move) });
  });

  test('the findings of every track move with the addresses and are otherwise the same', () => {
    for (const { track } of original.result.tracks) {
      const there = outcome.of(track.name).track.findings.kept().map(essence(UNMOVED));
      expect(there).toEqual(track.findings.kept().map(essence(move)));
    }
  });

  test('the prediction still conforms in every operation', () => {
    expect(outcome.conformance('linux-6.12')).toBe('2682/2682');
  });

  test('every track costs the same', () => {
    for (const { track } of original.result.tracks)
      expect(outcome.of(track.name).track.cost).toEqual(track.cost);
  });
});

describe.each([32, 64, 128, 256, 512, 1024, 2048])('with lines of %i bytes', (lineSize) => {
  let outcome: Outcome;
  beforeAll(() => {
    outcome = replayExample(exampleText, { lineSize });
  });

  test.each(['recorded', 'linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3'])('%s: 8 mappings', (name) => {
    expect(outcome.of(name).track.findings.errorMappings).toBe(8);
  });

  test.each(['linux-3.19', 'repaired'])('%s: none', (name) => {
    expect(outcome.of(name).track.findings.errorMappings).toBe(0);
  });

  test('what was missed begins with the first line that no chunk touches', () => {
    const big = outcome.findings().filter(({ size, dma }) => size === 0x4000 && dma % 4096 === 0x200);
    expect(big.length).toBeGreaterThan(0);
    for (const { dma, missed } of big)
      expect([hex(dma), relativeTo(dma - 0x200, missed)]).toEqual([
        hex(dma),
        [[Math.ceil(0x3200 / lineSize) * lineSize, 0x4200]],
      ]);
  });

  test('what was destroyed ends with the last line that holds nothing of the buffer', () => {
    for (const { dma, touched, direction } of outcome.findings()) {
      const end = Math.floor((dma % 4096) / lineSize) * lineSize;
      expect(relativeTo(dma - (dma % 4096), touched)).toEqual(direction === 2 && end > 0 ? [[0, end]] : []);
    }
  });
});

test('told that a section next to its RAM is valid, the kernel takes foreign frames for local', () => {
  // The flaw is one of addresses, so the same trace on a machine with other RAM has other errors.
  const outcome = replayExample(exampleText, {
    ...EXAMPLE,
    ownRam: ramAt([3 * GIB, 4 * GIB], [0x138000000, 0x138001000]),
  });
  expect(outcome.of('linux-6.12').track.findings.errorMappings).toBeGreaterThan(8);
  expect(outcome.errors('repaired')).toEqual([]);
});
