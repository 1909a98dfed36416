/** Reports on boards: apart from those on traces and scenarios, which need much more code. */

export { makeStyle } from '../style.ts';
export { comparisonJson, comparisonReport } from './compare.ts';
export { auditJson, boardJson } from './json.ts';
export { type SarifResult, sarifLog, sarifResults } from './sarif.ts';
export { auditSummary, risksOf, ruleRows, share } from './summary.ts';
export { auditReport } from './terminal.ts';
