import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr } from '../address/index.ts';
import { Runs } from './runs.ts';

const BASE = 2 ** 33;
const SIZE = 24;
const at = (offset: number): MachineAddr => machineAddr(BASE + offset);

interface Change {
  readonly from: number;
  readonly to: number;
  /** New value of a byte: (old * times + plus) % 5. */
  readonly times: number;
  readonly plus: number;
}
const change = fc.record({
  from: fc.integer({ min: -4, max: SIZE + 4 }),
  to: fc.integer({ min: -4, max: SIZE + 4 }),
  times: fc.nat(1),
  plus: fc.nat(4),
});
const changes = fc.array(change, { maxLength: 12 });

function apply(runs: Runs<number>, { from, to, times, plus }: Change): void {
  runs.update(at(from), at(to), (value) => (value * times + plus) % 5);
}

function bytesOf(runs: Runs<number>): number[] {
  const bytes: number[] = [];
  runs.visit(at(-100), at(100), (value, from, to) => {
    for (let byte = from; byte < to; byte++) bytes[byte - BASE] = value;
  });
  return bytes;
}

/** The same as an array of bytes. */
function model(list: readonly Change[]): number[] {
  const bytes = new Array<number>(SIZE).fill(3);
  for (const { from, to, times, plus } of list)
    bytes.forEach((value, i) => {
      if (from <= i && i < to) bytes[i] = (value * times + plus) % 5;
    });
  return bytes;
}

test('runs hold what an array of bytes would hold', () => {
  fc.assert(
    fc.property(changes, (list) => {
      const runs = new Runs<number>(at(0), at(SIZE), 3);
      for (const one of list) apply(runs, one);
      expect(bytesOf(runs)).toEqual(model(list));
    }),
    { numRuns: 1000 },
  );
});

test('neighbouring runs are never equal, so there are as few as can be', () => {
  fc.assert(
    fc.property(changes, (list) => {
      const runs = new Runs<number>(at(0), at(SIZE), 3);
      for (const one of list) apply(runs, one);
      const bytes = model(list);
      expect(runs.count).toBe(1 + bytes.filter((value, i) => i > 0 && value !== bytes[i - 1]).length);
    }),
    { numRuns: 1000 },
  );
});

test('a change is asked for once a run, not once a byte', () => {
  const runs = new Runs<number>(at(0), at(2 ** 20), 1);
  let asked = 0;
  runs.update(at(64), at(2 ** 20 - 64), (value) => {
    asked++;
    return value + 1;
  });
  expect([asked, runs.count]).toEqual([1, 3]);
});

test('a visit sees the runs in order, cut to what was asked for', () => {
  fc.assert(
    fc.property(changes, fc.nat(SIZE), fc.nat(SIZE), (list, from, to) => {
      const runs = new Runs<number>(at(0), at(SIZE), 3);
      for (const one of list) apply(runs, one);
      const seen: number[] = [];
      let last = from;
      runs.visit(at(from), at(to), (value, low, high) => {
        expect(low).toBe(BASE + last);
        last = high - BASE;
        for (let byte = low; byte < high; byte++) seen.push(value);
      });
      expect(seen).toEqual(bytesOf(runs).slice(from, Math.max(from, to)));
    }),
  );
});

test('a clone and its original go their own ways', () => {
  fc.assert(
    fc.property(changes, changes, changes, (before, one, other) => {
      const runs = new Runs<number>(at(0), at(SIZE), 3);
      for (const each of before) apply(runs, each);
      const copy = runs.clone();
      for (const each of one) apply(runs, each);
      for (const each of other) apply(copy, each);
      expect(bytesOf(runs)).toEqual(model([...before, ...one]));
      expect(bytesOf(copy)).toEqual(model([...before, ...other]));
    }),
  );
});
