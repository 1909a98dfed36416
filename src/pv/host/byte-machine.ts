/** A machine through which data flows, so that it can be seen what arrives. */
import type { MachineAddr } from '../../address/index.ts';
import type { Content, ReadContent } from '../../machine/concrete/index.ts';
import type { CpuAccess, Machine, Port } from '../../machine/index.ts';

export interface ByteMachine extends Machine {
  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): ReadContent;
  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr, content?: Content): void;
  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): ReadContent;
  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr, content?: Content): void;
  /** What a machine without caches would hold; undefined where that is not known. */
  current(from: MachineAddr, to: MachineAddr): Content | undefined;
}

/** A machine that knows only what can go wrong, and no bytes: reads give zeroes that nobody wrote. */
export function withoutBytes(machine: Machine): ByteMachine {
  return {
    spec: machine.spec,
    granule: machine.granule,
    initialise: machine.initialise.bind(machine),
    cpuRead(access, from, to) {
      machine.cpuRead(access, from, to);
      return unknown(to - from);
    },
    cpuWrite: (access, from, to) => machine.cpuWrite(access, from, to),
    cpuCopy: machine.cpuCopy.bind(machine),
    deviceRead(port, from, to) {
      machine.deviceRead(port, from, to);
      return unknown(to - from);
    },
    deviceWrite: (port, from, to) => machine.deviceWrite(port, from, to),
    openWindow: machine.openWindow.bind(machine),
    closeWindow: machine.closeWindow.bind(machine),
    maintain: machine.maintain.bind(machine),
    invalidateAll: machine.invalidateAll.bind(machine),
    maintainOuter: machine.maintainOuter.bind(machine),
    barrier: machine.barrier.bind(machine),
    newOwner: machine.newOwner.bind(machine),
    setFills: machine.setFills.bind(machine),
    current: () => undefined,
  };
}

function unknown(size: number): ReadContent {
  return { bytes: new Uint8Array(size), marks: new Uint32Array(size), wrong: new Uint8Array(size) };
}

/** Told of what a machine is asked to do. */
export interface Watcher {
  /** Maintenance is about to be carried out. */
  maintained(call: Parameters<Machine['maintain']>[1], from: MachineAddr, to: MachineAddr): void;
  /** Asked to carry out a copy. */
  copying(copy: () => void, from: MachineAddr, to: MachineAddr, target: MachineAddr): void;
}

export function watched(machine: ByteMachine, watcher: Watcher): ByteMachine {
  return {
    spec: machine.spec,
    granule: machine.granule,
    initialise: machine.initialise.bind(machine),
    cpuRead: machine.cpuRead.bind(machine),
    cpuWrite: machine.cpuWrite.bind(machine),
    cpuCopy: (access, from, to, target) =>
      watcher.copying(() => machine.cpuCopy(access, from, to, target), from, to, target),
    deviceRead: machine.deviceRead.bind(machine),
    deviceWrite: machine.deviceWrite.bind(machine),
    openWindow: machine.openWindow.bind(machine),
    closeWindow: machine.closeWindow.bind(machine),
    maintain(cpu, call, from, to, options) {
      watcher.maintained(call, from, to);
      machine.maintain(cpu, call, from, to, options);
    },
    invalidateAll: machine.invalidateAll.bind(machine),
    maintainOuter: machine.maintainOuter.bind(machine),
    barrier: machine.barrier.bind(machine),
    newOwner: machine.newOwner.bind(machine),
    setFills: machine.setFills.bind(machine),
    current: machine.current.bind(machine),
  };
}
