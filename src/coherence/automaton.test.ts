import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Automaton, NEVER, type Node } from './automaton.ts';
import { bruteForce, FAULTS, type Fault } from './brute-force.ts';
import type { DisciplineName } from './disciplines.ts';
import { byteModel } from './models.ts';
import { MODES, Mode, OPERATIONS, Operation, Start } from './operations.ts';
import { type Step, type Fault as WitnessFault, witness } from './witness.ts';

const operation = fc
  .integer({ min: 0, max: OPERATIONS - 1 })
  .map((op): Step => ({ operation: op as Operation }));
const mode = fc.integer({ min: 0, max: MODES - 1 }).map((set): Step => ({ mode: set }));
const story = fc.record({
  start: fc.constantFrom(...Object.values(Start)),
  steps: fc.array(fc.oneof({ weight: 4, arbitrary: operation }, { weight: 1, arbitrary: mode }), {
    minLength: 1,
    maxLength: 8,
  }),
});

interface Verdict {
  staleMoves: number;
  lostMoves: number;
  disclosedMoves: number;
}

/** The verdicts of both disciplines, step by step, in the oracle's terms. */
function judge(start: Start, steps: readonly Step[]): Verdict[] {
  const own = judgeBy('ownership', start, steps);
  return judgeBy('currency', start, steps).map((verdict, i) => ({
    ...verdict,
    disclosedMoves: own[i]?.staleMoves ?? NEVER,
  }));
}

function judgeBy(discipline: DisciplineName, start: Start, steps: readonly Step[]) {
  const automaton = new Automaton(byteModel('inner', discipline));
  let node: Node = automaton.start(start);
  return steps.map((step) => {
    let stale = NEVER;
    if ('mode' in step) node = automaton.withMode(node, step.mode);
    else {
      stale = automaton.staleMoves(node, step.operation);
      node = automaton.step(node, step.operation);
    }
    return {
      staleMoves: Math.min(stale, automaton.deviceStaleMoves(node)),
      lostMoves: automaton.lostMoves(node),
    };
  });
}

describe('the automaton against the brute-force model', () => {
  it('gives the same verdicts, with the same number of hardware moves, on random sequences', () => {
    fc.assert(
      fc.property(story, ({ start, steps }) => {
        expect(judge(start, steps)).toEqual(bruteForce(start, steps));
      }),
      { numRuns: 6000 },
    );
  });

  it.each(FAULTS)('notices when the model is wrong in this way: %s', (fault: Fault) => {
    const result = fc.check(
      fc.property(story, ({ start, steps }) => {
        expect(judge(start, steps)).toEqual(bruteForce(start, steps, { faults: new Set([fault]) }));
      }),
      { numRuns: 20_000, endOnFailure: true },
    );
    expect(result.failed).toBe(true);
  });
});

describe('witnesses', () => {
  it('exist exactly where the automaton says so, with its number of hardware moves', () => {
    fc.assert(
      fc.property(story, ({ start, steps }) => {
        const verdicts = judge(start, steps);
        steps.forEach((step, index) => {
          const last = verdicts[index] as Verdict;
          const rebuilt = (kind: WitnessFault['kind']) =>
            witness(start, steps, { kind, step: index })?.hardwareMoves ?? NEVER;
          const read = 'operation' in step ? rebuilt('stale-read') : NEVER;
          expect(Math.min(read, rebuilt('stale-device-window'))).toBe(last.staleMoves);
          expect(rebuilt('lost')).toBe(last.lostMoves);
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('may-sets', () => {
  it('are eleven for one cache level where nothing is pending and no window is open', () => {
    const automaton = new Automaton();
    const complete = Object.values(Operation).filter((op) => op < Operation.issueClean);

    const open: Node[] = Object.values(Start).map((start) => automaton.start(start));
    const seen = new Set<Node>(open);
    for (let node = open.pop(); node !== undefined; node = open.pop())
      for (const op of complete) {
        const next = automaton.step(node, op);
        if (!seen.has(next)) {
          seen.add(next);
          open.push(next);
        }
      }
    const plain = new Set(
      [...seen].map((node) =>
        automaton
          .statesOf(node)
          .map(({ state }) => state)
          .join(),
      ),
    );
    expect(plain.size).toBe(11);
  });

  it('know that a lazy cache alone corrupts a receive buffer that is not invalidated', () => {
    const automaton = new Automaton();
    const cleaned = automaton.step(automaton.start(Start.dontCare), Operation.clean);
    const received = automaton.withMode(automaton.withMode(cleaned, Mode.deviceWrites), 0);
    expect(automaton.staleMoves(received, Operation.cpuRead)).toBe(0);
    expect(automaton.staleMoves(automaton.step(received, Operation.invalidate), Operation.cpuRead)).toBe(
      NEVER,
    );
  });

  it('need one hardware move where only an eviction at the wrong moment does harm', () => {
    const automaton = new Automaton();
    const mapped = automaton.withMode(
      automaton.start(Start.memoryOnly),
      Mode.deviceWrites | Mode.neighbourWrites,
    );
    const back = automaton.step(automaton.withMode(mapped, Mode.neighbourWrites), Operation.cleanInvalidate);
    expect(automaton.staleMoves(back, Operation.cpuRead)).toBe(0);
    const prefetched = automaton.withMode(automaton.start(Start.memoryOnly), Mode.deviceWrites);
    expect(automaton.staleMoves(automaton.withMode(prefetched, 0), Operation.cpuRead)).toBe(1);
  });
});
