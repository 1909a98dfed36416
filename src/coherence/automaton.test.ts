import { describe, expect, it } from 'vitest';
import { Automaton, NEVER, type Node } from './automaton.ts';
import { byteModel, type ModelName } from './models.ts';
import { Mode, Operation, Start } from './operations.ts';

/** Number of may-sets that these operations lead to where no window is open, moves not counted. */
function setsOf(name: ModelName, operations: readonly Operation[]): number {
  const model = byteModel(name);
  const automaton = new Automaton({
    ...model,
    spontaneous: (state, mode) => model.spontaneous(state, mode).map((move) => ({ ...move, cost: 0 })),
  });
  const open: Node[] = Object.values(Start).map((start) => automaton.start(start));
  const seen = new Set<Node>(open);
  for (let node = open.pop(); node !== undefined; node = open.pop())
    for (const operation of operations) {
      const next = automaton.step(node, operation);
      if (!seen.has(next)) {
        seen.add(next);
        open.push(next);
      }
    }
  return seen.size;
}

describe('may-sets', () => {
  const complete = Object.entries(Operation)
    .filter(([name]) => !/issue|invalidateOne/i.test(name))
    .map(([, operation]) => operation);

  it('are eleven for one cache level where nothing is pending and no window is open', () => {
    expect(setsOf('inner', complete)).toBe(11);
  });

  it('stay few on richer hardware', () => {
    expect(setsOf('mixed', complete)).toBe(27);
    expect(setsOf('outer', complete)).toBe(77);
    expect(setsOf('two-cpus', complete)).toBe(18);
  });

  it('count moves up to a hundred: an old line may be carried from cache to cache for ever', () => {
    const automaton = new Automaton(byteModel('two-cpus'));
    const carry = [Operation.localInvalidate, Operation.cpu1LocalInvalidate];
    let node = automaton.step(automaton.start(Start.memoryOnly), Operation.deviceWrite);
    expect(automaton.staleMoves(node, Operation.cpuRead)).toBe(1);
    for (const operation of carry) node = automaton.step(node, operation);
    expect(automaton.staleMoves(node, Operation.cpuRead)).toBe(2);
    for (let i = 0; i < 200; i++) for (const operation of carry) node = automaton.step(node, operation);
    expect(automaton.staleMoves(node, Operation.cpuRead)).toBe(100);
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
