/** Exploring scenarios: every interleaving, every cache behaviour. */
export {
  type CheckOptions,
  type CheckRow,
  type CheckSummary,
  checkScenario,
  summarise,
} from './check.ts';
export type { CaseResult, Copy, Rule, TimelineStep, Violation } from './result.ts';
