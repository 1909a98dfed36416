/** `dmalab replay TRACE`: judge a kernel trace. */
import { DESIGNS, findDesign } from '../designs/index.ts';
import { type DeviceTree, DeviceTreeError, findDevice, readFdt, readPlatform } from '../devicetree/index.ts';
import type { Design } from '../linux/index.ts';
import { type OwnRam, type Platform, Replay, resultOf } from '../replay/index.ts';
import { jsonReport, makeStyle, type ReportContext, terminalReport } from '../report/index.ts';
import { FtraceReader, InputError, parseIomem, type TraceSummary } from '../trace/index.ts';
import { Exit, exitOf } from './exit-code.ts';
import { FirstLook, type OwnDesign, ownDesign } from './infer.ts';
import { complain, UsageError } from './messages.ts';
import { showProgress } from './progress.ts';
import { readChunks, readWhole, sizeOf } from './sources.ts';
import { closest } from './suggest.ts';

export interface ReplayFlags {
  readonly dtb?: string;
  readonly iomem?: string;
  readonly kernel?: string;
  readonly hardware?: 'coherent' | 'non-coherent';
  readonly lineSize: number;
  readonly design?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly exitZero?: boolean;
  readonly quiet?: boolean;
}

/** Run the command; the report goes to standard output. @returns the exit code. */
export async function replayCommand(file: string, flags: ReplayFlags): Promise<Exit> {
  const tree = flags.dtb === undefined ? undefined : readTree(flags.dtb);
  const ownRam = flags.iomem === undefined ? undefined : readIomem(flags.iomem);
  const board: Board = { tree, ownRam, fromTree: tree && xenOf(tree) };
  let run = await replayOnce(file, flags, board, undefined);
  if (run.replay.xenEventLine > 0 && !run.replay.session.platform.xen) {
    const because = `line ${run.replay.xenEventLine} of the trace is an event of a kernel on Xen`;
    if (sizeOf(file) === undefined)
      throw new UsageError(`${because}, and nothing before it said so: give --dtb, or the trace as a file`);
    run = await replayOnce(file, flags, board, because);
  }
  const { replay, summary, own, cut } = run;
  if (cut !== undefined) complain(`${file}: line ${summary.lines}: ${cut}; what was readable is judged`);
  refuseForeignInput(file, replay, summary, cut);
  const result = resultOf(replay);
  const context: ReportContext = {
    file,
    summary,
    result,
    kernel: own.kernel,
    ownDesign: own.design?.name ?? 'none',
    ownDesignBecause: own.because,
    shown: new Set(['recorded', ...namesOf(flags, own)]),
    cut,
  };
  const colours = process.stdout.isTTY === true && !process.env['NO_COLOR'];
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(jsonReport(context), undefined, 2)}\n`
      : terminalReport(context, makeStyle(colours)),
  );
  if (cut !== undefined) return Exit.unusable;
  const exit = exitOf(result, context.ownDesign, flags.strict === true);
  return flags.exitZero ? Exit.nothingFound : exit;
}

interface Board {
  readonly tree: DeviceTree | undefined;
  readonly ownRam: OwnRam | undefined;
  readonly fromTree: { readonly value: boolean; readonly because: string } | undefined;
}

interface Run {
  readonly replay: Replay;
  readonly summary: TraceSummary;
  readonly own: OwnDesign;
  readonly cut: string | undefined;
}

/** Read the trace once: a first look decides what kernel it is of, then everything is judged as it comes. */
async function replayOnce(
  file: string,
  flags: ReplayFlags,
  board: Board,
  xenBecause: string | undefined,
): Promise<Run> {
  const look = new FirstLook(board.fromTree?.value === true || xenBecause !== undefined);
  let begun: { reader: FtraceReader; replay: Replay; own: OwnDesign } | undefined;
  const kept: Uint8Array[] = [];
  const begin = () => {
    const xen = xenBecause !== undefined || board.fromTree?.value === true || look.xenLine !== undefined;
    const because =
      xenBecause ??
      (board.fromTree?.value || look.xenLine === undefined
        ? (board.fromTree?.because ?? 'no sign of Xen in the trace')
        : `line ${look.xenLine} of the trace is an event of a kernel on Xen`);
    const own = ownDesign(flags.kernel, xen, look.byPhys);
    if (own.design === undefined)
      throw new UsageError(
        `--kernel ${flags.kernel}: no design is modelled for this release (3.19 and later are)`,
      );
    const reader: FtraceReader = new FtraceReader({
      event: (event) => replay.event(event),
      unparsed: (unparsed) => replay.unparsed(unparsed),
    });
    const replay: Replay = new Replay(
      {
        platform: platformOf(flags, board, xen, because),
        designs: designsOf(flags, own),
        own: own.design,
        judgeRecorded: true,
      },
      reader,
    );
    begun = { reader, replay, own };
    for (const chunk of kept) reader.push(chunk);
    kept.length = 0;
    return begun;
  };
  const progress = showProgress(sizeOf(file), flags.quiet === true);
  const cut = await readChunks(file, (chunk, consumed) => {
    progress.at(consumed);
    refuseBinary(chunk, consumed === chunk.length);
    if (begun) begun.reader.push(chunk);
    else {
      kept.push(chunk.slice());
      if (look.push(chunk)) begin();
    }
  });
  progress.stop();
  look.end();
  const { reader, replay, own } = begun ?? begin();
  const summary = reader.end();
  replay.end();
  return { replay, summary, own, cut };
}

function platformOf(flags: ReplayFlags, board: Board, xen: boolean, xenBecause: string): Platform {
  const { tree, ownRam } = board;
  const architecture = tree ? (readPlatform(tree).architecture ?? 'arm64') : 'arm64';
  return {
    architecture,
    lineSize: flags.lineSize,
    xen,
    xenBecause,
    hasCacheFlush: true,
    ownRam,
    findDevice: tree && ((name) => findDevice(tree, name)),
    hardware: flags.hardware,
  };
}

/** The designs to run: those asked for, and the kernel's own, which the exit code may depend on. */
function designsOf(flags: ReplayFlags, own: OwnDesign): Design[] {
  const wanted = namesOf(flags, own);
  return DESIGNS.filter(({ name }) => wanted.has(name) || name === own.design?.name);
}

function namesOf(flags: ReplayFlags, own: OwnDesign): Set<string> {
  if (flags.design === 'all') return new Set(DESIGNS.map(({ name }) => name));
  if (flags.design !== undefined)
    return new Set(flags.design.split(',').map((name) => checkDesign(name.trim())));
  const usual = DESIGNS.filter(({ name, releases }) => releases !== undefined || name === 'repaired');
  return new Set([...usual.map(({ name }) => name), ...(own.design ? [own.design.name] : [])]);
}

function checkDesign(name: string): string {
  if (name === 'recorded' || findDesign(name)) return name;
  const names = ['recorded', ...DESIGNS.map((design) => design.name)];
  throw new UsageError(
    `--design ${name}: no such design${closest(name, names)}; there are ${names.join(', ')}`,
  );
}

function readTree(path: string): DeviceTree {
  try {
    return readFdt(readWhole(path));
  } catch (error) {
    if (error instanceof DeviceTreeError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

function xenOf(tree: DeviceTree): { value: boolean; because: string } {
  return readPlatform(tree).runsXen;
}

function readIomem(path: string): OwnRam {
  try {
    return parseIomem(new TextDecoder().decode(readWhole(path)));
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

const TRACE_DAT = [0x17, 0x08, 0x44];

function refuseBinary(chunk: Uint8Array, isFirst: boolean): void {
  if (!isFirst) return;
  if (TRACE_DAT.every((byte, i) => chunk[i] === byte))
    throw new UsageError('a trace.dat file: make text of it first (trace-cmd report FILE > trace.txt)');
}

/** Nothing of DMA in it: say what it is instead. */
function refuseForeignInput(
  file: string,
  replay: Replay,
  summary: TraceSummary,
  cut: string | undefined,
): void {
  if (replay.session.dmaEvents > 0) return;
  const { lines, events, strange, firstStrange, unparsed } = summary;
  if (lines === 0)
    throw new UsageError(`${file}: ${cut ?? 'an empty file'}; expected a kernel trace as text`);
  if (events === 0 && strange > 0 && firstStrange)
    throw new UsageError(
      `${file}: line ${firstStrange.line}: found ${JSON.stringify(firstStrange.excerpt)}, expected a kernel trace as text (the file /sys/kernel/tracing/trace, or trace-cmd report)`,
    );
  const others = unparsed > 0 ? `, ${unparsed} of them damaged` : '';
  throw new UsageError(
    `${file}: no dma event in ${lines} lines (${events} events of other kinds${others}); record with dma:* enabled (trace-cmd record -e dma -e swiotlb)`,
  );
}
