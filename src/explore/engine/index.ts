/** The explorer of interleavings: knows agents, atomics and cells, and nothing of what they mean. */

export { bruteForce } from './brute-force.ts';
export type {
  AgentProgram,
  Execution,
  Exploration,
  Program,
  Schedule,
  Transition,
} from './contract.ts';
export { scheduleOf } from './contract.ts';
export { explore } from './explore.ts';
export { minimise, smallerNumbers, withoutSome } from './minimise.ts';
export { replay } from './replay.ts';
export { ProgramError } from './run.ts';
export { shorten } from './shorten.ts';
