/** `dmalab replay TRACE`: judge a kernel trace. */
import { findDevice, readPlatform } from '../devicetree/index.ts';
import type { Design } from '../linux/index.ts';
import { type Platform, Replay, resultOf } from '../replay/index.ts';
import { makeStyle } from '../report/index.ts';
import { jsonReport, type ReportContext, terminalReport } from '../report/replay/index.ts';
import { FtraceReader, type TraceSummary, type Unparsed } from '../trace/index.ts';
import { type Board, readBoard } from './board.ts';
import { designsToRun, parseDesigns, shownDesigns } from './choice.ts';
import { Exit, exitOf } from './exit-code.ts';
import { FirstLook, type OwnDesign, ownDesign } from './infer.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText } from './json-text.ts';
import { openSource } from './kernel-source.ts';
import { showProgress } from './progress.ts';
import { parseRelease } from './release.ts';
import { nameOf, readChunks, type Source, sizeOf } from './sources.ts';
import { checkHead, refuseEmptyRun } from './unsuitable.ts';

export interface ReplayFlags {
  readonly dtb?: string;
  readonly iomem?: string;
  readonly kernel?: string;
  readonly hardware?: 'coherent' | 'non-coherent';
  readonly lineSize: number;
  readonly design?: string;
  readonly kernelSource?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly exitZero?: boolean;
  readonly quiet?: boolean;
}

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function replayCommand(file: string, flags: ReplayFlags, io: Io): Promise<Exit> {
  const kernelSource = await openSource(flags.kernelSource);
  const asked = parseDesigns(flags.design, kernelSource?.name);
  checkKernel(flags.kernel);
  if ([file, flags.dtb, flags.iomem].filter((path) => path === '-').length > 1)
    throw new UsageError('found - more than once, expected at most one input from standard input');
  const source: Source = { path: file, io, wanted: 'a kernel trace' };
  const name = nameOf(source);
  const board = await readBoard(flags.dtb, flags.iomem, io);
  const { architecture } = architectureOf(board);
  const built = kernelSource?.build([{ architecture, physBits: 64 }]);
  const once = (known: Known) =>
    replayOnce({ source, flags, io, asked, board, known, sources: built?.designs ?? [] });

  let run = await once({});
  const learnt = learn(run);
  if (learnt) {
    if (sizeOf(file) !== undefined) run = await once(learnt);
    else if (learnt.xenBecause !== undefined)
      throw new UsageError(
        `${name}: ${learnt.xenBecause}, and nothing before it said so (give --dtb, or the trace as a file)`,
      );
  }
  const { replay, summary, own, damage, unparsed, shown } = run;
  refuseEmptyRun(source, run, replay.session.dmaEvents);
  if (damage !== undefined)
    io.complain(
      `${name}: line ${summary.lines}: ${damage}; what comes before is judged (copy the file again)`,
    );
  // The line that a cut leaves behind needs no mention of its own.
  if (unparsed !== undefined && !(damage !== undefined && unparsed.line === summary.lines))
    io.complain(
      `${name}: line ${unparsed.line}: ${describe(unparsed)}; ${countOf(summary.unparsed)}, what was mapped then is inconclusive`,
    );
  const result = resultOf(replay);
  const context: ReportContext = {
    file: name,
    summary,
    result,
    kernel: own.kernel,
    ownDesign: own.design?.name ?? 'none',
    ownDesignBecause: own.because,
    shown,
    source: built?.report,
    cut: damage,
  };
  if (flags.json) {
    for (const text of jsonText(jsonReport(context))) io.out(text);
    io.out('\n');
  } else io.out(terminalReport(context, makeStyle(io.colours)));
  if (damage !== undefined) return Exit.unusable;
  const exit = exitOf(result, context.ownDesign, flags.strict === true);
  return flags.exitZero ? Exit.nothingFound : exit;
}

/** What an earlier reading of the trace found too late for itself. */
interface Known {
  /** It is of a kernel on Xen. */
  readonly xenBecause?: string;
  /** Events are named dma_map_phys. */
  readonly byPhys?: boolean;
}

/** What a reading should have known from its beginning; undefined where it knew. */
function learn({ replay, releaseKnown }: Run): Known | undefined {
  const { session, xenEventLine } = replay;
  const byPhys = session.byPhys === undefined ? {} : { byPhys: session.byPhys };
  if (xenEventLine > 0 && !session.platform.xen)
    return { xenBecause: `line ${xenEventLine} of the trace is an event of a kernel on Xen`, ...byPhys };
  return !releaseKnown && session.byPhys ? byPhys : undefined;
}

/** What one reading of the trace needs. */
interface Task {
  readonly source: Source;
  readonly flags: ReplayFlags;
  readonly io: Io;
  readonly asked: ReadonlySet<string> | undefined;
  readonly board: Board;
  readonly known: Known;
  /** The kernel's source that was given, on Xen and without. */
  readonly sources: readonly Design[];
}

/** What came of it. */
interface Run {
  readonly replay: Replay;
  readonly summary: TraceSummary;
  readonly own: OwnDesign;
  /** Designs to report on. */
  readonly shown: ReadonlySet<string>;
  /** The kernel's release was given, or inferred before anything was judged. */
  readonly releaseKnown: boolean;
  /** Why the reading stopped before the end. */
  readonly damage: string | undefined;
  /** The first event that could not be read. */
  readonly unparsed: Unparsed | undefined;
  /** The first bytes. */
  readonly head: Uint8Array;
}

/** Read the trace once: a first look decides what kernel it is of, then everything is judged as it comes. */
async function replayOnce(task: Task): Promise<Run> {
  const { source, flags, io, asked, board, known, sources } = task;
  const look = new FirstLook(board.fromTree?.value === true || known.xenBecause !== undefined);
  let unparsed: Unparsed | undefined;
  let begun:
    | {
        reader: FtraceReader;
        replay: Replay;
        own: OwnDesign;
        shown: ReadonlySet<string>;
        releaseKnown: boolean;
      }
    | undefined;
  const kept: Uint8Array[] = [];
  const begin = () => {
    const platform = platformOf(task, look);
    const byPhys = known.byPhys ?? look.byPhys;
    const own = ownDesign(flags.kernel, platform.xen, byPhys);
    if (own.design === undefined)
      throw new UsageError(
        `--kernel: found ${flags.kernel}, expected 3.13 or later (no design is modelled for older ones on Xen)`,
      );
    const kernelSource = sources.find(({ on }) => (on === 'xen') === platform.xen);
    const shown = shownDesigns(asked, own.design, kernelSource);
    const reader: FtraceReader = new FtraceReader({
      event: (event) => replay.event(event),
      unparsed: (event) => {
        unparsed ??= event;
        replay.unparsed(event);
      },
    });
    const designs = designsToRun(shown, own.design, kernelSource);
    const replay: Replay = new Replay({ platform, designs, own: own.design, judgeRecorded: true }, reader);
    begun = { reader, replay, own, shown, releaseKnown: flags.kernel !== undefined || byPhys !== undefined };
    for (const chunk of kept) reader.push(chunk);
    kept.length = 0;
    return begun;
  };
  const progress = await showProgress(sizeOf(source.path), flags.quiet ? undefined : io.terminal);
  let head: Uint8Array | undefined;
  let damage: string | undefined;
  try {
    damage = await readChunks(source, (chunk, consumed) => {
      progress.at(consumed);
      head ??= checkHead(source, chunk);
      if (begun) begun.reader.push(chunk);
      else {
        // Not slice(): of a Buffer that is the same memory.
        kept.push(new Uint8Array(chunk));
        if (look.push(chunk)) begin();
      }
    });
  } finally {
    progress.stop();
  }
  look.end();
  const { reader, ...judged } = begun ?? begin();
  const summary = reader.end();
  judged.replay.end();
  return { ...judged, summary, damage, unparsed, head: head ?? new Uint8Array(0) };
}

function platformOf({ flags, board, known }: Task, look: FirstLook): Platform {
  const { tree, ownRam, fromTree } = board;
  const { xenBecause } = known;
  const because =
    xenBecause ??
    (fromTree?.value || look.xenLine === undefined
      ? (fromTree?.because ?? 'no sign of Xen in the trace')
      : `line ${look.xenLine} of the trace is an event of a kernel on Xen`);
  return {
    ...architectureOf(board),
    lineSize: flags.lineSize,
    xen: xenBecause !== undefined || fromTree?.value === true || look.xenLine !== undefined,
    xenBecause: because,
    hasCacheFlush: true,
    ownRam,
    findDevice: tree && ((name) => findDevice(tree, name)),
    hardware: flags.hardware,
  };
}

/** As the device tree says; every kernel that has the events of a trace and no tree is taken for one of arm64. */
function architectureOf({ tree }: Board): Pick<Platform, 'architecture'> {
  return { architecture: tree ? (readPlatform(tree).architecture ?? 'arm64') : 'arm64' };
}

function checkKernel(text: string | undefined): void {
  if (text !== undefined && parseRelease(text) === undefined)
    throw new UsageError(`--kernel: found ${JSON.stringify(text)}, expected a release such as 6.12 or 7.3.4`);
}

function describe({ event, reason }: Unparsed): string {
  return event === '' ? reason : `${event}: ${reason}`;
}

function countOf(unparsed: number): string {
  return unparsed === 1 ? 'the event is counted as unparsed' : `${unparsed} events are counted as unparsed`;
}
