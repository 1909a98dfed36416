/** Exploring scenarios: every interleaving, every cache behaviour. */
export {
  type CheckOptions,
  type CheckRow,
  type CheckSummary,
  checkScenario,
  summarise,
} from './check.ts';
export { explore, type Program } from './engine/index.ts';
export type { CaseResult, Copy, Rule, TimelineKind, TimelineStep, Violation } from './result.ts';
export { describeStep } from './system/describe.ts';
export { makeProgram } from './system/program.ts';
export { machineSpec, type System } from './system/system.ts';
