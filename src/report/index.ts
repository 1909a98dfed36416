/** Reports of what was replayed and checked: for people, and as JSON. */
export { comparisonJson, comparisonReport } from './audit-compare.ts';
export { auditJson, boardJson } from './audit-json.ts';
export { type SarifResult, sarifLog, sarifResults } from './audit-sarif.ts';
export { auditSummary, risksOf, ruleRows, share } from './audit-summary.ts';
export { auditReport } from './audit-terminal.ts';
export { checkJson, describeCopy } from './check-json.ts';
export { type CheckContext, checkReport } from './check-terminal.ts';
export type { ReportContext } from './context.ts';
export { counterexample } from './counterexample.ts';
export { jsonReport } from './json.ts';
export { counterexampleTrace, type TraceDocument, type TraceEvent } from './perfetto.ts';
export { makeStyle, type Style } from './style.ts';
export { counterexampleSvg } from './svg.ts';
export { terminalReport } from './terminal.ts';
