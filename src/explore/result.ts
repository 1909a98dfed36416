/** What exploring a case with a design found. */
import type { MachineAddr } from '../address/index.ts';
import type { Operation } from '../coherence/index.ts';
import type { Verdict } from '../scenario/index.ts';

/** The machine's rules and those that do not depend on a cache. */
export type Rule =
  | 'stale-device-read'
  | 'stale-cpu-read'
  | 'lost-write'
  | 'disclosure'
  | 'wrong-frame'
  | 'fault'
  | 'kernel-bug'
  | 'kernel-warning';

/** What one copy of the followed byte holds. */
export interface Copy {
  /** `cache`, `outer cache`, `memory` ... as the byte model names them. */
  readonly name: string;
  readonly line: 'absent' | 'clean' | 'dirty' | undefined;
  /** Current value; undefined where the copy is absent. */
  readonly current: boolean | undefined;
}

/**
 * What a line of a counterexample is: how the byte began; a step of the scenario; a signal or a wait, which only order others;
 * maintenance within a step; a spontaneous move of a cache; a device or a neighbour that acts because it may at any time;
 * issued maintenance that takes effect; where it goes wrong.
 */
export type TimelineKind = 'before' | 'step' | 'order' | 'maintenance' | 'move' | 'window' | 'late' | 'wrong';

/** One line of a counterexample. */
export interface TimelineStep {
  readonly kind: TimelineKind;
  /** What happened to the followed byte, in order; empty: nothing did. For maintenance: it did not reach the byte. */
  readonly operations: readonly (keyof typeof Operation)[];
  /** Name of the agent; `hardware` for a spontaneous move. */
  readonly agent: string;
  /** What it does: the scenario's step, or an action within it ("GNTTABOP_cache_flush CLEAN"). */
  readonly action: string;
  /** Address or range it is about, "0x..." or "" */
  readonly at: string;
  /** Copies of the followed byte after it; empty where no cache is involved. */
  readonly copies: readonly Copy[];
  /** Line of the scenario file; undefined for the hardware. */
  readonly line: number | undefined;
  /** This is where it goes wrong. */
  readonly wrong: boolean;
}

/** The shortest way in which it goes wrong. */
export interface Violation {
  readonly rule: Rule;
  /** Fewest spontaneous hardware moves; null where no cache is involved. */
  readonly hardwareMoves: number | null;
  /** Bytes of the buffer concerned that go wrong; machine addresses, half open. */
  readonly missed: readonly (readonly [MachineAddr, MachineAddr])[];
  /** Bytes of others that are destroyed. */
  readonly touched: readonly (readonly [MachineAddr, MachineAddr])[];
  /** Who is wrong in the end: one sentence. */
  readonly explanation: string;
  readonly steps: readonly TimelineStep[];
  /** Order in which agents ran: index of the agent of each transition. */
  readonly schedule: readonly number[];
}

/** One case judged with one design. */
export interface CaseResult {
  readonly verdict: Verdict;
  /** Why, where inconclusive: the bound that was hit. */
  readonly because: string | undefined;
  readonly executions: number;
  readonly transitions: number;
  readonly violation: Violation | undefined;
}

/** What shrinking a case cost and came to. */
export interface Shrinking {
  readonly before: Size;
  readonly after: Size;
  /** Smaller cases that were tried, and how many would have been at most. */
  readonly tried: number;
  readonly budget: number;
  /** None of the smaller cases goes wrong in that way; false: a budget was used up before all were tried. */
  readonly minimal: boolean;
}
export interface Size {
  readonly agents: number;
  readonly steps: number;
}
