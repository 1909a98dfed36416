/**
 * Misuse of the DMA API by a driver, as far as a trace can show it: the rules of the kernel's own checker
 * (kernel/dma/debug.c, Linux 6.12 and 7.3) that need no virtual addresses.
 *
 * An unmap or sync of an address that was never mapped within the trace is none: recording starts in the middle.
 */
import type { DmaAddr } from '../address/index.ts';
import { hex } from '../address/index.ts';
import { DIRECTION_NAMES, Direction } from '../linux/index.ts';
import type { Severity } from './judge.ts';
import type { LiveMapping } from './live.ts';

export type MisuseRule =
  | 'unmap-unallocated'
  | 'unmap-size'
  | 'unmap-direction'
  | 'unmap-type'
  | 'unmap-attributes'
  | 'unmap-sg-nents'
  | 'sync-unallocated'
  | 'sync-range'
  | 'sync-direction'
  | 'overlap';

export interface Misuse {
  readonly rule: MisuseRule;
  readonly severity: Severity;
  readonly device: string;
  readonly line: number;
  readonly dma: DmaAddr;
  readonly size: number;
  readonly direction: Direction;
  readonly explanation: string;
}
const KEPT = 10_000;

export class MisuseLog {
  readonly kept: Misuse[] = [];
  count = 0;
  errors = 0;

  add(misuse: Misuse): void {
    this.count++;
    if (misuse.severity === 'error') this.errors++;
    if (this.kept.length < KEPT) this.kept.push(misuse);
  }
}

/** A call as the driver made it. */
export interface DriverCall {
  readonly line: number;
  readonly dma: DmaAddr;
  readonly size: number;
  readonly direction: Direction;
  readonly skipCpuSync: boolean;
}

const nameOf = (direction: Direction) => DIRECTION_NAMES[direction];

/** What is wrong with an unmap of a live mapping. */
export function checkUnmap(
  log: MisuseLog,
  mapping: LiveMapping,
  call: DriverCall,
  kind: LiveMapping['kind'],
): void {
  if (
    mapping.kind !== kind ||
    mapping.size !== call.size ||
    mapping.direction !== call.direction ||
    mapping.skipCpuSync !== call.skipCpuSync
  )
    reportUnmap(log, mapping, call, kind);
}

/** Apart from its caller, which almost always finds nothing: a closure there would cost every unmap. */
function reportUnmap(
  log: MisuseLog,
  mapping: LiveMapping,
  call: DriverCall,
  kind: LiveMapping['kind'],
): void {
  const report = (rule: MisuseRule, severity: Severity, explanation: string) =>
    log.add({ rule, severity, device: mapping.device.name, ...pick(call), explanation });
  if (mapping.kind !== kind)
    report('unmap-type', 'error', `mapped as ${mapping.kind} at line ${mapping.line}, unmapped as ${kind}`);
  if (mapping.size !== call.size)
    report(
      'unmap-size',
      'error',
      `mapped with size ${mapping.size} at line ${mapping.line}, unmapped with ${call.size}`,
    );
  if (mapping.direction !== call.direction)
    report(
      'unmap-direction',
      'error',
      `mapped ${nameOf(mapping.direction)} at line ${mapping.line}, unmapped ${nameOf(call.direction)}`,
    );
  if (mapping.skipCpuSync !== call.skipCpuSync)
    report(
      'unmap-attributes',
      'hazard',
      `mapped ${mapping.skipCpuSync ? 'with' : 'without'} SKIP_CPU_SYNC at line ${mapping.line}, unmapped ${call.skipCpuSync ? 'with' : 'without'}`,
    );
}

/** What is wrong with a sync of a live mapping. */
export function checkSync(log: MisuseLog, mapping: LiveMapping, call: DriverCall, forCpu: boolean): void {
  const report = (rule: MisuseRule, severity: Severity, explanation: string) =>
    log.add({ rule, severity, device: mapping.device.name, ...pick(call), explanation });
  const name = forCpu ? 'sync_for_cpu' : 'sync_for_device';
  if (call.dma + call.size > mapping.dma + mapping.size)
    report(
      'sync-range',
      'error',
      `${name} runs past the mapping of line ${mapping.line}, which ends at ${hex((mapping.dma + mapping.size) as DmaAddr)}`,
    );
  if (mapping.direction === Direction.bidirectional) return;
  if (call.direction !== mapping.direction)
    report(
      'sync-direction',
      'error',
      `${name} as ${nameOf(call.direction)}, mapped ${nameOf(mapping.direction)} at line ${mapping.line}`,
    );
}

/** The address was mapped and unmapped within the trace, and not mapped again. */
export function reportUnallocated(
  log: MisuseLog,
  what: 'unmap' | 'sync',
  device: string,
  call: DriverCall,
  unmappedAt: number,
): void {
  log.add({
    rule: what === 'unmap' ? 'unmap-unallocated' : 'sync-unallocated',
    severity: 'error',
    device,
    ...pick(call),
    explanation: `${hex(call.dma)} was unmapped at line ${unmappedAt} and not mapped since`,
  });
}

function pick({
  line,
  dma,
  size,
  direction,
}: DriverCall): Pick<Misuse, 'line' | 'dma' | 'size' | 'direction'> {
  return { line, dma, size, direction };
}
