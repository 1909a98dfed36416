import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr, type PhysAddr, physAddr } from '../../address/index.ts';
import { NO_FOOTPRINT } from '../../machine/index.ts';
import { Bounces } from './bounces.ts';

const BUFFER = 0x1000;
const SLOT = 0x8000;
/** The domain's addresses are 0x100000 below the machine's. */
const machine = (at: number): MachineAddr => machineAddr(at + 0x10_0000);
const SIZE = 256;

function begin(bounces: Bounces, slot = SLOT, buffer = BUFFER): object {
  const owner = {};
  copy(bounces, 'to slot', slot, buffer);
  map(bounces, owner, slot, buffer);
  return owner;
}
function copy(bounces: Bounces, way: 'to slot' | 'from slot', slot = SLOT, buffer = BUFFER): void {
  bounces.copied('dom0', { way, slot: physAddr(slot), buffer: physAddr(buffer), size: SIZE });
}
function map(bounces: Bounces, owner: object, slot: number, buffer: number): void {
  const at: PhysAddr = physAddr(buffer);
  bounces.mapped(owner, {
    domain: 'dom0',
    buffer: at,
    slot: physAddr(slot),
    slotMachine: machine(slot),
    // Two pages that lie apart in the machine.
    bufferMachine: [
      [machine(buffer), machine(buffer + 128)],
      [machine(buffer + 0x5_0000), machine(buffer + 0x5_0000 + 128)],
    ],
  });
}
/** Bytes of [at, at + size) that a CPU reads wrongly. */
function read(bounces: Bounces, at: number, size: number): string[] {
  const wrong: string[] = [];
  bounces.cpu('read', machine(at), size, (rule, from, to) => wrong.push(`${rule} ${from} ${to}`));
  return wrong;
}

test('what a device wrote is not in the buffer before it is copied, by whatever address one looks', () => {
  const bounces = new Bounces(NO_FOOTPRINT);
  begin(bounces);
  bounces.device('write', machine(SLOT + 64), 128, () => {});
  expect(read(bounces, BUFFER, 128)).toEqual(['stale-cpu-read 64 128']);
  expect(read(bounces, BUFFER + 0x5_0000 - 64, 256)).toEqual(['stale-cpu-read 64 128']);
  copy(bounces, 'from slot');
  expect(read(bounces, BUFFER, 128)).toEqual([]);
});

test('a slot that the next mapping fills already is not the last one\u2019s', () => {
  const bounces = new Bounces(NO_FOOTPRINT);
  const first = begin(bounces);
  // The slot is free again; its first mapping is forgotten a moment later.
  const other = 0x3000;
  copy(bounces, 'to slot', SLOT, other);
  bounces.unmapped(first);
  map(bounces, {}, SLOT, other);
  const wrong: string[] = [];
  bounces.device('read', machine(SLOT), SIZE, (rule) => wrong.push(rule));
  expect(wrong).toEqual([]);
});

test('what an earlier mapping never copied back does not count once the bytes are new', () => {
  const bounces = new Bounces(NO_FOOTPRINT);
  const first = begin(bounces);
  bounces.device('write', machine(SLOT), SIZE, () => {});
  bounces.unmapped(first);
  expect(read(bounces, BUFFER, 128)).toEqual(['stale-cpu-read 0 128']);
  begin(bounces, SLOT + 0x800);
  bounces.device('write', machine(SLOT + 0x800), SIZE, () => {});
  copy(bounces, 'from slot', SLOT + 0x800);
  expect(read(bounces, BUFFER, 128)).toEqual([]);
});

test('the device sees what was copied before the CPU wrote again', () => {
  const bounces = new Bounces(NO_FOOTPRINT);
  begin(bounces);
  bounces.cpu('write', machine(BUFFER + 0x5_0000), 32, () => {});
  const wrong: string[] = [];
  bounces.device('read', machine(SLOT), SIZE, (rule, from, to) => wrong.push(`${rule} ${from} ${to}`));
  expect(wrong).toEqual(['stale-device-read 128 160']);
});
