import { beforeAll, describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { exampleText, listMappings, type Outcome, relativeTo, replayExample } from './testing.ts';

const BROKEN = ['recorded', 'linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3'];
const RIGHT = ['linux-3.19', 'repaired'];

let outcome: Outcome;
beforeAll(() => {
  outcome = replayExample();
});

test('the kernel\u2019s own design predicts every recorded operation with all its arguments', () => {
  expect(outcome.mismatches('linux-6.12')).toEqual([]);
  expect(outcome.conformance('linux-6.12')).toBe('2682/2682');
  expect(outcome.of('linux-6.12').conforms).toBe(true);
});

test('only the kernel\u2019s own design is compared with the recording', () => {
  expect(outcome.result.tracks.filter(({ conforms }) => conforms).map(({ track }) => track.name)).toEqual([
    'linux-6.12',
  ]);
});

test('every mapping is counted, sg entries one by one', () => {
  const listed = listMappings(exampleText);
  const { mappings, foreignMappings } = outcome.replay.session;
  expect([mappings, foreignMappings]).toEqual([
    listed.length,
    listed.filter(({ foreign }) => foreign).length,
  ]);
});

describe.each(BROKEN)('%s', (name) => {
  test('has errors on exactly 8 mappings, 4 TO_DEVICE and 4 FROM_DEVICE, all foreign', () => {
    expect(outcome.verdict(name)).toBe('errors');
    expect(outcome.of(name).track.findings.errorMappings).toBe(8);
    const lines = outcome.errorLines(name);
    const directions = (direction: Direction) =>
      new Set(
        outcome
          .findings(name)
          .filter((finding) => finding.direction === direction)
          .map(({ line, dma }) => `${line} ${dma}`),
      ).size;
    expect([directions(Direction.toDevice), directions(Direction.fromDevice)]).toEqual([4, 4]);
    expect(lines.length).toBeGreaterThan(0);
    expect(outcome.findings(name).every(({ foreign }) => foreign)).toBe(true);
  });

  test('misses [0x3200, 0x4200) of 0x4000 bytes at offset 0x200', () => {
    const big = outcome.findings(name).filter(({ size, dma }) => size === 0x4000 && dma % 4096 === 0x200);
    expect(big.length).toBeGreaterThan(0);
    for (const { dma, missed, rule, direction } of big) {
      if (rule === 'lost-write') expect(direction).toBe(Direction.fromDevice);
      expect(relativeTo(dma - 0x200, missed)).toEqual([[0x3200, 0x4200]]);
    }
  });

  test('destroys [0, 0x200) before each FROM_DEVICE buffer and nothing before the others', () => {
    for (const { dma, touched, direction } of outcome.findings(name))
      expect(relativeTo(dma - (dma % 4096), touched)).toEqual(
        direction === Direction.fromDevice ? [[0, dma % 4096]] : [],
      );
  });

  test('a lazy cache sends old data: no hardware move is needed for a device\u2019s stale read', () => {
    const reads = outcome.findings(name).filter(({ rule }) => rule === 'stale-device-read');
    expect(reads.map(({ hardwareMoves }) => hardwareMoves)).toEqual([0, 0, 0, 0]);
  });
});

test.each(RIGHT)('%s has no errors', (name) => {
  expect(outcome.errors(name)).toEqual([]);
});

test('every flaw is found on the same mappings in every release that has it', () => {
  for (const name of BROKEN) expect(outcome.errors(name)).toEqual(outcome.errors('recorded'));
});

test('nothing is inconclusive and nothing is misused', () => {
  for (const { inconclusive } of outcome.result.tracks) expect(inconclusive).toEqual([]);
  expect(outcome.misuse()).toEqual([]);
});

describe('cost', () => {
  const costOf = (name: string, text = exampleText) =>
    replayExample(text, { designs: [] }).of(name).track.cost;
  /** The recording without its native maintenance: what is left is what Xen executed. */
  const hypercallsOnly = exampleText
    .split('\n')
    .filter((line) => !line.includes(': arch_sync_'))
    .join('\n');

  test('the recorded hypercalls are the 2038 in the trace', () => {
    expect(costOf('recorded').hypercalls).toBe(2038);
  });

  // Counted from the text alone: for each cflush line, the lines of 64 bytes that [off, off + len) touches.
  test('the hypercalls cost the lines that their arguments name', () => {
    const cost = costOf('recorded', hypercallsOnly);
    expect([cost.linesInvalidated, cost.linesCleaned, cost.linesCleanInvalidated]).toEqual([
      66_176, 53_589, 0,
    ]);
  });

  test('the design of the kernel costs what was recorded', () => {
    expect(outcome.of('linux-6.12').track.cost).toEqual(outcome.of('recorded').track.cost);
  });

  test('nothing is bounced', () => {
    for (const { track } of outcome.result.tracks) expect(track.cost.bouncedBytes).toBe(0);
  });
});

describe('stories', () => {
  test('each problem has one, whose witness needs as many hardware moves as the finding says', () => {
    for (const { track } of outcome.result.tracks)
      for (const problem of track.findings.problems) {
        const story = outcome.result.story(problem);
        expect(story?.witness.hardwareMoves).toBe(problem.example.damage.moves);
        expect(problem.example.damage.moves).toBe(problem.example.finding.hardwareMoves);
      }
  });

  test('each is of a byte of the finding', () => {
    for (const { track } of outcome.result.tracks)
      for (const problem of track.findings.problems) {
        const { finding, lane } = problem.example;
        const byte = lane.dma + ((outcome.result.story(problem)?.byte ?? 0) - lane.bus);
        const ranges = [...finding.missed, ...finding.touched];
        expect(ranges.some(([from, to]) => from <= byte && byte < to)).toBe(true);
      }
  });

  test('problems count the mappings that the findings list', () => {
    for (const { track } of outcome.result.tracks) {
      const counted = track.findings.problems.reduce((sum, { mappings }) => sum + mappings, 0);
      expect(counted).toBe(track.findings.kept().length + track.findings.dropped);
    }
  });
});

test('the explanation of a missed byte names the hypercall that was meant for it and where it landed', () => {
  const first = outcome.findings().find(({ rule, size }) => rule === 'stale-device-read' && size === 0x4000);
  expect(first?.explanation).toMatch(
    /^the device can read old data in \[0x\w+3200, 0x\w+4200\): GNTTABOP_cache_flush CLEAN bus=0x\w+ off=0x0 len=0x1000 at map \(line \d+\) is meant for \[0x\w+, 0x\w+\) and lands on \[0x\w+, 0x\w+\)$/,
  );
});
