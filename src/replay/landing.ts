/** Where an operation lands: the machine bytes behind the alias or the bus address it was given. */
import {
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
import type { Instructions, OwnRam, P2m } from './platform.ts';

/** The pages that a mapping owns, and the alias that the kernel has of them. */
export interface Target {
  readonly bus: MachineAddr;
  readonly size: number;
  /** Pseudo-physical address of the buffer, where that is an alias of these bytes (not for a bounce slot). */
  readonly phys: PhysAddr | undefined;
}

export type Landing =
  | { readonly kind: 'landed'; readonly landed: Landed }
  /** The operation does nothing at all. */
  | { readonly kind: 'nothing' }
  /** Frames that are not the mapping's. */
  | { readonly kind: 'wrong-frame'; readonly from: MachineAddr; readonly to: MachineAddr }
  /** No live alias of that address. */
  | { readonly kind: 'fault'; readonly from: MachineAddr; readonly to: MachineAddr };

const NOTHING: Landing = { kind: 'nothing' };

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
  if (operation.kind !== 'cflush') return instructions.native(operation.kind, operation.direction);
  // What GNTTABOP_cache_flush refuses does nothing.
  const { offset, failed, op } = operation;
  return failed || offset + size > PAGE_SIZE ? undefined : instructions.hypercall(op);
}

/** First byte as the operation says it: Xen drops the low bits of the bus address. */
export function firstByteOf(operation: Operation): MachineAddr {
  return operation.kind === 'cflush'
    ? offsetBy(floorTo(operation.addr, PAGE_SIZE), operation.offset)
    : physToBus(operation.addr);
}

export function land(ground: Ground, target: Target, operation: Operation): Landing {
  const call = callOf(ground.instructions, operation);
  if (call === undefined) return NOTHING;
  if (operation.kind === 'cflush') {
    const from = firstByteOf(operation);
    return inTarget(target, { from, to: offsetBy(from, operation.size), call });
  }
  const from = behindAlias(ground, target, operation.addr);
  if (from === undefined) {
    const at = physToBus(operation.addr);
    return { kind: 'fault', from: at, to: offsetBy(at, operation.size) };
  }
  return inTarget(target, { from, to: offsetBy(from, operation.size), call });
}

function inTarget(target: Target, landed: Landed): Landing {
  const first = floorTo(target.bus, PAGE_SIZE);
  const last = target.bus + target.size;
  const past = last % PAGE_SIZE === 0 ? last : last - (last % PAGE_SIZE) + PAGE_SIZE;
  if (landed.to <= first || landed.from >= past)
    return { kind: 'wrong-frame', from: landed.from, to: landed.to };
  return { kind: 'landed', landed };
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
