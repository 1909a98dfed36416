/**
 * Memory, caches and devices behind one interface, of which there are two: *adversarial* (what can happen: may-sets over
 * runs of bytes) and *concrete* (what does happen: real bytes, real replacement, seeded).
 *
 * Everything here is by machine address: who translated it (a p2m, an SMMU, a bus offset) has done so before.
 * Ranges are bytes, half open [from, to).
 */
import type { MachineAddr } from '../address/index.ts';
import type { MaintenanceCall } from './maintenance.ts';

/** What a machine consists of. */
export interface MachineSpec {
  /** Bytes of a line of the inner caches, 32 to 2048. Two sizes: cores differ, and either may hold a copy. */
  readonly lineSizes: readonly [number] | readonly [small: number, big: number];
  /** An outer cache driven by physical address (PL310), which devices that do not snoop bypass. */
  readonly outerCache: boolean;
  /** Maintenance by VA reaches the executing core's cache only (not broadcast). */
  readonly localMaintenance: boolean;
  /** Maintenance is pending until barrier(); otherwise it is complete when it returns. */
  readonly explicitBarriers: boolean;
  readonly cpus: number;
}

/** How a CPU accesses memory. */
export interface CpuAccess {
  /** Core, 0 to cpus - 1. */
  readonly cpu: number;
  /** Normal write-back; false: Normal non-cacheable. */
  readonly cacheable: boolean;
}

/** A device's port into memory. */
export interface Port {
  readonly name: string;
  /** I/O-coherent: it snoops the CPU caches. What the hardware does, whatever the kernel believes. */
  readonly snoops: boolean;
}

/** What memory holds before anything happens. */
export type Initial =
  /** Somebody stored to it and nothing was cleaned: the current value may be in the cache alone. */
  | 'written'
  /** Whatever it holds will do, and the line may be dirty (a buffer about to be received into). */
  | 'anything'
  /** Nothing cached, memory current. */
  | 'clean'
  /** The page was another owner's and was not scrubbed; lines may be dirty. */
  | 'anothers';

/** Outer-cache operations, towards memory, complete when they return. */
export type OuterOperation = 'clean' | 'invalidate' | 'cleanInvalidate';

/** What a window lets a device do at any time while it is open. */
export interface Window {
  readonly reads: boolean;
  readonly writes: boolean;
}

/** How maintenance by VA is carried out. */
export interface MaintainOptions {
  /** Bytes from one instruction to the next: the line size that the executing core believes in. Default: the smallest real one. */
  readonly stride?: number;
  /** Bytes whose old value is of no use to anybody (the receive buffer being maintained): destroying it is no loss. */
  readonly spare?: readonly [from: MachineAddr, to: MachineAddr];
}

export interface Machine {
  readonly spec: MachineSpec;
  /** Bytes of the largest line: accesses within one granule are not independent of each other. */
  readonly granule: number;

  /** Say what memory holds; to be done before anything touches it. Memory never mentioned is 'written': somebody's. */
  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void;

  /** Judged: every byte must be the current one. */
  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): void;
  /** Store a new value. */
  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr): void;
  /**
   * Judged read of [from, to) and store of what was read at `target`. Bytes that nobody cares about stay so.
   * The copy's own current value is what was read, right or wrong.
   */
  cpuCopy(access: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void;

  /** Judged. The address is what arrives at memory. */
  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): void;
  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr): void;
  /** From now on the device may, at any time. Windows overlap; a byte's window closes when the last one on it does. */
  openWindow(name: string, port: Port, from: MachineAddr, to: MachineAddr, window: Window): void;
  /** The device has finished with what the window covers (or with part of it). */
  closeWindow(name: string, from: MachineAddr, to: MachineAddr): void;

  /** Maintenance by VA, of whole lines, as MaintenanceCall says for whole and partial ones. */
  maintain(
    cpu: number,
    call: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    options?: MaintainOptions,
  ): void;
  /** Invalidate by set/way: all dirty lines of this core's cache may be lost. */
  invalidateAll(cpu: number): void;
  /** Outer-cache operation at the address *as given*, right or wrong. Nothing without an outer cache. */
  maintainOuter(operation: OuterOperation, from: MachineAddr, to: MachineAddr): void;
  /** DSB: maintenance issued by this core is complete. */
  barrier(cpu: number): void;

  /** The page changes hands: what every copy of these bytes holds is from now on another owner's (rule disclosure). */
  newOwner(from: MachineAddr, to: MachineAddr): void;
  /** Is there a cacheable alias through which lines can be filled by speculation (default: yes). */
  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void;
}

/** What can go wrong with a byte on a machine. */
export type MachineRule = 'stale-device-read' | 'stale-cpu-read' | 'lost-write' | 'disclosure';

/** Bytes that went, or can go, wrong at the operation that is being executed. */
export interface MachineFault {
  readonly rule: MachineRule;
  /** Fewest spontaneous hardware moves that it takes; on the concrete machine those that happened. */
  readonly moves: number;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** The value was wrong before: a copy of something that went wrong, or destroyed earlier. */
  readonly consequence: boolean;
}
export type FaultSink = (fault: MachineFault) => void;
