/** `dmalab run`: data through PV backends with real bytes; what arrives, and why not. */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DESIGNS, findDesign } from '../designs/index.ts';
import type { Design, Release } from '../linux/index.ts';
import type { Geometry, Policy } from '../machine/index.ts';
import { type DiskLoad, pattern, type RunSpec, runDisk } from '../pv/index.ts';
import { makeStyle, type RunDocument, type RunRow, runJson, runReport, verdictOf } from '../report/index.ts';
import { closest } from '../text/index.ts';
import { Exit } from './exit-code.ts';
import { parseRelease } from './infer.ts';
import { type Io, UsageError } from './io.ts';
import { jsonText } from './json-text.ts';
import { refuseExisting, writeNewFile } from './new-file.ts';

export interface RunFlags {
  readonly data?: string;
  readonly bytes?: number;
  readonly request: number;
  readonly align: number;
  readonly contiguous?: number;
  readonly depth: number;
  readonly persistent?: boolean;
  readonly design: string;
  readonly kernel?: string;
  readonly hardware: 'coherent' | 'non-coherent';
  readonly lineSize: number;
  readonly cache: string;
  readonly rate: number;
  readonly seed: number;
  readonly seeds: number;
  readonly adversarial?: boolean;
  readonly arrived?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const SECTOR = 512;
/** Bytes of the pattern where nothing else is asked for. */
const USUAL_BYTES = 65_536;
/** Largest load, bytes: the machine keeps about 30 bytes for each. */
const LARGEST = 16 * 2 ** 20;

/** Run the command; the report goes to `io`. @returns the exit code. @throws UsageError for unusable input. */
export async function runCommand(flags: RunFlags, io: Io): Promise<Exit> {
  const load = loadOf(flags);
  const designs = designsOf(flags.design);
  if (flags.arrived !== undefined) {
    refuseExisting(flags.arrived, flags.force ?? false);
    if (designs.length * flags.seeds > 1 || flags.adversarial)
      throw new UsageError('--arrived: found several runs or none with bytes, expected one design, one seed');
  }
  const rows: RunRow[] = [];
  for (const design of designs)
    for (let i = 0; i < (flags.adversarial ? 1 : flags.seeds); i++) {
      // Signals are delivered between runs only.
      await setImmediate();
      const run = specOf(flags, design, flags.seed + i);
      const result = runDisk(run, load);
      rows.push({ design: design.name, seed: run.seed, adversarial: flags.adversarial ?? false, result });
    }
  const about = aboutOf(flags, load);
  if (flags.json) {
    for (const text of jsonText(runJson(about, rows))) io.out(text);
    io.out('\n');
  } else io.out(runReport(about, rows, makeStyle(io.colours)));
  const [first] = rows;
  if (flags.arrived !== undefined && first?.result.arrived)
    writeNewFile(flags.arrived, first.result.arrived, flags.force ?? false);
  return rows.every((row) => verdictOf(row) === 'intact') ? Exit.nothingFound : Exit.findings;
}

function loadOf({ data: file, bytes, request, align, contiguous, depth, persistent }: RunFlags): DiskLoad {
  sectors('--request', request);
  sectors('--align', align);
  if (align >= 4096) throw new UsageError(`--align: found ${align}, expected less than a page (4096)`);
  if (file !== undefined && bytes !== undefined)
    throw new UsageError('found --data and --bytes, expected one of them');
  const data = file === undefined ? pattern(1, 0, bytes ?? USUAL_BYTES) : readData(file);
  if (data.length === 0 || data.length > LARGEST)
    throw new UsageError(`${file ?? '--bytes'}: found ${data.length} bytes, expected 1 to ${LARGEST}`);
  return {
    data,
    request,
    align,
    contiguous: contiguous ?? Number.POSITIVE_INFINITY,
    depth,
    persistent: persistent ?? false,
  };
}

function sectors(flag: string, value: number): void {
  if (value % SECTOR !== 0)
    throw new UsageError(`${flag}: found ${value}, expected whole sectors, a multiple of ${SECTOR}`);
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

function specOf(flags: RunFlags, design: Design, seed: number): RunSpec {
  const cache = shapeOf(flags.cache);
  return {
    design,
    linux: releaseOf(flags.kernel) ?? design.releases?.from ?? [6, 12],
    machine: flags.adversarial ? 'adversarial' : 'concrete',
    lineSize: flags.lineSize,
    seed,
    rate: flags.rate,
    coherent: flags.hardware === 'coherent',
    ...(cache === undefined ? {} : { cache }),
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

function aboutOf(flags: RunFlags, load: DiskLoad): Pick<RunDocument, 'load' | 'machine'> {
  const { request, align, contiguous, depth, persistent } = flags;
  const memory = contiguous === undefined ? 'contiguous frames' : `runs of ${contiguous} frames`;
  const grants = persistent ? ', persistent grants' : '';
  return {
    load: {
      kind: 'disk',
      bytes: load.data.length,
      description: `${load.data.length} bytes through a PV disk in requests of ${request} at offset ${align}, ${memory}, ${depth} at once${grants}`,
    },
    machine: {
      kind: flags.adversarial ? 'adversarial' : 'concrete',
      lineSize: flags.lineSize,
      coherent: flags.hardware === 'coherent',
      cache: flags.cache,
    },
  };
}
