import { describe, expect, it } from 'vitest';
import { bruteForce, FAULTS, type Step, type Verdict } from './brute-force.ts';
import { MODES, Mode, OPERATIONS, Operation, Start } from './operations.ts';

type Name = keyof typeof Operation;

/** The verdict after the last step; a number in `steps` is a mode. */
function last(start: Start, ...steps: (Name | number)[]): Verdict {
  const verdict = bruteForce(
    start,
    steps.map((step) => (typeof step === 'number' ? { mode: step } : { operation: Operation[step] })),
  ).at(-1);
  if (verdict === undefined) throw new Error('no steps');
  return verdict;
}

const never = Infinity;

describe('to the device', () => {
  it('reads what was not cleaned, with no help from the hardware', () => {
    expect(last(Start.written, 'deviceRead')).toMatchObject({ staleMoves: 0, lostMoves: never });
  });
  it('is right once cleaned', () => {
    expect(last(Start.written, 'clean', 'deviceRead')).toMatchObject({ staleMoves: never, lostMoves: never });
    expect(last(Start.written, 'cleanInvalidate', 'deviceRead').staleMoves).toBe(never);
  });
  it('needs the barrier', () => {
    expect(last(Start.written, 'issueClean', 'deviceRead').staleMoves).toBe(0);
    expect(last(Start.written, 'issueClean', 'barrier', 'deviceRead').staleMoves).toBe(never);
  });
  it('judges every moment of a window', () => {
    expect(last(Start.written, Mode.deviceReads).staleMoves).toBe(0);
    expect(last(Start.written, 'clean', Mode.deviceReads).staleMoves).toBe(never);
    expect(last(Start.written, 'clean', Mode.deviceReads, 'cpuWrite').staleMoves).toBe(0);
  });
  it('is not judged when the window is closed', () => {
    expect(last(Start.written, Mode.deviceReads, 0).staleMoves).toBe(never);
  });
  it('snoops a cached copy', () => {
    expect(last(Start.written, 'snoopRead').staleMoves).toBe(never);
  });
});

describe('from the device', () => {
  it('is overwritten by a dirty line: one write back', () => {
    expect(last(Start.dontCare, 'deviceWrite')).toMatchObject({ staleMoves: never, lostMoves: 1 });
    expect(last(Start.dontCare, 'deviceWrite', 'clean').lostMoves).toBe(0);
  });
  it('is read stale after one fill by speculation', () => {
    expect(last(Start.dontCare, 'cleanInvalidate', 'deviceWrite', 'cpuRead').staleMoves).toBe(1);
    expect(last(Start.memoryOnly, 'deviceWrite', 'cpuRead').staleMoves).toBe(1);
    expect(last(Start.memoryOnly, 'deviceWrite', 'snoopRead').staleMoves).toBe(1);
  });
  it('is right when invalidated before and after', () => {
    const verdict = last(Start.dontCare, 'cleanInvalidate', Mode.deviceWrites, 0, 'invalidate', 'cpuRead');
    expect(verdict).toMatchObject({ staleMoves: never, lostMoves: never });
  });
  it('is right without speculation, when the line was gone', () => {
    const modes = [Mode.noFills, Mode.noFills | Mode.deviceWrites, Mode.noFills] as const;
    const verdict = last(Start.dontCare, modes[0], 'cleanInvalidate', modes[1], modes[2], 'cpuRead');
    expect(verdict).toMatchObject({ staleMoves: never, lostMoves: never });
  });
  it('is lost to a neighbour written meanwhile', () => {
    const both = Mode.deviceWrites | Mode.neighbourWrites;
    expect(last(Start.dontCare, 'cleanInvalidate', both).lostMoves).toBe(1);
    expect(last(Start.dontCare, 'cleanInvalidate', both, 0, 'invalidate', 'cpuRead').staleMoves).toBe(0);
  });
  it('is current wherever a snooping device wrote it', () => {
    expect(last(Start.written, 'snoopWrite', 'cpuRead').staleMoves).toBe(never);
    expect(last(Start.written, 'snoopWriteNeighbour', 'cpuReadUncached').staleMoves).toBe(never);
  });
});

describe('maintenance', () => {
  it('by invalidate loses the last copy, or not', () => {
    expect(last(Start.written, 'invalidate').lostMoves).toBe(0);
    expect(last(Start.written, 'clean', 'invalidate').lostMoves).toBe(never);
    expect(last(Start.dontCare, 'deviceWrite', 'invalidate', 'cpuRead')).toMatchObject({
      staleMoves: 0,
      lostMoves: 0,
    });
  });
  it('issued earlier is complete before the next', () => {
    expect(last(Start.written, 'issueClean', 'issueInvalidate', 'barrier').lostMoves).toBe(never);
  });
  it('issued earlier is complete before a cacheable access, not before an uncached one', () => {
    expect(last(Start.memoryOnly, 'issueInvalidate', 'cpuWrite').lostMoves).toBe(never);
    expect(last(Start.written, 'issueClean', 'cpuReadUncached').staleMoves).toBe(0);
    expect(last(Start.written, 'issueClean', 'cpuWriteNeighbour', 'cpuReadUncached').staleMoves).toBe(never);
    expect(last(Start.written, 'issueClean', Mode.neighbourWrites, 'deviceRead').staleMoves).toBe(0);
  });
});

describe('the model itself', () => {
  const random = xorshift(0x2f6e2b1);
  const cases = Array.from({ length: 3000 }, () => randomCase(random, 8));

  it('gives the same verdicts for a line of two, three or four bytes', () => {
    for (const [start, steps] of cases.slice(0, 300)) {
      const three = bruteForce(start, steps);
      expect(bruteForce(start, steps, { bytes: 2 })).toEqual(three);
      expect(bruteForce(start, steps, { bytes: 4 })).toEqual(three);
    }
  });

  for (const fault of FAULTS) {
    it(`shows the fault ${fault} in a verdict`, () => {
      const differs = ([start, steps]: Case) =>
        JSON.stringify(bruteForce(start, steps)) !==
        JSON.stringify(bruteForce(start, steps, { faults: new Set([fault]) }));
      expect(cases.some(differs)).toBe(true);
    });
  }
});

type Case = readonly [Start, Step[]];

function randomCase(random: (below: number) => number, length: number): Case {
  const steps = Array.from({ length }, () =>
    random(5) === 0 ? { mode: random(MODES) } : { operation: random(OPERATIONS) as Operation },
  );
  return [random(3) as Start, steps];
}

function xorshift(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}
