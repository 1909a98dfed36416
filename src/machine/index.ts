/** Memory and caches: how maintenance lands on lines, and runs of bytes with one history. */
export {
  countLines,
  forEachPiece,
  type LineCount,
  type MaintenanceCall,
  type MaintenanceCalls,
  maintenanceCalls,
} from './maintenance.ts';
export { Runs } from './runs.ts';
