/** `dmalab run`: data through PV backends with real bytes; what arrives, and why not. */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DESIGNS, findDesign } from '../designs/index.ts';
import type { Design, Release } from '../linux/index.ts';
import type { Geometry, Policy } from '../machine/concrete/index.ts';
import {
  costsAt,
  type DiskLoad,
  type LoadResult,
  type NetLoad,
  pattern,
  type RunSpec,
  runDisk,
  runNet,
  SWEPT_OFFSETS,
} from '../pv/index.ts';
import type { TraceRecorder } from '../pv/recorder/index.ts';
import { makeStyle } from '../report/index.ts';
import {
  type CostSeries,
  costPlotSvg,
  type RunDocument,
  type RunRow,
  runJson,
  runReport,
  verdictOf,
} from '../report/run/index.ts';
import { closest } from '../text/index.ts';
import { Exit } from './exit-code.ts';
import type { Image } from './image.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText } from './json-text.ts';
import { refuseExisting, writeNewFile } from './new-file.ts';
import { showProgress } from './progress.ts';
import { parseRelease } from './release.ts';

export interface RunFlags {
  readonly data?: string;
  readonly bytes?: number;
  readonly request: number;
  readonly align: number;
  readonly contiguous?: number;
  readonly depth: number;
  readonly persistent?: boolean;
  readonly packet?: number;
  readonly dmaBits: number;
  readonly busOffset: number;
  readonly believed?: 'coherent' | 'non-coherent';
  readonly record?: string;
  readonly design: string;
  readonly kernel?: string;
  readonly hardware: 'coherent' | 'non-coherent';
  readonly lineSize: number;
  readonly cache: string;
  readonly rate: number;
  readonly seed: number;
  readonly seeds: number;
  readonly adversarial?: boolean;
  readonly image?: string;
  readonly picture?: string;
  readonly plot?: string;
  readonly arrived?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const SECTOR = 512;
const PAGE = 4096;
/** Bytes of a request, and requests at once: beyond what kernels have under way. */
const LARGEST_REQUEST = 2 ** 20;
const DEEPEST = 64;
/** A packet has at most 18 slots of a page. */
const LARGEST_PACKET = 65_535;
/** Bytes of the pattern where nothing else is asked for. */
const USUAL_BYTES = 65_536;
/** Largest load, bytes: the machine keeps about 100 bytes for each. */
const LARGEST = 8 * 2 ** 20;

type Load = { readonly disk: DiskLoad } | { readonly net: NetLoad };

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function runCommand(flags: RunFlags, io: Io): Promise<Exit> {
  const designs = designsOf(flags.design);
  const force = flags.force ?? false;
  checkFiles(flags, designs.length, force);
  const image = await imageOf(flags.image);
  const load = loadOf(flags, image?.pixels);
  const recorder = await recorderOf(flags, designs[0]);
  const rows = await runAll(flags, designs, load, recorder, io);
  const about = aboutOf(flags, load);
  if (flags.json) {
    for (const text of jsonText(runJson(about, rows))) io.out(text);
    io.out('\n');
  } else io.out(runReport(about, rows, makeStyle(io.colours)));
  const arrived = rows[0]?.result.arrived;
  if (flags.arrived !== undefined && arrived) writeNewFile(flags.arrived, arrived, force);
  if (flags.picture !== undefined && image && arrived) {
    const { writePng } = await import('./image.ts');
    writeNewFile(flags.picture, writePng({ ...image, pixels: arrived }), force);
  }
  if (flags.plot !== undefined) writeNewFile(flags.plot, costPlotSvg(costsOf(flags, designs)), force);
  if (flags.record !== undefined && recorder) writeNewFile(flags.record, recorder.text(), force);
  return rows.every((row) => verdictOf(row) === 'intact') ? Exit.nothingFound : Exit.findings;
}

/** What reads images is loaded when there is one. */
async function imageOf(file: string | undefined): Promise<Image | undefined> {
  if (file === undefined) return undefined;
  const { readImage } = await import('./image.ts');
  return readImage(readData(file), file);
}

/** What writes traces is loaded when one is wanted. */
async function recorderOf(flags: RunFlags, design: Design | undefined): Promise<TraceRecorder | undefined> {
  if (flags.record === undefined) return undefined;
  const recorder = await import('../pv/recorder/index.ts');
  return new recorder.TraceRecorder(isByPhys(flags, design));
}

/** Each design with each seed. What arrived is kept of the first run only. */
async function runAll(
  flags: RunFlags,
  designs: readonly Design[],
  load: Load,
  recorder: TraceRecorder | undefined,
  io: Io,
): Promise<RunRow[]> {
  const { adversarial = false, seed: first } = flags;
  const seeds = Array.from({ length: adversarial ? 1 : flags.seeds }, (_, i) => first + i);
  const runs = designs.flatMap((design) => seeds.map((seed) => specOf(flags, design, seed, recorder)));
  const rows: RunRow[] = [];
  const progress = await showProgress(runs.length, flags.quiet ? undefined : io.terminal);
  try {
    for (const run of runs) {
      progress.at(rows.length);
      // Signals are delivered between runs only.
      await setImmediate();
      const result = runLoad(run, load);
      const kept = rows.length === 0 ? result : { ...result, arrived: undefined };
      rows.push({ design: run.design.name, seed: run.seed, adversarial, result: kept });
    }
  } finally {
    progress.stop();
  }
  return rows;
}

function runLoad(run: RunSpec, load: Load): LoadResult {
  try {
    return 'disk' in load ? runDisk(run, load.disk) : runNet(run, load.net);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`the load does not fit: ${error.message}`);
  }
}

/** Files to write: not there yet, and of one run with bytes where they show what arrived. */
function checkFiles(flags: RunFlags, designs: number, force: boolean): void {
  const { arrived, picture, record, plot, image, seeds, adversarial } = flags;
  const ofOneRun = { '--arrived': arrived, '--picture': picture, '--record': record };
  for (const [flag, file] of Object.entries({ ...ofOneRun, '--plot': plot }))
    if (file !== undefined) {
      refuseExisting(file, force);
      if (Object.hasOwn(ofOneRun, flag) && designs * seeds > 1)
        throw new UsageError(`${flag}: found ${designs * seeds} runs, expected one design and one seed`);
    }
  if (adversarial && (arrived ?? picture) !== undefined)
    throw new UsageError('--adversarial: a machine without bytes; expected neither --arrived nor --picture');
  if (picture !== undefined && image === undefined)
    throw new UsageError('--picture: expected --image as well, the image to send');
}

/** Costs by size and offset of requests. */
function costsOf(flags: RunFlags, designs: readonly Design[]): CostSeries[] {
  return designs.flatMap((design) => {
    const run = specOf(flags, design, 1, undefined);
    return SWEPT_OFFSETS.map((align) => ({ design: design.name, align, points: costsAt(run, align) }));
  });
}

/** Kernels with dma_map_phys events. */
function isByPhys(flags: RunFlags, design: Design | undefined): boolean {
  const [major, minor] = releaseOf(flags.kernel) ?? design?.releases?.from ?? [6, 12];
  return major > 6 || (major === 6 && minor >= 18);
}

/** @param pixels of an image that is to be sent. */
function loadOf(flags: RunFlags, pixels: Uint8Array | undefined): Load {
  const {
    data: file,
    bytes,
    request,
    align,
    contiguous = Number.POSITIVE_INFINITY,
    depth,
    persistent,
    packet,
  } = flags;
  if (align >= PAGE) throw new UsageError(`--align: found ${align}, expected less than a page (${PAGE})`);
  atMost('--depth', depth, DEEPEST);
  if ([file, bytes, pixels].filter((source) => source !== undefined).length > 1)
    throw new UsageError('found several of --data, --bytes and --image, expected one of them');
  const data =
    pixels ??
    (file === undefined ? pattern(1, 0, Math.min(bytes ?? USUAL_BYTES, LARGEST + 1)) : readData(file));
  if (data.length === 0 || data.length > LARGEST)
    throw new UsageError(
      `${file ?? flags.image ?? '--bytes'}: found ${data.length} bytes, expected 1 to ${LARGEST}`,
    );
  if (packet !== undefined) {
    if (packet < 14 || packet > LARGEST_PACKET)
      throw new UsageError(`--packet: found ${packet}, expected 14 to ${LARGEST_PACKET} bytes`);
    return { net: { data, packet, align, contiguous, depth } };
  }
  sectors('--request', request);
  atMost('--request', request, LARGEST_REQUEST);
  sectors('--align', align);
  return { disk: { data, request, align, contiguous, depth, persistent: persistent ?? false } };
}

function sectors(flag: string, value: number): void {
  if (value % SECTOR !== 0)
    throw new UsageError(`${flag}: found ${value}, expected whole sectors, a multiple of ${SECTOR}`);
}

function atMost(flag: string, value: number, most: number): void {
  if (value > most) throw new UsageError(`${flag}: found ${value}, expected at most ${most}`);
}

function readData(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${(error as Error).message}`);
  }
}

function designsOf(text: string): Design[] {
  const names = DESIGNS.filter(({ on }) => on === 'xen').map(({ name }) => name);
  if (text === 'all') return DESIGNS.filter(({ on, needs }) => on === 'xen' && needs === undefined);
  return text.split(',').map((part) => {
    const name = part.trim();
    const design = findDesign(name);
    if (design && names.includes(name)) return design;
    throw new UsageError(
      `--design: found ${JSON.stringify(name)}${closest(name, names)}, expected all, or names separated by commas: ${names.join(', ')}`,
    );
  });
}

function specOf(flags: RunFlags, design: Design, seed: number, trace: TraceRecorder | undefined): RunSpec {
  const cache = shapeOf(flags.cache);
  return {
    design,
    linux: releaseOf(flags.kernel) ?? design.releases?.from ?? [6, 12],
    machine: flags.adversarial ? 'adversarial' : 'concrete',
    lineSize: flags.lineSize,
    seed,
    rate: flags.rate,
    coherent: flags.hardware === 'coherent',
    ...(flags.believed === undefined ? {} : { believedCoherent: flags.believed === 'coherent' }),
    maskBits: flags.dmaBits,
    busOffset: flags.busOffset,
    ...(cache === undefined ? {} : { cache }),
    ...(trace === undefined ? {} : { trace }),
  };
}

function releaseOf(text: string | undefined): Release | undefined {
  const release = text === undefined ? undefined : parseRelease(text);
  if (text !== undefined && release === undefined)
    throw new UsageError(`--kernel: found ${JSON.stringify(text)}, expected a release such as 6.12 or 7.3.4`);
  return release;
}

/** undefined: never full. */
function shapeOf(text: string): Geometry | undefined {
  if (text === 'unbounded') return undefined;
  const [, sets, ways, policy = 'lru'] = /^(\d+)x(\d+)(?::(lru|fifo|random))?$/.exec(text) ?? [];
  const shape = { sets: Number(sets), ways: Number(ways), policy: policy as Policy };
  if (shape.sets >= 1 && shape.ways >= 1) return shape;
  throw new UsageError(
    `--cache: found ${JSON.stringify(text)}, expected unbounded or a shape such as 64x4, 128x2:random`,
  );
}

function aboutOf(flags: RunFlags, load: Load): Pick<RunDocument, 'load' | 'machine'> {
  const kind = 'disk' in load ? 'disk' : 'net';
  const { data } = 'disk' in load ? load.disk : load.net;
  return {
    load: { kind, bytes: data.length, description: `${data.length} bytes ${descriptionOf(flags, kind)}` },
    machine: {
      kind: flags.adversarial ? 'adversarial' : 'concrete',
      lineSize: flags.lineSize,
      coherent: flags.hardware === 'coherent',
      cache: flags.cache,
    },
  };
}

function descriptionOf(flags: RunFlags, kind: 'disk' | 'net'): string {
  const { request, packet, align, contiguous, depth, persistent } = flags;
  const memory = contiguous === undefined ? 'contiguous frames' : `runs of ${contiguous} frames`;
  const rest = `at offset ${align}, ${memory}, ${depth} at once`;
  if (kind === 'net') return `through a PV network in packets of ${packet} ${rest}`;
  return `through a PV disk in requests of ${request} ${rest}${persistent ? ', persistent grants' : ''}`;
}
