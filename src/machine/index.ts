/** Memory, caches and devices: the machine as bad as it can be, and one that is as real as can be. */
export { AdversarialMachine, type AdversarialOptions } from './adversarial.ts';
export type { Geometry, Policy } from './concrete/cache.ts';
export { ConcreteMachine } from './concrete/concrete.ts';
export type { Content, ReadContent } from './concrete/data.ts';
export { type Chance, Random } from './concrete/random.ts';
export { type Script, ScriptError, scriptOf } from './concrete/script.ts';
export type { ConcreteOptions } from './concrete/stage.ts';
export { type Cell, type Footprint, NO_FOOTPRINT } from './footprint.ts';
export {
  type History,
  type HistoryFault,
  type HistoryStep,
  type Label,
  shortestExecution,
} from './history.ts';
export type {
  CpuAccess,
  FaultSink,
  Initial,
  Machine,
  MachineFault,
  MachineRule,
  MachineSpec,
  MaintainOptions,
  OuterOperation,
  Port,
  Window,
} from './machine.ts';
export {
  countLines,
  forEachPiece,
  type LineCount,
  type MaintenanceCall,
  type MaintenanceCalls,
  maintenanceCalls,
} from './maintenance.ts';
export { Runs } from './runs.ts';
export { AT_ONCE, type Scheduler } from './schedule.ts';
