/** Rings: bytes where the ABI has them, indices that run on for ever, no lost wake-ups. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackRing, distance, FrontRing, ringSize } from './ring.ts';
import type { SharedPage } from './shared-page.ts';

function memoryPage(): { readonly page: SharedPage; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(4096);
  return {
    bytes,
    page: { read: (at, size) => bytes.slice(at, at + size), write: (at, data) => bytes.set(data, at) },
  };
}

const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getUint32(at, true);
const message = (value: number) =>
  Uint8Array.of(value % 256, Math.floor(value / 256) % 256, 0, 0, 0, 0, 0, 0);
const numberOf = (bytes: Uint8Array) => (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0);

describe('the layout', () => {
  test('a page has 32 entries of the block ring, 256 of each network ring', () => {
    expect([112, 12, 8].map(ringSize)).toEqual([32, 256, 256]);
  });

  test('indices at 0, 4, 8, 12, events from 1, entries from 64 on', () => {
    const { page, bytes } = memoryPage();
    const front = new FrontRing(page, 112, 16);
    expect([0, 4, 8, 12].map((at) => u32(bytes, at))).toEqual([0, 1, 0, 1]);
    front.put(new Uint8Array(112).fill(7));
    front.put(new Uint8Array(112).fill(9));
    expect(u32(bytes, 0)).toBe(0);
    front.push();
    expect(u32(bytes, 0)).toBe(2);
    expect([bytes[63], bytes[64], bytes[64 + 111], bytes[64 + 112]]).toEqual([0, 7, 7, 9]);
  });

  test('a response overwrites the request in its entry', () => {
    const { page, bytes } = memoryPage();
    const front = new FrontRing(page, 112, 16);
    const back = new BackRing(page, 112, 112);
    front.put(new Uint8Array(112).fill(7));
    front.push();
    back.take();
    back.put(new Uint8Array(16).fill(5));
    back.push();
    expect([bytes[64], bytes[64 + 15], bytes[64 + 16]]).toEqual([5, 5, 7]);
    expect(front.take()).toEqual(new Uint8Array(16).fill(5));
  });
});

test('distances are of 32 bits', () => {
  expect(distance(3, 2 ** 32 - 2)).toBe(5);
  expect(distance(2 ** 32 - 2, 3)).toBe(2 ** 32 - 5);
});

test('a full ring takes no more', () => {
  const front = new FrontRing(memoryPage().page, 8, 8);
  for (let i = 0; i < 256; i++) front.put(message(i));
  expect(() => front.put(message(0))).toThrow(RangeError);
});

test('more requests than entries is an overflow, and none of them is taken twice', () => {
  const { page, bytes } = memoryPage();
  new FrontRing(page, 112, 16).push();
  const back = new BackRing(page, 112, 112);
  expect(back.overflows).toBe(false);
  new DataView(bytes.buffer).setUint32(0, 32, true);
  expect(back.overflows).toBe(false);
  new DataView(bytes.buffer).setUint32(0, 33, true);
  expect(back.overflows).toBe(true);
  expect(back.unconsumed).toBe(32);
  new DataView(bytes.buffer).setUint32(0, 2 ** 32 - 1, true);
  expect(back.overflows).toBe(true);
});

test('a request is read once, however the page changes afterwards', () => {
  const { page, bytes } = memoryPage();
  let reads = 0;
  const counted: SharedPage = {
    ...page,
    read(at, size) {
      if (at >= 64) reads++;
      return page.read(at, size);
    },
  };
  const front = new FrontRing(page, 112, 16);
  const back = new BackRing(counted, 112, 112);
  front.put(new Uint8Array(112).fill(1));
  front.push();
  const request = back.take();
  bytes.fill(2, 64);
  expect(request).toEqual(new Uint8Array(112).fill(1));
  expect(reads).toBe(1);
});

/**
 * Both ends do things in any order; each looks into the ring only while it is awake, goes to sleep by its final check, which the other end may come
 * before, and is woken by notifications only. If everybody sleeps, everything has arrived.
 */
test('who is notified when the ring says so misses nothing, also where indices wrap', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 2 ** 32 - 3, 2 ** 32 - 300, 12_345),
      fc.array(
        fc.constantFrom(
          'put',
          'push',
          'back takes',
          'back sleeps',
          'answer',
          'push answers',
          'front takes',
          'front sleeps',
        ),
        { maxLength: 200 },
      ),
      (from, moves) => {
        const { page } = memoryPage();
        const front = new FrontRing(page, 112, 8, from);
        const back = new BackRing(page, 112, 112);
        let sent = 0;
        let received = 0;
        const held: number[] = [];
        let backAwake = false;
        let frontAwake = false;
        const doMove: Record<(typeof moves)[number], () => void> = {
          put: () => {
            if (front.free > 0) front.put(message(sent++));
          },
          push: () => {
            if (front.push()) backAwake = true;
          },
          'back takes': () => {
            if (!backAwake) return;
            for (let one = back.take(); one !== undefined; one = back.take()) held.push(numberOf(one));
          },
          'back sleeps': () => {
            if (backAwake) backAwake = back.finalCheck();
          },
          answer: () => {
            const one = held.shift();
            if (one !== undefined) back.put(message(one));
          },
          'push answers': () => {
            if (back.push()) frontAwake = true;
          },
          'front takes': () => {
            if (!frontAwake) return;
            for (let one = front.take(); one !== undefined; one = front.take())
              expect(numberOf(one)).toBe(received++ % 65_536);
          },
          'front sleeps': () => {
            if (frontAwake) frontAwake = front.finalCheck();
          },
        };
        for (const move of moves) doMove[move]();
        // Nothing new: whoever is awake works until all sleep.
        for (let i = 0; i < 4; i++) {
          for (const move of ['push', 'back takes', 'back sleeps', 'back takes', 'back sleeps'] as const)
            doMove[move]();
          while (held.length > 0) doMove.answer();
          for (const move of [
            'push answers',
            'front takes',
            'front sleeps',
            'front takes',
            'front sleeps',
          ] as const)
            doMove[move]();
        }
        expect(received).toBe(sent);
      },
    ),
    { numRuns: 300 },
  );
});
