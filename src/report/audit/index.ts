/** Reports on boards. */
export { comparisonJson, comparisonReport } from './compare.ts';
export { auditJson, boardJson } from './json.ts';
export { type SarifResult, sarifLog, sarifResults } from './sarif.ts';
export { auditSummary, risksOf, ruleRows, share } from './summary.ts';
export { auditReport } from './terminal.ts';
