/** Reports of a replay: for people, and as JSON. */
export type { ReportContext } from './context.ts';
export { jsonReport } from './json.ts';
export { makeStyle, type Style } from './style.ts';
export { terminalReport } from './terminal.ts';
