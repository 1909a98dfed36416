/** Reports of loads that were run: for people, as JSON, and what maintenance costs as a picture. */
export { type CostSeries, costPlotSvg } from './cost-plot.ts';
export { type RunRow, runJson, verdictOf } from './json.ts';
export type { RunDocument } from './schema.ts';
export { runReport } from './terminal.ts';
