/** Reports of what was replayed and checked: for people, and as JSON. */
export { checkJson, describeCopy } from './check-json.ts';
export { type CheckContext, checkReport } from './check-terminal.ts';
export type { ReportContext } from './context.ts';
export { type CostSeries, costPlotSvg } from './cost-plot.ts';
export { counterexample } from './counterexample.ts';
export { jsonReport } from './json.ts';
export type { KernelSourceReport } from './kernel-source-facts.ts';
export { counterexampleTrace, type TraceDocument, type TraceEvent } from './perfetto.ts';
export { type RunRow, runJson, verdictOf } from './run-json.ts';
export type { RunDocument } from './run-schema.ts';
export { runReport } from './run-terminal.ts';
export { makeStyle, type Style } from './style.ts';
export { counterexampleSvg } from './svg.ts';
export { terminalReport } from './terminal.ts';
