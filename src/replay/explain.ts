/** One sentence on a finding: which bytes, which call, and the operation that missed or hit them. */
import { type DmaAddr, hex, type MachineAddr, offsetBy } from '../address/index.ts';
import type { Damage, Rule } from './judge.ts';
import type { Landing } from './landing.ts';
import { describeOperation, type Operation } from './operation.ts';

export type ActName = 'map' | 'unmap' | 'sync_for_cpu' | 'sync_for_device';

/** One DMA call on a mapping with the maintenance that came with it. */
export interface Act {
  readonly name: ActName;
  /** Trace line of the call's event. */
  readonly line: number;
  /** Machine bytes that the call is about. */
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  readonly skipCpuSync: boolean;
  readonly operations: readonly { readonly operation: Operation; readonly landing: Landing | undefined }[];
}

/** Where the addresses of an explanation are counted from: the device's own. */
export interface Frame {
  readonly dma: DmaAddr;
  readonly bus: MachineAddr;
}

/**
 * Explain one rule's damage to a mapping. `damages` are of this rule and not empty.
 * @param recorded name the trace line of an operation; a design's operation has that of its call only.
 */
export function explain(
  rule: Rule,
  damages: readonly Damage[],
  acts: readonly Act[],
  frame: Frame,
  recorded: boolean,
): string {
  const range = (from: MachineAddr, to: MachineAddr) =>
    `[${hex(offsetBy(frame.dma, from - frame.bus))}, ${hex(offsetBy(frame.dma, to - frame.bus))})`;
  const lineOf = (operation: Operation, act: Act) => (recorded && operation.line) || act.line;
  const say: Say = { range, lineOf };
  const first = damages[0];
  if (first === undefined) return '';
  const bytes = range(first.from, first.to);
  switch (rule) {
    case 'stale-device-read':
      return `the device can read old data in ${bytes}: ${culprit(['map', 'sync_for_device'], acts, first, say)}`;
    case 'stale-cpu-read':
      return `after the device has written, the CPU can read old data in ${bytes}: ${culprit(['unmap', 'sync_for_cpu', 'map', 'sync_for_device'], acts, first, say)}`;
    case 'lost-write':
      return first.inside
        ? `the only copy of ${bytes} can be lost: ${hit(acts, first, say)}`
        : `data beside the buffer in ${bytes} can be lost: ${hit(acts, first, say)}`;
    case 'wrong-frame':
      return `${bytes} is no frame of this mapping: ${first.because ?? hit(acts, first, say)}`;
    case 'fault':
      return `nothing is mapped at ${bytes}: ${first.because ?? hit(acts, first, say)}`;
    case 'kernel-bug':
    case 'kernel-warning':
      return first.because ?? '';
    case 'disclosure':
      return `${bytes} can show an earlier owner's data`;
  }
}

interface Say {
  range(from: MachineAddr, to: MachineAddr): string;
  lineOf(operation: Operation, act: Act): number;
}

/**
 * The operation that was meant for these bytes: the operations of a call are meant to cover its range one after
 * the other, so each has a place of its own; the one whose place holds the bytes and which landed elsewhere.
 */
function culprit(
  names: readonly ActName[],
  acts: readonly Act[],
  damage: Damage,
  { range, lineOf }: Say,
): string {
  let covered: string | undefined;
  for (const name of names) {
    for (const act of acts) {
      if (act.name !== name || damage.from >= act.to || damage.to <= act.from) continue;
      if (act.operations.length === 0) {
        if (act.skipCpuSync) continue;
        return `no maintenance at ${name} (line ${act.line})`;
      }
      let meant = act.from;
      for (const { operation, landing } of act.operations) {
        const end = offsetBy(meant, operation.size);
        const lands = landing?.kind === 'landed' ? landing : undefined;
        if (damage.from < end && damage.to > meant && (lands === undefined || lands.from !== meant)) {
          const where = lands ? `lands on ${range(lands.from, lands.to)}` : WHERE[landing?.kind ?? 'nothing'];
          return `${describeOperation(operation)} at ${name} (line ${lineOf(operation, act)}) is meant for ${range(meant, end)} and ${where}`;
        }
        meant = end;
      }
      if (meant < act.to && damage.to > meant)
        return `the maintenance at ${name} (line ${act.line}) ends at ${range(act.from, meant)}`;
      covered ??= `${name} (line ${act.line}) maintains its edge lines only as far as neighbours in them allow`;
    }
  }
  return covered ?? 'no call handed these bytes over';
}

const WHERE: Readonly<Record<Landing['kind'] | 'nothing', string>> = {
  landed: '',
  nothing: 'does nothing',
  'wrong-frame': 'lands on a frame that is not this mapping\u2019s',
  fault: 'has no live alias',
};

/** The operation that landed on the bytes. */
function hit(acts: readonly Act[], damage: Damage, { range, lineOf }: Say): string {
  for (const act of acts)
    for (const { operation, landing } of act.operations)
      if (landing && landing.from < damage.to && landing.to > damage.from)
        return `${describeOperation(operation)} at ${act.name} (line ${lineOf(operation, act)}) lands on ${range(landing.from, landing.to)}`;
  return 'no single operation did it';
}
