/** What Xen does to the machine: at EL2, on its own cacheable mappings, on the core that executes the hypercall. */
import {
  type ByteRange,
  type MachineAddr,
  type Mfn,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
} from '../address/index.ts';
import { type Machine, maintenanceCalls } from '../machine/index.ts';
import { ControlMemory } from './control-memory.ts';
import type { MaintenanceOptions, XenHardware, XenMaintenance } from './hardware.ts';

const AT_EL2 = maintenanceCalls('EL2');

/** What is executing, and on what. */
export interface Executing {
  readonly machine: Machine;
  readonly current: { readonly cpu: number };
  /** Bytes whose old value is of no use to anybody. */
  readonly spare: readonly ByteRange<MachineAddr>[];
  /** Told before a CPU reads or writes memory that buffers may lie in. */
  cpuTouches(how: 'read' | 'write', from: MachineAddr, to: MachineAddr): void;
}

export class HardwareOfXen implements XenHardware {
  readonly #system: Executing;
  readonly #control = new ControlMemory();

  constructor(system: Executing) {
    this.#system = system;
  }

  maintain(op: XenMaintenance, at: MachineAddr, size: number, options: MaintenanceOptions = {}): void {
    const end = offsetBy(at, size);
    // Xen maintains a page at a time, so of a buffer in several pieces at most one is meant.
    const spare = this.#system.spare.find(([from, to]) => from < end && at < to);
    this.#system.machine.maintain(this.#system.current.cpu, AT_EL2[op], at, end, {
      ...(options.stride === undefined ? {} : { stride: options.stride }),
      ...(spare === undefined ? {} : { spare }),
    });
  }
  barrier(): void {
    this.#system.machine.barrier(this.#system.current.cpu);
  }
  copy(from: MachineAddr, to: MachineAddr, size: number): void {
    this.#system.cpuTouches('read', from, offsetBy(from, size));
    this.#system.cpuTouches('write', to, offsetBy(to, size));
    this.#system.machine.cpuCopy(
      { cpu: this.#system.current.cpu, cacheable: true },
      from,
      offsetBy(from, size),
      to,
    );
  }
  scrub(frame: Mfn): void {
    const from = machineAddrOf(frame);
    this.#system.machine.cpuWrite(
      { cpu: this.#system.current.cpu, cacheable: true },
      from,
      offsetBy(from, PAGE_SIZE),
    );
  }
  readBytes(frame: Mfn, offset: number, size: number): Uint8Array {
    return this.#control.read(frame, offset, size);
  }
  writeBytes(frame: Mfn, offset: number, bytes: Uint8Array): void {
    this.#control.write(frame, offset, bytes);
  }
  tlbFlush(): void {}
  ownerChanged(frame: Mfn): void {
    const from = machineAddrOf(frame);
    this.#system.machine.newOwner(from, offsetBy(from, PAGE_SIZE));
  }
  invalidateSetWay(): void {
    this.#system.machine.invalidateAll(this.#system.current.cpu);
  }
}
