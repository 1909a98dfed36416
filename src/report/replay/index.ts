/** Reports of a trace that was replayed: for people, and as JSON. */
export type { ReportContext } from './context.ts';
export { jsonReport } from './json.ts';
export { terminalReport } from './terminal.ts';
