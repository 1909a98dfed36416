/** PV block and network, both ends, over real rings: where foreign pages meet DMA. */
export type { Cause } from './host/explain.ts';
export type { Costs } from './host/journal.ts';
export { pattern } from './load/pattern.ts';
export { type CostPoint, costsAt, SWEPT_OFFSETS } from './run/cost-sweep.ts';
export { runDisk } from './run/disk-run.ts';
export type { RunFinding } from './run/findings.ts';
export { runNet } from './run/net-run.ts';
export { MEMORY } from './run/platform.ts';
export type { LoadResult, WrongRange } from './run/result.ts';
export type { DiskLoad, NetLoad, RunSpec } from './run/spec.ts';
