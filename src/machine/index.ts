/**
 * Memory, caches and devices: what a machine is, and how maintenance lands on lines. The machines have doors of their own:
 * adversarial/ is as bad as one can be, concrete/ as real as can be.
 */
export { type Cell, type Footprint, NO_FOOTPRINT } from './footprint.ts';
export type { History, HistoryFault, HistoryStep, Label } from './history.ts';
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
