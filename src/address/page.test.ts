import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ADDRESS_LIMIT } from './brand.ts';
import { dmaAddr, machineAddr, mfn, pfn, physAddr } from './kinds.ts';
import {
  ceilTo,
  dmaPage,
  floorTo,
  lowBits,
  machineAddrOf,
  mfnOf,
  offsetBy,
  PAGE_SIZE,
  pageOffset,
  pfnOf,
  physAddrOf,
} from './page.ts';

/** Addresses of every magnitude; most above 4 GiB. One page below the limit, so that sums stay addresses. */
const address = fc.oneof(
  fc.nat(2 ** 31 - 1),
  fc.integer({ min: 2 ** 32 - PAGE_SIZE, max: 2 ** 32 + PAGE_SIZE }),
  fc.integer({ min: 0, max: ADDRESS_LIMIT - 2 * PAGE_SIZE }),
);
const lineSize = fc.constantFrom(32, 64, 128, 2048, PAGE_SIZE);

test('page and line arithmetic is that of 64-bit integers, above 4 GiB too', () => {
  fc.assert(
    fc.property(address, lineSize, (value, size) => {
      const [exact, step] = [BigInt(value), BigInt(size)];
      expect(BigInt(floorTo(machineAddr(value), size))).toBe((exact / step) * step);
      expect(BigInt(ceilTo(machineAddr(value), size))).toBe(((exact + step - 1n) / step) * step);
      expect(BigInt(pageOffset(dmaAddr(value)))).toBe(exact % 4096n);
      expect(BigInt(mfnOf(machineAddr(value)))).toBe(exact / 4096n);
      expect(BigInt(pfnOf(physAddr(value)))).toBe(exact / 4096n);
      expect(BigInt(dmaPage(dmaAddr(value)))).toBe(exact / 4096n);
    }),
  );
});

test('an address is the first byte of its frame and its offset in the page', () => {
  fc.assert(
    fc.property(address, (value) => {
      const [machine, phys] = [machineAddr(value), physAddr(value)];
      expect(offsetBy(machineAddrOf(mfnOf(machine)), pageOffset(machine))).toBe(value);
      expect(offsetBy(physAddrOf(pfnOf(phys)), pageOffset(phys))).toBe(value);
    }),
  );
});

test('a frame above 4 GiB keeps all its bits on the way to bytes', () => {
  expect(machineAddrOf(mfn(0x13fadf))).toBe(0x13fadf000);
  expect(physAddrOf(pfn(2 ** 36))).toBe(2 ** 48);
});

test('a 32-bit unsigned long drops what is above 4 GiB, a 64-bit one nothing', () => {
  fc.assert(
    fc.property(address, (value) => {
      expect(BigInt(lowBits(dmaAddr(value), 32))).toBe(BigInt.asUintN(32, BigInt(value)));
      expect(lowBits(dmaAddr(value), 64)).toBe(value);
    }),
  );
});
