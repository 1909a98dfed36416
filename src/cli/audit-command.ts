/** `dmalab audit BOARD.dtb...`: what does a board mean for DMA under Xen? */
import { setImmediate } from 'node:timers/promises';
import {
  auditBoard,
  type BoardAudit,
  type BoardDigest,
  compareBoards,
  digest,
  type XenSetup,
} from '../audit/index.ts';
import { applyOverlay, type DeviceTree } from '../devicetree/index.ts';
import {
  auditJson,
  auditReport,
  auditSummary,
  boardJson,
  comparisonJson,
  comparisonReport,
  type SarifResult,
  sarifLog,
  sarifResults,
} from '../report/audit/index.ts';
import { makeStyle } from '../report/index.ts';
import { naming, readOverlayFile, readTree } from './board.ts';
import { parseDom0Memory } from './dom0-memory.ts';
import { Exit } from './exit-code.ts';
import { filesOf } from './folders.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText, memberText, textWithMembers } from './json-text.ts';
import { refuseExisting, writeNewFile } from './new-file.ts';
import { showProgress } from './progress.ts';
import { nameOf } from './sources.ts';
import { VERSION } from './version.ts';

export interface AuditFlags {
  readonly dom0?: 'direct-mapped' | 'translated';
  readonly dom0Mem?: string;
  /** false: --no-smmu. */
  readonly smmu: boolean;
  readonly overlay?: readonly string[];
  readonly compare?: boolean;
  readonly summary?: boolean;
  readonly json?: boolean;
  readonly sarif?: string;
  readonly force?: boolean;
  readonly strict?: boolean;
  readonly exitZero?: boolean;
  readonly quiet?: boolean;
}

/** More boards than these are summed up. */
const SHOWN = 8;
const BOARDS = { pattern: /\.dtb(\.gz)?$/, what: 'device tree', shown: '*.dtb' };

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function auditCommand(paths: readonly string[], flags: AuditFlags, io: Io): Promise<Exit> {
  const setup = setupOf(flags);
  if ([...paths, ...(flags.overlay ?? [])].filter((path) => path === '-').length > 1)
    throw new UsageError('found - more than once, expected at most one input from standard input');
  if (flags.sarif !== undefined) refuseExisting(flags.sarif, flags.force === true);
  const files = paths.flatMap((path) => filesOf(path, BOARDS));
  const read = await treeReader(flags, new Set(paths), io);
  return flags.compare ? compare(files, read, setup, flags, io) : auditAll(files, read, setup, flags, io);
}

function setupOf(flags: AuditFlags): XenSetup {
  return {
    dom0: flags.dom0 ?? 'direct-mapped',
    smmu: flags.smmu,
    dom0Memory: flags.dom0Mem === undefined ? null : parseDom0Memory(flags.dom0Mem),
  };
}

/** Reads a board, with the overlays in it. @param into as in Source. */
type ReadBoard = (path: string, into?: Uint8Array) => Promise<DeviceTree>;

/** @param given what the user named; all else was found in folders. */
async function treeReader(flags: AuditFlags, given: ReadonlySet<string>, io: Io): Promise<ReadBoard> {
  const overlays: { name: string; tree: DeviceTree }[] = [];
  for (const path of flags.overlay ?? []) {
    const source = { path, io, wanted: 'a device tree overlay' };
    overlays.push({ name: nameOf(source), tree: await readOverlayFile(source) });
  }
  return async (path, into) => {
    const source = { path, io, wanted: 'a device tree', isFile: !given.has(path) };
    let tree = await readTree(into === undefined ? source : { ...source, into });
    for (const { name, tree: overlay } of overlays)
      tree = naming(`${name} on ${nameOf({ path })}`, () => applyOverlay(tree, overlay));
    return tree;
  };
}

async function auditAll(
  files: readonly string[],
  read: ReadBoard,
  setup: XenSetup,
  flags: AuditFlags,
  io: Io,
): Promise<Exit> {
  const style = makeStyle(io.colours);
  const rows: string[] = [];
  const reports: string[] = [];
  const digests: BoardDigest[] = [];
  const results: SarifResult[] = [];
  const summed = flags.summary === true || files.length > SHOWN;
  let refused = 0;
  let found = false;
  // Room for any board there is. Nothing that is kept of one looks at its bytes.
  const buffer = new Uint8Array(files.length > 1 ? 2 ** 20 : 0);
  const progress = await showProgress(files.length, flags.quiet ? undefined : io.terminal);
  try {
    // Trees are not kept: there can be thousands.
    for (const [done, path] of files.entries()) {
      progress.at(done);
      // Signals are delivered between tasks only.
      if (done % 32 === 0) await setImmediate();
      const audit = await auditFile(path, (file) => read(file, buffer), setup, io);
      if (audit === undefined) {
        refused += 1;
        continue;
      }
      const name = nameOf({ path });
      found ||= hasFinding(audit, flags.strict === true);
      if (flags.sarif !== undefined) results.push(...sarifResults(name, audit));
      if (flags.json) rows.push(memberText(boardJson(name, audit)));
      else if (summed) digests.push(digest(name, audit));
      else reports.push(auditReport(name, audit, style));
    }
  } finally {
    progress.stop();
  }
  if (refused < files.length) {
    if (flags.json) write(textWithMembers(auditJson([]), rows), io);
    else io.out(summed ? auditSummary(digests, style) : reports.join('\n'));
    if (flags.sarif !== undefined)
      writeNewFile(
        flags.sarif,
        `${JSON.stringify(sarifLog(results, VERSION), undefined, 2)}\n`,
        flags.force === true,
      );
  }
  if (refused > 0) return Exit.unusable;
  return found && !flags.exitZero ? Exit.findings : Exit.nothingFound;
}

/** undefined where the file is no usable board, which has been said. */
async function auditFile(
  path: string,
  read: ReadBoard,
  setup: XenSetup,
  io: Io,
): Promise<BoardAudit | undefined> {
  try {
    return auditBoard(await read(path), setup);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.complain(error.message);
    return undefined;
  }
}

async function compare(
  files: readonly string[],
  read: ReadBoard,
  setup: XenSetup,
  flags: AuditFlags,
  io: Io,
): Promise<Exit> {
  const [before, after, ...rest] = files;
  if (before === undefined || after === undefined || rest.length > 0)
    throw new UsageError(`--compare: found ${files.length} boards, expected two: OLD.dtb NEW.dtb`);
  if (flags.sarif !== undefined)
    throw new UsageError('--sarif: found with --compare, expected one of the two');
  const audits = [auditBoard(await read(before), setup), auditBoard(await read(after), setup)] as const;
  const comparison = compareBoards(...audits);
  const named = { before: nameOf({ path: before }), after: nameOf({ path: after }), comparison };
  if (flags.json) write(jsonText(comparisonJson(named)), io);
  else io.out(comparisonReport(named, makeStyle(io.colours)));
  const worse = hasFinding({ findings: comparison.introduced }, flags.strict === true);
  return worse && !flags.exitZero ? Exit.findings : Exit.nothingFound;
}

function write(texts: Iterable<string>, io: Io): void {
  for (const text of texts) io.out(text);
  io.out('\n');
}

function hasFinding({ findings }: Pick<BoardAudit, 'findings'>, strict: boolean): boolean {
  return findings.some(({ severity }) => severity === 'error' || (strict && severity === 'hazard'));
}
