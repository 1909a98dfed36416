/** The explorer of interleavings: knows agents, atomics and cells, and nothing of what they mean. */

export { bruteForce } from './brute-force.ts';
export type {
  AgentProgram,
  Blocked,
  Crash,
  End,
  Execution,
  Exploration,
  Instance,
  Program,
  Schedule,
  Transition,
  Visit,
} from './contract.ts';
export { scheduleOf } from './contract.ts';
export { explore } from './explore.ts';
export { type Minimised, minimise, smallerNumbers, withoutSome } from './minimise.ts';
export { type After, replay } from './replay.ts';
export { ProgramError } from './run.ts';
export { shorten } from './shorten.ts';
