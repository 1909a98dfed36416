import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr } from '../address/index.ts';
import { Operation, type Regime } from '../coherence/index.ts';
import { countLines, forEachPiece, type MaintenanceCall, maintenanceCalls } from './maintenance.ts';

const BASE = 2 ** 34;
const at = (offset: number): MachineAddr => machineAddr(BASE + offset);
const lineSize = fc.constantFrom(32, 64, 128, 2048);
/** Ranges of some lines, with the edges often on a line's bound. */
const edge = fc.oneof(
  fc.nat(600),
  fc.nat(18).map((i) => i * 32),
  fc.nat(4).map((i) => i * 2048),
);
const ranges = fc.tuple(edge, edge);

interface Piece {
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly operation: Operation;
}
function pieces(call: MaintenanceCall, from: number, to: number, line: number): Piece[] {
  const found: Piece[] = [];
  forEachPiece(call, at(from), at(to), line, (low, high, operation) =>
    found.push({ from: low, to: high, operation }),
  );
  return found;
}

/** What a line gets, straight from the text: whole lines the one, lines covered in part the other. */
function effectOn(line: number, size: number, from: number, to: number, call: MaintenanceCall) {
  if (from >= to || from >= line + size || to <= line) return undefined;
  return from <= line && to >= line + size ? call.wholeEffect : call.partialEffect;
}

test.each<[Regime, keyof ReturnType<typeof maintenanceCalls>]>([
  ['EL1', 'invalidate'],
  ['EL1-stage2', 'invalidate'],
  ['EL2', 'invalidate'],
  ['EL2', 'clean'],
  ['EL2', 'cleanInvalidate'],
])('each line gets the effect of being covered whole or in part: %s %s', (regime, name) => {
  const call = maintenanceCalls(regime)[name];
  fc.assert(
    fc.property(ranges, lineSize, ([from, to], size) => {
      const found = pieces(call, from, to, size);
      for (let line = -size; line < 10_000; line += size) {
        const hits = found.filter((piece) => piece.from <= at(0) + line && at(0) + line < piece.to);
        const wanted = effectOn(line, size, from, to, call);
        expect(hits.map(({ operation }) => operation)).toEqual(wanted === undefined ? [] : [wanted]);
      }
    }),
  );
});

test('pieces are whole lines, ascending, and at most three', () => {
  fc.assert(
    fc.property(ranges, lineSize, ([from, to], size) => {
      const found = pieces(maintenanceCalls('EL2').invalidate, from, to, size);
      expect(found.length).toBeLessThanOrEqual(3);
      let last = 0;
      for (const piece of found) {
        expect([piece.from % size, piece.to % size]).toEqual([0, 0]);
        expect(piece.from).toBeGreaterThanOrEqual(last);
        expect(piece.to).toBeGreaterThan(piece.from);
        last = piece.to;
      }
    }),
  );
});

test('lines are counted as they would be one by one', () => {
  const call = maintenanceCalls('EL2').invalidate;
  fc.assert(
    fc.property(ranges, lineSize, ([from, to], size) => {
      const count = { whole: 0, partial: 0 };
      for (let line = 0; line < 10_000; line += size) {
        const effect = effectOn(line, size, from, to, call);
        if (effect === call.wholeEffect) count.whole++;
        else if (effect === call.partialEffect) count.partial++;
      }
      expect(countLines(at(from), at(to), size)).toEqual(count);
    }),
  );
});

test('an invalidate is real at EL1 alone and at EL2, and writes back under stage 2', () => {
  expect(maintenanceCalls('EL1').invalidate.wholeEffect).toBe(Operation.invalidate);
  expect(maintenanceCalls('EL2').invalidate.wholeEffect).toBe(Operation.invalidate);
  expect(maintenanceCalls('EL1-stage2').invalidate.wholeEffect).toBe(Operation.cleanInvalidate);
});

test.each<Regime>(['EL1', 'EL1-stage2', 'EL2'])(
  'an invalidate of a line in part saves the rest of it: %s',
  (regime) => {
    expect(maintenanceCalls(regime).invalidate.partialEffect).toBe(Operation.cleanInvalidate);
  },
);
