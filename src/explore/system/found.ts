/** What went wrong in one execution, as it is found. */
import type { MachineAddr } from '../../address/index.ts';
import type { Rule } from '../result.ts';

export interface Found {
  readonly rule: Rule;
  /** Fewest hardware moves; null where no cache is involved. */
  readonly moves: number | null;
  /** Machine bytes; empty where there is no memory behind what failed. */
  readonly from: MachineAddr;
  readonly to: MachineAddr;
  /** Bytes of the buffer concerned; false: somebody else's. */
  readonly inside: boolean;
  /** Follows from something that was found before. */
  readonly consequence: boolean;
  /** Index of the agent, and of its step. */
  readonly agent: number;
  readonly step: number;
  /** Number of the transition in the execution. */
  readonly transition: number;
  /** What was being done, for people. */
  readonly what: string;
}
