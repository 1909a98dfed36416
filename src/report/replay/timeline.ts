/** The shortest way a byte goes wrong, as a small timeline: what happened, and what the two copies hold after it. */
import { type DmaAddr, hex, offsetBy } from '../../address/index.ts';
import { type ByteState, Operation, type SpontaneousName, Start } from '../../coherence/index.ts';
import type { Act, Story, StoryStep } from '../../replay/index.ts';

export interface TimelineRow {
  readonly what: string;
  readonly cache: string;
  readonly memory: string;
  /** The row in which it goes wrong. */
  readonly wrong: boolean;
}

const CALLS = {
  map: 'map',
  unmap: 'unmap',
  sync_for_cpu: 'sync_for_cpu',
  sync_for_device: 'sync_for_device',
} as const;

const BEFORE: Readonly<Record<Start, string>> = {
  [Start.written]: 'before: written by the CPU, perhaps not in memory',
  [Start.dontCare]: 'before: the line may be dirty',
  [Start.memoryOnly]: 'before: in memory only',
};

const SPONTANEOUS: Readonly<Record<SpontaneousName, string>> = {
  fill: '  * the cache loads the line by itself',
  writeBack: '  * the cache writes the dirty line back by itself',
  evict: '  * the cache evicts the line by itself',
  'issued maintenance takes effect': '  * maintenance takes effect',
  'device writes': '  device writes the byte',
  'device writes a neighbour': '  device writes a neighbour in the line',
  'neighbour is written': '  the CPU writes to a neighbour in the line',
};

const OPERATIONS: Partial<Record<Operation, string>> = {
  [Operation.cpuWrite]: 'the CPU writes the byte',
  [Operation.clean]: 'clean',
  [Operation.invalidate]: 'invalidate',
  [Operation.cleanInvalidate]: 'clean and invalidate',
  [Operation.snoopWrite]: 'the device writes the byte (snooping)',
};

const WRONG = { 'stale-read': 'the CPU reads the old value', lost: 'the current value is lost' } as const;

/** Rows of the timeline. `at` gives the device's address of the byte. */
export function timeline(story: Story): TimelineRow[] {
  const { witness, steps, fault } = story;
  const rows: TimelineRow[] = [row(BEFORE[story.start], witness.start)];
  let state = witness.start;
  let act: Act | undefined;
  const enter = (next: Act | undefined) => {
    if (next === undefined || next === act) return;
    act = next;
    const missed = story.missedActs.has(next);
    const reach = missed && !next.skipCpuSync ? ': no maintenance reaches the line' : '';
    rows.push(row(`${CALLS[next.name]}, line ${next.line}${reach}`, state));
  };
  for (const happened of witness.steps) {
    const step = steps[happened.step];
    if (step && happened.spontaneous === undefined) enter(step.act);
    const what = describe(happened.spontaneous, step);
    const changed = !sameState(state, happened.state);
    state = happened.state;
    if (what !== undefined && (changed || happened.spontaneous !== undefined)) rows.push(row(what, state));
  }
  enter(steps[fault.step]?.act);
  const last =
    fault.kind === 'stale-device-window' ? 'the device reads the old value from memory' : WRONG[fault.kind];
  rows.push({ ...row(last, state), wrong: true });
  return rows;
}

/** Where the byte is, for a heading. */
export function byteName(story: Story, dma: DmaAddr, bus: number): string {
  return hex(offsetBy(dma, story.byte - bus));
}

function describe(spontaneous: SpontaneousName | undefined, step: StoryStep | undefined): string | undefined {
  if (spontaneous !== undefined) return SPONTANEOUS[spontaneous];
  if (step === undefined || !('operation' in step.step)) return undefined;
  const name = OPERATIONS[step.step.operation];
  return name && `  ${name}`;
}

function row(what: string, state: ByteState): TimelineRow {
  const value = (current: boolean) => (current ? 'current' : 'old');
  return {
    what,
    cache: state.line === 'absent' ? '-' : `${state.line}, ${value(state.cached)}`,
    memory: value(state.memory),
    wrong: false,
  };
}

function sameState(a: ByteState, b: ByteState): boolean {
  return a.line === b.line && a.memory === b.memory && a.cached === b.cached;
}
