import { describe, expect, expectTypeOf, test } from 'vitest';
import { ADDRESS_LIMIT, isAddress } from './brand.ts';
import { hex } from './hex.ts';
import { bfnToPfn, busToPhys, dmaToMachine, machineToDma, physToBus } from './identity.ts';
import {
  type DmaAddr,
  dmaAddr,
  type Gfn,
  gfn,
  type MachineAddr,
  type Mfn,
  machineAddr,
  mfn,
  type Pfn,
  type PhysAddr,
  pfn,
  physAddr,
} from './kinds.ts';
import { machineAddrOf, mfnOf, physAddrOf } from './page.ts';
import { DMA_MAPPING_ERROR, INVALID_P2M_ENTRY, NO_SLOT } from './sentinel.ts';

const constructors = { mfn, gfn, pfn, machineAddr, physAddr, dmaAddr };

describe.each(Object.entries(constructors))('%s', (_name, brand) => {
  test('takes every whole number below 2^53', () => {
    for (const value of [0, 2 ** 32, ADDRESS_LIMIT - 1]) expect(brand(value)).toBe(value);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, ADDRESS_LIMIT])('refuses %s by name', (value) => {
    expect(() => brand(value)).toThrow(new RegExp(`: ${value} is not a whole number in \\[0, 2\\^53\\)`));
  });
});

// What these lines assert is that `tsc --noEmit` passes: an unused @ts-expect-error is an error.
describe('the kinds of address are kept apart by the type checker', () => {
  test('a Pfn is no Mfn', () => {
    expectTypeOf<Pfn>().not.toExtend<Mfn>();
    // @ts-expect-error a pseudo-physical frame where a machine frame is wanted
    expect(machineAddrOf(pfn(1))).toBe(4096);
  });

  test('an Mfn is no Pfn', () => {
    // @ts-expect-error a machine frame where a pseudo-physical frame is wanted
    expect(physAddrOf(mfn(1))).toBe(4096);
  });

  test('a DMA address is no machine address', () => {
    // @ts-expect-error a bus address where a machine address is wanted
    expect(mfnOf(dmaAddr(4096))).toBe(1);
  });

  test('a bare number is no frame', () => {
    // @ts-expect-error a number that nobody has checked
    expect(machineAddrOf(1)).toBe(4096);
  });

  test('no two kinds are the same', () => {
    expectTypeOf<Gfn>().not.toExtend<Mfn | Pfn>();
    expectTypeOf<PhysAddr>().not.toExtend<MachineAddr | DmaAddr>();
    expectTypeOf<MachineAddr>().not.toExtend<PhysAddr | DmaAddr>();
  });

  test('every kind reads as a number', () => {
    expectTypeOf<Mfn | Gfn | Pfn | MachineAddr | PhysAddr | DmaAddr>().toExtend<number>();
  });
});

test('reading one kind as another changes the kind and not the number', () => {
  expect(bfnToPfn(mfn(0x13fadf))).toBe(0x13fadf);
  expect(busToPhys(machineAddr(2 ** 40))).toBe(2 ** 40);
  expect(physToBus(physAddr(2 ** 40))).toBe(2 ** 40);
  expect(machineToDma(machineAddr(2 ** 40))).toBe(2 ** 40);
  expect(dmaToMachine(dmaAddr(2 ** 40))).toBe(2 ** 40);
});

test('no sentinel is an address', () => {
  for (const sentinel of [DMA_MAPPING_ERROR, NO_SLOT, INVALID_P2M_ENTRY])
    expect(isAddress(sentinel)).toBe(false);
});

test('addresses are written in lower-case hexadecimal', () => {
  expect(hex(dmaAddr(0x13fadf000))).toBe('0x13fadf000');
  expect(hex(mfn(0))).toBe('0x0');
  expect(hex(DMA_MAPPING_ERROR)).toBe('0xffffffffffffffff');
});
