/** Maintenance operations as a trace records them or a design issues them, before anyone asks where they land. */
import type { MachineAddr, PhysAddr } from '../address/index.ts';
import { hex } from '../address/index.ts';
import { DIRECTION_NAMES, type Direction } from '../linux/index.ts';

/** What every operation carries besides its arguments. */
interface Waiting {
  /** Trace line, or 0 for an operation that a design issued. */
  readonly line: number;
  /** DMA events of its context that went by without taking it. */
  passed: number;
}

export type Operation = Waiting &
  (
    | {
        readonly kind: 'arch_sync_for_device' | 'arch_sync_for_cpu';
        readonly addr: PhysAddr;
        /** Bytes. */
        readonly size: number;
        readonly direction: Direction;
      }
    | {
        readonly kind: 'cflush';
        /** As given to Xen, which drops its low 12 bits. */
        readonly addr: MachineAddr;
        readonly offset: number;
        /** Bytes. */
        readonly size: number;
        /** GNTTAB_CACHE_* bits. */
        readonly op: number;
        /** Xen returned an error: nothing was done. Set when its return value is met. */
        failed: boolean;
      }
  );

/** True if the two are the same operation with the same arguments. */
export function sameOperation(a: Operation, b: Operation): boolean {
  if (a.kind !== b.kind || a.addr !== b.addr || a.size !== b.size) return false;
  if (a.kind === 'cflush') return b.kind === 'cflush' && a.offset === b.offset && a.op === b.op;
  return b.kind !== 'cflush' && a.direction === b.direction;
}

/** True if the two lists are the same operations in the same order, and Xen refused the same of them. */
export function sameOperations(a: readonly Operation[], b: readonly Operation[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const left = a[i] as Operation;
    const right = b[i] as Operation;
    if (!sameOperation(left, right)) return false;
    if (left.kind === 'cflush' && right.kind === 'cflush' && left.failed !== right.failed) return false;
  }
  return true;
}

export const NO_OPERATIONS: readonly Operation[] = [];

/** A list with one more operation. The list itself grows, unless it was empty: then it is a new one with room for one. */
export function withOperation(list: readonly Operation[], operation: Operation): readonly Operation[] {
  if (list.length === 0) return [operation];
  (list as Operation[]).push(operation);
  return list;
}

const FLUSH_NAMES = ['nothing', 'CLEAN', 'INVAL', 'CLEAN|INVAL'] as const;

/** One line of text, in the words of the trace. */
export function describeOperation(operation: Operation): string {
  if (operation.kind === 'cflush') {
    const name = FLUSH_NAMES[operation.op] ?? hexNumber(operation.op);
    return `GNTTABOP_cache_flush ${name} bus=${hex(operation.addr)} off=${hexNumber(operation.offset)} len=${hexNumber(operation.size)}`;
  }
  const name = operation.kind === 'arch_sync_for_cpu' ? 'arch_sync_dma_for_cpu' : 'arch_sync_dma_for_device';
  return `${name} ${hex(operation.addr)} size=${hexNumber(operation.size)} ${DIRECTION_NAMES[operation.direction]}`;
}

function hexNumber(value: number): string {
  return `0x${value.toString(16)}`;
}

/** What a mapping is made of, decided from the trace and the platform alone, never from maintenance. */
export type MappingClass =
  /** dom0's own page, or any page on bare metal. */
  | 'local'
  /** Another domain's page, mapped through a grant. */
  | 'foreign'
  /** The device got a bounce slot instead of the buffer. */
  | 'bounced';
