/** Reports of what was replayed and checked: for people, and as JSON. */
export { checkJson, describeCopy } from './check-json.ts';
export { type CheckContext, checkReport } from './check-terminal.ts';
export type { ReportContext } from './context.ts';
export { jsonReport } from './json.ts';
export { makeStyle, type Style } from './style.ts';
export { terminalReport } from './terminal.ts';
