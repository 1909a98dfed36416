/** Exploring scenarios: every interleaving, every cache behaviour. */
export type { CaseResult, Copy, Rule, TimelineStep, Violation } from './result.ts';
