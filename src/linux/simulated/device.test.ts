import { describe, expect, test } from 'vitest';
import { DMA_MAPPING_ERROR, dmaAddr, machineAddr } from '../../address/index.ts';
import { NIC } from '../testing.ts';
import { isCapable, type SimulatedDevice, toBus, toDma } from './device.ts';

/** Raspberry Pi 4's PCIe: 4 GiB of memory appear at 16 GiB on the bus, here with two windows. */
const PI: SimulatedDevice = {
  ...NIC,
  windows: [
    { busFrom: dmaAddr(0x4_0000_0000), machineFrom: machineAddr(0), size: 0x1_0000_0000 },
    { busFrom: dmaAddr(0x8_0000_0000), machineFrom: machineAddr(0x2_0000_0000), size: 0x1000_0000 },
  ],
};

describe('dma-ranges', () => {
  test('translate within a window, and back', () => {
    for (const [machine, dma] of [
      [0x1234_5678, 0x4_1234_5678],
      [0x2_0000_0000, 0x8_0000_0000],
    ] as const) {
      expect(toDma(PI, machineAddr(machine), 64)).toBe(dma);
      expect(toBus(PI, dmaAddr(dma), 64)).toBe(machine);
    }
  });

  test('make what lies outside all windows a mapping error that no device is capable of', () => {
    const outside = toDma(PI, machineAddr(0x1_0000_0000), 64);
    expect(outside).toBe(DMA_MAPPING_ERROR);
    expect(isCapable(PI, outside, 1)).toBe(false);
    expect(toBus(PI, dmaAddr(0x1000), 64)).toBe(-1);
    expect(toBus(PI, DMA_MAPPING_ERROR, 64)).toBe(-1);
  });

  test('are given what a phys_addr_t of 32 bits keeps of a machine address', () => {
    expect(toDma(NIC, machineAddr(0x1_2345_6000), 32)).toBe(0x2345_6000);
    expect(toDma(NIC, machineAddr(0x1_2345_6000), 64)).toBe(0x1_2345_6000);
    expect(toBus(NIC, dmaAddr(0x1_2345_6000), 32)).toBe(0x2345_6000);
  });
});

describe('dma_capable', () => {
  test('looks at the last byte, at mask and bus limit alike', () => {
    const device = { ...NIC, dmaMask: dmaAddr(0xffff), busLimit: dmaAddr(0xfff) };
    expect([0xff0, 0xff1].map((at) => isCapable(device, dmaAddr(at), 16))).toEqual([true, false]);
    const masked = { ...NIC, dmaMask: dmaAddr(0xffff) };
    expect([0xfff0, 0xfff1].map((at) => isCapable(masked, dmaAddr(at), 16))).toEqual([true, false]);
  });

  test('has no limit where none is known', () => {
    expect(isCapable(NIC, dmaAddr(2 ** 52), 2 ** 20)).toBe(true);
  });
});
