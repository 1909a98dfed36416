import fc from 'fast-check';
import { expect, test } from 'vitest';
import { machineAddr } from '../address/index.ts';
import { Operation as LineOperation } from '../coherence/index.ts';
import { maintenanceCalls } from '../machine/index.ts';
import { forEachReached } from '../machine/lines.ts';
import { instructionsOn, linesReached } from './instructions.ts';
import type { LineEffect } from './operations.ts';

const BASE = 2 ** 31;
const NAMES: Partial<Record<LineOperation, LineEffect>> = {
  [LineOperation.clean]: 'clean',
  [LineOperation.invalidate]: 'invalidate',
  [LineOperation.cleanInvalidate]: 'clean+invalidate',
};

test('a range gets whole and partial lines, each with its instruction', () => {
  const span = [machineAddr(BASE + 32), machineAddr(BASE + 192)] as const;
  const call = {
    do: 'maintain',
    whole: 'invalidate',
    partial: 'clean+invalidate',
    span,
    stride: undefined,
    spare: undefined,
  } as const;
  expect(linesReached(call, 64)).toEqual([BASE, BASE + 64, BASE + 128]);
  expect(linesReached(call, 64).map((line) => instructionsOn(call, line, 64))).toEqual([
    ['clean+invalidate'],
    ['invalidate'],
    ['invalidate'],
  ]);
});

test('the lines and instructions are those of the machine, whatever the range and the stride', () => {
  const size = fc.constantFrom(16, 32, 64, 128);
  fc.assert(
    fc.property(fc.nat(600), fc.integer({ min: 1, max: 600 }), size, size, (offset, length, line, stride) => {
      const from = machineAddr(BASE + offset);
      const to = machineAddr(BASE + offset + length);
      const expected = new Map<number, LineEffect[]>();
      forEachReached(maintenanceCalls('EL2').invalidate, from, to, stride, line, (low, high, operation) => {
        for (let at: number = low; at < high; at += line) {
          const effect = NAMES[operation] as LineEffect;
          const before = expected.get(at) ?? [];
          if (before.at(-1) !== effect) expected.set(at, [...before, effect]);
        }
      });
      const call = {
        do: 'maintain',
        whole: 'invalidate',
        partial: 'clean+invalidate',
        span: [from, to],
        stride,
        spare: undefined,
      } as const;
      const found = linesReached(call, line).map((at) => [at, instructionsOn(call, at, line)] as const);
      expect(found).toEqual([...expected].sort(([a], [b]) => a - b));
    }),
  );
});
