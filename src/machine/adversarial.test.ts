import { expect, test } from 'vitest';
import { type MachineAddr, machineAddr } from '../address/index.ts';
import { witness } from '../coherence/index.ts';
import { AdversarialMachine, type AdversarialOptions } from './adversarial.ts';
import type { MachineFault, MachineSpec, Port } from './machine.ts';
import { maintenanceCalls } from './maintenance.ts';

const SPEC: MachineSpec = {
  lineSizes: [64],
  outerCache: false,
  localMaintenance: false,
  explicitBarriers: false,
  cpus: 1,
};
const BASE = 2 ** 33 + 3 * 4096;
const at = (offset: number): MachineAddr => machineAddr(BASE + offset);
const CPU = { cpu: 0, cacheable: true } as const;
const DMA: Port = { name: 'dma', snoops: false };
const EL1 = maintenanceCalls('EL1-stage2');
const EL2 = maintenanceCalls('EL2');

function machine(spec: Partial<MachineSpec> = {}, options: AdversarialOptions = {}) {
  const faults: MachineFault[] = [];
  const made = new AdversarialMachine({ ...SPEC, ...spec }, (fault) => faults.push(fault), options);
  return { machine: made, faults, told: () => faults.splice(0).map(brief) };
}
const brief = ({ rule, moves, from, to, consequence }: MachineFault): string =>
  `${rule} ${moves} [${from - BASE}, ${to - BASE})${consequence ? ' consequence' : ''}`;

test('a device reads what was never cleaned', () => {
  const { machine: m, told } = machine();
  m.cpuWrite(CPU, at(0), at(4096));
  m.deviceRead(DMA, at(0), at(4096));
  expect(told()).toEqual(['stale-device-read 0 [0, 4096)']);
  m.deviceRead(DMA, at(0), at(100));
  expect(told()).toEqual(['stale-device-read 0 [0, 100) consequence']);
  m.cpuWrite(CPU, at(0), at(10));
  m.maintain(0, EL1.clean, at(0), at(4096));
  m.deviceRead(DMA, at(0), at(4096));
  expect(told()).toEqual([]);
});

test('a fault is one range across frames, and only the bytes that are wrong', () => {
  const { machine: m, told } = machine();
  m.initialise(at(0), at(3 * 4096), 'clean');
  m.cpuWrite(CPU, at(4000), at(9000));
  m.deviceRead(DMA, at(0), at(3 * 4096));
  expect(told()).toEqual(['stale-device-read 0 [4000, 9000)']);
});

test('a received buffer is stale without an invalidate after it, with one hardware move', () => {
  const { machine: m, told } = machine();
  m.initialise(at(0), at(256), 'anything');
  m.maintain(0, EL1.invalidate, at(0), at(256));
  m.openWindow('rx', DMA, at(0), at(256), { reads: false, writes: true });
  m.closeWindow('rx', at(0), at(256));
  m.cpuRead(CPU, at(0), at(256));
  expect(told()).toEqual(['stale-cpu-read 1 [0, 256)']);
});

test('windows are counted: the device may write until the last one closes', () => {
  const { machine: m, told } = machine();
  m.initialise(at(0), at(128), 'clean');
  m.openWindow('a', DMA, at(0), at(128), { reads: false, writes: true });
  m.openWindow('b', DMA, at(64), at(128), { reads: false, writes: true });
  m.closeWindow('a', at(0), at(128));
  m.maintain(0, EL1.invalidate, at(0), at(128));
  m.cpuRead(CPU, at(0), at(128));
  expect(told()).toEqual(['stale-cpu-read 1 [64, 128)']);
});

test('a real invalidate destroys a neighbour only where it covers the line whole', () => {
  const { machine: m, told } = machine();
  m.maintain(0, EL2.invalidate, at(32), at(192));
  expect(told()).toEqual(['lost-write 0 [64, 192)']);
  m.maintain(0, EL2.invalidate, at(256), at(512), { spare: [at(256), at(384)] });
  expect(told()).toEqual(['lost-write 0 [384, 512)']);
});

test('the history of a byte rebuilds its execution', () => {
  const { machine: m, faults } = machine({}, { follow: at(70) });
  m.initialise(at(0), at(256), 'anything');
  m.label = 1;
  m.maintain(0, EL1.invalidate, at(0), at(256));
  m.label = 2;
  m.openWindow('rx', DMA, at(0), at(256), { reads: false, writes: true });
  m.closeWindow('rx', at(0), at(256));
  m.label = 3;
  m.cpuRead(CPU, at(0), at(256));
  const history = m.history();
  const [fault] = history?.faults ?? [];
  if (history === undefined || fault === undefined) throw new Error('nothing followed');
  expect([fault.label, fault.rule, faults.length]).toEqual([3, 'stale-cpu-read', 1]);
  const found = witness(
    history.start,
    history.steps.map(({ step }) => step),
    fault.fault,
  );
  expect(found?.hardwareMoves).toBe(fault.moves);
});
