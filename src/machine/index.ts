/** Memory and caches: how maintenance lands on lines, and runs of bytes with one history. */
export { AdversarialMachine, type AdversarialOptions } from './adversarial.ts';
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
