/** Exploring scenarios: every interleaving, every cache behaviour. */
export {
  type CheckOptions,
  type CheckRow,
  type CheckSummary,
  checkScenario,
  isOpen,
  isUnmet,
  summarise,
} from './check.ts';
export {
  type CounterexampleFile,
  type CounterexampleOptions,
  counterexampleFile,
} from './counterexample-case.ts';
export { explore, type Program } from './engine/index.ts';
export type { CaseResult, Copy, Rule, Shrinking, TimelineKind, TimelineStep, Violation } from './result.ts';
export { SHRINK_BUDGET, type Shrunk, shrinkCase } from './shrink.ts';
export { describeStep } from './system/describe.ts';
export { machineSpec } from './system/machine-spec.ts';
export { makeProgram } from './system/program.ts';
export type { System } from './system/system.ts';
