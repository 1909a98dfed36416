/** All rules on one board. */
import type { Board } from './board.ts';
import type { AuditedDevice } from './device.ts';
import type { Finding } from './finding.ts';
import { coherenceRules } from './rules-coherence.ts';
import { memoryRules } from './rules-memory.ts';
import { xenRules } from './rules-xen.ts';

/** Errors first, then hazards, then notes; within these in the order of the tables above and of the file. */
export function findAll(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  const all = [
    ...coherenceRules(board, devices),
    ...memoryRules(board, devices),
    ...xenRules(board, devices),
  ];
  return (['error', 'hazard', 'note'] as const).flatMap((severity) =>
    all.filter((finding) => finding.severity === severity),
  );
}
