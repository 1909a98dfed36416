/** Boards under Xen: what each device's DMA needs, and what is suspicious. */
export { auditBoard, type BoardAudit } from './audit.ts';
export { type Board, type Dom0Memory, namesOf, USUAL_SETUP, type XenSetup } from './board.ts';
export type { UnderXen, UnderXenClass } from './classify.ts';
export { type Change, type ChangedDevice, type Comparison, compareBoards } from './comparison.ts';
export type { AuditedDevice } from './device.ts';
export { type Finding, RULES, type Rule, type Severity } from './finding.ts';
export { listRanges } from './reach.ts';
export { type BoardDigest, digest, type FamilySummary, summarise } from './summary.ts';
