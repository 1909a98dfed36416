/** Bytes through the concrete machine: what is stored is what is read, stale where it is stale, and copies remember where they come from. */
import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr, offsetBy } from '../../address/index.ts';
import { maintenanceCalls } from '../maintenance.ts';
import { ConcreteMachine } from './concrete.ts';
import type { Content } from './data.ts';

const CPU = { cpu: 0, cacheable: true };
const DISK = { name: 'disk', snoops: false };
const AT = machineAddr(0x10000);
const CALLS = maintenanceCalls('EL2');

/** Nothing happens by itself. */
function machine() {
  const spec = {
    lineSizes: [64],
    outerCache: false,
    localMaintenance: false,
    explicitBarriers: false,
    cpus: 1,
  } as const;
  return new ConcreteMachine(spec, () => {}, { rate: 0 });
}
const content = (byte: number, mark: number, size = 128): Content => ({
  bytes: new Uint8Array(size).fill(byte),
  marks: new Uint32Array(size).fill(mark),
});
const to = (size: number): MachineAddr => offsetBy(AT, size);

test('a device that does not snoop reads old bytes until the line is cleaned, and is told which', () => {
  const one = machine();
  one.cpuWrite(CPU, AT, to(128), content(7, 1));
  one.maintain(0, CALLS.clean, AT, to(64));
  const read = one.deviceRead(DISK, AT, to(128));
  expect([read.bytes[0], read.bytes[63], read.bytes[64]]).toEqual([7, 7, 0]);
  expect([read.marks[63], read.marks[64]]).toEqual([1, 0]);
  expect([read.wrong[63], read.wrong[64]]).toEqual([0, 1]);
  expect(one.current(AT, to(128))).toMatchObject(content(7, 1));
});

test('the CPU reads what the device wrote once its line is gone', () => {
  const one = machine();
  one.cpuWrite(CPU, AT, to(128), content(7, 1));
  one.maintain(0, CALLS.invalidate, AT, to(128), { spare: [AT, to(128)] });
  // The first line comes back too early.
  one.cpuRead(CPU, AT, to(64));
  one.deviceWrite(DISK, AT, to(128), content(9, 2));
  const early = one.cpuRead(CPU, AT, to(128));
  expect([early.wrong[0], early.wrong[64], early.bytes[64], early.marks[64]]).toEqual([1, 0, 9, 2]);
  one.maintain(0, CALLS.invalidate, AT, to(128));
  expect(one.cpuRead(CPU, AT, to(128))).toMatchObject({ ...content(9, 2), wrong: new Uint8Array(128) });
});

test('a copy has the bytes that were read, and where they come from', () => {
  const one = machine();
  const target = machineAddr(0x20000);
  one.cpuWrite(CPU, AT, to(128), content(7, 1));
  one.cpuCopy(CPU, AT, to(128), target);
  expect(one.cpuRead(CPU, target, offsetBy(target, 128))).toMatchObject({
    ...content(7, 1),
    wrong: new Uint8Array(128),
  });
});

test('a store of which no bytes are known is of zeroes that come from nowhere', () => {
  const one = machine();
  one.cpuWrite(CPU, AT, to(64), content(7, 1, 64));
  one.cpuWrite(CPU, AT, to(64));
  expect(one.cpuRead(CPU, AT, to(64))).toMatchObject(content(0, 0, 64));
});
