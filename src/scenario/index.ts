/** The scenario language: schema, parser, sweeps. */
export type { ReadBoard } from './board.ts';
export { type ParseErrors, type ParseResult, parseScenario } from './parse.ts';
export type { Problem } from './problem.ts';
export {
  type Action,
  type AgentSpec,
  type AttributeName,
  type Bounds,
  type BufferSpec,
  type Bytes,
  type Case,
  DEFAULT_BOUNDS,
  type DeviceSpec,
  type DomainSpec,
  type Expectation,
  type MaintenanceName,
  type PlatformSpec,
  type Scenario,
  type Step,
  type Verdict,
} from './types.ts';
export { type WriteOptions, writeScenario } from './write.ts';
