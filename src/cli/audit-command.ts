/** `dmalab audit BOARD.dtb...`: what does a board mean for DMA under Xen? */
import { auditBoard, type BoardAudit, type XenSetup } from '../audit/index.ts';
import { auditJson, auditReport, makeStyle, type NamedAudit } from '../report/index.ts';
import { readTree } from './board.ts';
import { parseDom0Memory } from './dom0-memory.ts';
import { Exit } from './exit-code.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText } from './json-text.ts';
import { nameOf } from './sources.ts';

export interface AuditFlags {
  readonly dom0?: 'direct-mapped' | 'translated';
  readonly dom0Mem?: string;
  /** false: --no-smmu. */
  readonly smmu: boolean;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly exitZero?: boolean;
  readonly quiet?: boolean;
}

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function auditCommand(paths: readonly string[], flags: AuditFlags, io: Io): Promise<Exit> {
  const setup: XenSetup = {
    dom0: flags.dom0 ?? 'direct-mapped',
    smmu: flags.smmu,
    dom0Memory: flags.dom0Mem === undefined ? null : parseDom0Memory(flags.dom0Mem),
  };
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('found - more than once, expected at most one board from standard input');
  const boards: NamedAudit[] = [];
  for (const path of paths) {
    const source = { path, io, wanted: 'a device tree' };
    boards.push({ file: nameOf(source), audit: auditBoard(await readTree(source), setup) });
  }
  if (flags.json) {
    for (const text of jsonText(auditJson(boards))) io.out(text);
    io.out('\n');
  } else {
    const style = makeStyle(io.colours);
    io.out(boards.map((board) => auditReport(board, style)).join('\n'));
  }
  if (flags.exitZero) return Exit.nothingFound;
  return boards.some(({ audit }) => hasFinding(audit, flags.strict === true))
    ? Exit.findings
    : Exit.nothingFound;
}

function hasFinding({ findings }: BoardAudit, strict: boolean): boolean {
  return findings.some(({ severity }) => severity === 'error' || (strict && severity === 'hazard'));
}
