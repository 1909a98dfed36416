/** Where an operation lands: the machine bytes behind the alias or the bus address it was given. */
import {
  ceilTo,
  floorTo,
  type MachineAddr,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physToBus,
} from '../address/index.ts';
import type { MaintenanceCall } from '../machine/index.ts';
import type { Landed } from './judge.ts';
import type { Operation } from './operation.ts';
import type { P2m } from './p2m.ts';
import type { Instructions, OwnRam } from './platform.ts';

/** The pages that a mapping owns, and the alias that the kernel has of them. */
export interface Target {
  readonly bus: MachineAddr;
  readonly size: number;
  /** Pseudo-physical address of the buffer, where that is an alias of these bytes (not for a bounce slot). */
  readonly phys: PhysAddr | undefined;
}

export type Landing =
  | ({ readonly kind: 'landed' } & Landed)
  /** Frames that are not the mapping's. */
  | ({ readonly kind: 'wrong-frame' } & Landed)
  /** No live alias of that address: it is where the bytes would be if the page were local. */
  | ({ readonly kind: 'fault' } & Landed);

/** What the landing of an operation depends on besides the mapping. */
export interface Ground {
  readonly instructions: Instructions;
  readonly ownRam: OwnRam | undefined;
  readonly p2m: P2m;
}

/** What the operation executes; undefined where it does nothing at all. */
export function callOf(instructions: Instructions, operation: Operation): MaintenanceCall | undefined {
  const { size } = operation;
  if (size === 0) return undefined;
  if (operation.kind !== 'cflush') {
    const { forDevice, forCpu } = instructions;
    return (operation.kind === 'arch_sync_for_device' ? forDevice : forCpu)[operation.direction];
  }
  // What GNTTABOP_cache_flush refuses does nothing.
  const { offset, failed, op } = operation;
  return failed || offset + size > PAGE_SIZE ? undefined : instructions.hypercall[op];
}

/** First byte as the operation says it: Xen drops the low bits of the bus address. */
export function firstByteOf(operation: Operation): MachineAddr {
  return operation.kind === 'cflush'
    ? offsetBy(floorTo(operation.addr, PAGE_SIZE), operation.offset)
    : physToBus(operation.addr);
}

/**
 * First byte of where an operation lands that executes something; undefined where nothing is mapped at its address: its
 * bytes would be `firstByteOf` if the page were local.
 */
export function landsAt(ground: Ground, target: Target, operation: Operation): MachineAddr | undefined {
  return operation.kind === 'cflush' ? firstByteOf(operation) : behindAlias(ground, target, operation.addr);
}

/** Whether [from, from + size) is in no page of the mapping. */
export function isOutside(target: Target, from: MachineAddr, size: number): boolean {
  return (
    offsetBy(from, size) <= floorTo(target.bus, PAGE_SIZE) ||
    from >= ceilTo(offsetBy(target.bus, target.size), PAGE_SIZE)
  );
}

/** The machine byte behind a pseudo-physical address of the kernel's linear map; undefined where nothing is mapped. */
function behindAlias(ground: Ground, target: Target, phys: PhysAddr): MachineAddr | undefined {
  const { phys: own } = target;
  if (own !== undefined && phys >= own && phys < own + target.size) return offsetBy(target.bus, phys - own);
  // A slot is mapped 1:1, a synthetic one too.
  const bus = physToBus(phys);
  if (own === undefined && bus >= target.bus && bus < target.bus + target.size) return bus;
  const frame = ground.p2m.get(pfnOf(phys));
  if (frame !== undefined) return offsetBy(machineAddrOf(frame), pageOffset(phys));
  if (ground.ownRam && !ground.ownRam.isRam(pfnOf(phys))) return undefined;
  return bus;
}
