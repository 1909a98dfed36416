import { expect, test } from 'vitest';
import { Direction as TraceDirection } from '../trace/index.ts';
import { CacheFlushOp, DIRECTION_NAMES, Direction } from './index.ts';

test('directions have the numbers that traces print', () => {
  for (const name of ['bidirectional', 'toDevice', 'fromDevice'] as const)
    expect(Direction[name]).toBe(TraceDirection[name]);
});

test('each direction has the kernel\u2019s name', () => {
  expect(DIRECTION_NAMES[Direction.bidirectional]).toBe('BIDIRECTIONAL');
  expect(DIRECTION_NAMES[Direction.toDevice]).toBe('TO_DEVICE');
  expect(DIRECTION_NAMES[Direction.fromDevice]).toBe('FROM_DEVICE');
});

test('flush operations are the bits of the ABI', () => {
  expect([CacheFlushOp.clean, CacheFlushOp.invalidate]).toEqual([1, 2]);
});
