/**
 * How many operations of the DMA API a kernel's own source does in a second, side by side with the design of its release.
 *
 * `calls`: maps, syncs and unmaps alone, what they do written down. `compared`: the same beside the design of its release, all
 * that both do compared. `judged`: mappings with every cache behaviour judged, as
 * `replay` does it, from events in memory (local and foreign pages, every offset and size by sectors over four pages): under check,
 * so the goal is held against it. `check`: the scenarios of scenarios/releases, every interleaving on a simulated machine, once they
 * are read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type DmaAddr,
  dmaAddr,
  machineAddr,
  mfn,
  NO_SLOT,
  PAGE_SIZE,
  type PhysAddr,
  pfn,
  physAddr,
} from '../src/address/index.ts';
import { SideBySide, type World } from '../src/cli/kernel-source/differences.ts';
import { designsOf, TREE } from '../src/cli/kernel-source/testing.ts';
import { findDesign } from '../src/designs/index.ts';
import { checkScenario } from '../src/explore/index.ts';
import { type Design, Direction, NO_ATTRIBUTES } from '../src/linux/index.ts';
import { type Platform, Replay } from '../src/replay/index.ts';
import { parseScenario, type Scenario } from '../src/scenario/index.ts';
import { EventKind, TraceEvent } from '../src/trace/index.ts';
import { median } from './measure.ts';

/** Operations of the DMA API a second. */
export interface SourceRates {
  readonly calls: number;
  readonly compared: number;
  readonly judged: number;
  readonly check: number;
}

export interface SourceSpeed {
  readonly release: string;
  /** Operations that were judged in a round. */
  readonly operations: number;
  readonly rounds: number;
  readonly source: SourceRates;
  readonly design: SourceRates;
  /** Operations a second under check, to be reached by the source. */
  readonly goal: number;
  readonly reached: boolean;
}

const GOAL = 1e6;
/** A block load: buffers begin and end with sectors. */
const STEP = 512;
const SPAN = 4 * PAGE_SIZE;
const LOCAL = physAddr(0xc000_0000);
const BALLOONED = physAddr(0xd000_0000);
const FOREIGN = machineAddr(0x8000_0000);
const DISK = { name: '0000:00:01.0', coherent: false };

const WORLD: World = {
  architecture: 'arm64',
  physBits: 64,
  hasCacheFlush: true,
  ram: [LOCAL, physAddr(0xd000_0000)],
  foreign: { at: BALLOONED, frames: Array.from({ length: 4 }, (_, i) => mfn(0x80000 + i)) },
  validToo: undefined,
  busOffset: 0,
  mask: dmaAddr(2 ** 48 - 1),
  slot: NO_SLOT,
  forced: false,
  kmallocBounces: false,
};

/** @returns why it cannot be measured, or what was. */
export function measureKernelSource(
  operations: number,
  rounds: number,
): SourceSpeed | { readonly skipped: string } {
  if ('missing' in TREE) return { skipped: TREE.missing };
  const { xen } = designsOf(TREE.folder, ['arm64']);
  const own = findDesign(xen.expectedAs ?? '');
  if (own === undefined) throw new Error(`no design for ${xen.name}`);
  const source = { calls: 0, compared: 0, judged: 0, check: 0 };
  const design = { ...source };
  // One after the other, what the goal is about first: in a replay no other kernel than replay's has come by.
  for (const [what, measure] of Object.entries(MEASURES) as [keyof SourceRates, Measure][]) {
    const samples = Array.from({ length: rounds }, () => [
      measure(xen, own, operations),
      measure(own, own, operations),
    ]);
    source[what] = median(samples.map(([rate = 0]) => rate));
    design[what] = median(samples.map(([, rate = 0]) => rate));
  }
  return {
    release: xen.name,
    operations,
    rounds,
    source,
    design,
    goal: GOAL,
    reached: source.judged >= GOAL,
  };
}

type Measure = (design: Design, own: Design, operations: number) => number;
const MEASURES: Readonly<Record<keyof SourceRates, Measure>> = {
  judged: (design, _own, operations) => judgedPerSecond(design, operations),
  compared: comparedPerSecond,
  calls: (design, _own, operations) => callsPerSecond(design, operations),
  check: checkedPerSecond,
};

interface Buffer {
  readonly phys: PhysAddr;
  readonly dma: DmaAddr;
  readonly size: number;
  readonly direction: Direction;
}

/** Every offset and size by sectors, of local pages and of foreign ones; one foreign buffer in 64 crosses a page. */
const BUFFERS: readonly Buffer[] = Object.values(Direction).flatMap((direction) => {
  const sectors = Array.from({ length: SPAN / STEP }, (_, i) => i * STEP);
  return sectors.flatMap((offset) =>
    sectors.flatMap((length): Buffer[] => {
      const size = length + STEP;
      if (offset + size > SPAN) return [];
      const crosses = (offset % PAGE_SIZE) + size > PAGE_SIZE;
      const foreign = (!crosses || length % 64 === 0) && size % (2 * STEP) === 0;
      const isForeign = foreign && (!crosses || size === SPAN / 2);
      const phys = physAddr((isForeign ? BALLOONED : LOCAL) + offset);
      return [{ phys, dma: dmaAddr((isForeign ? FOREIGN : LOCAL) + offset), size, direction }];
    }),
  );
});

function callsPerSecond(design: Design, operations: number): number {
  const alone = new SideBySide(design, design, WORLD);
  const begin = cpuSeconds();
  for (let i = 0; alone.calls < operations; i++) {
    const { phys, size, direction } = BUFFERS[i % BUFFERS.length] as Buffer;
    alone.alone({ device: DISK, phys, size, direction, attributes: NO_ATTRIBUTES });
  }
  return alone.calls / (cpuSeconds() - begin);
}

function comparedPerSecond(design: Design, own: Design, operations: number): number {
  const both = new SideBySide(own, design, WORLD);
  const begin = cpuSeconds();
  for (let i = 0; both.calls < operations; i++) {
    const { phys, size, direction } = BUFFERS[i % BUFFERS.length] as Buffer;
    const difference = both.run({ device: DISK, phys, size, direction, attributes: NO_ATTRIBUTES });
    if (difference !== undefined) throw new Error(difference);
  }
  return both.calls / (cpuSeconds() - begin);
}

const PLATFORM: Platform = {
  architecture: 'arm64',
  lineSize: 64,
  xen: true,
  xenBecause: 'a benchmark',
  hasCacheFlush: true,
  ownRam: {
    pfnValid: (frame) => frame * PAGE_SIZE >= LOCAL && frame * PAGE_SIZE < BALLOONED,
    isRam: (frame) => frame * PAGE_SIZE >= LOCAL && frame * PAGE_SIZE < BALLOONED,
  },
  findDevice: undefined,
  hardware: 'non-coherent',
};

function judgedPerSecond(design: Design, operations: number): number {
  const replay = new Replay(
    { platform: PLATFORM, designs: [design], own: undefined, judgeRecorded: false },
    { devices: [DISK.name], contextKnown: true, mute() {} },
  );
  const event = new TraceEvent();
  Object.assign(event, {
    kind: EventKind.p2m,
    line: 1,
    device: 0,
    pfn: pfn(BALLOONED / PAGE_SIZE),
    mfn: mfn(FOREIGN / PAGE_SIZE),
    count: 5,
  });
  replay.event(event);
  const begin = cpuSeconds();
  let done = 0;
  for (let i = 0; done < operations; i++) {
    const { phys, dma, size, direction } = BUFFERS[i % BUFFERS.length] as Buffer;
    event.line = done + 2;
    event.size = size;
    event.direction = direction;
    event.physAddr = phys;
    event.dmaAddr = dma;
    event.kind = EventKind.map;
    replay.event(event);
    event.kind = EventKind.unmap;
    replay.event(event);
    done += 2;
  }
  replay.end();
  const rate = done / (cpuSeconds() - begin);
  const [track] = replay.tracks;
  if (track === undefined || track.findings.errorMappings === 0 || track.inconclusiveCount > 0)
    throw new Error(`${design.name}: nothing was judged`);
  return rate;
}

const SCENARIOS = fileURLToPath(new URL('../scenarios/releases/', import.meta.url));

function checkedPerSecond(design: Design): number {
  let calls = 0;
  const counted: Design = {
    ...design,
    map: (...args) => {
      calls++;
      return design.map(...args);
    },
    unmap: (...args) => {
      calls++;
      design.unmap(...args);
    },
    syncForCpu: (...args) => {
      calls++;
      design.syncForCpu(...args);
    },
    syncForDevice: (...args) => {
      calls++;
      design.syncForDevice(...args);
    },
  };
  const scenarios = releaseScenarios();
  const begin = cpuSeconds();
  for (const scenario of scenarios)
    if (checkScenario(scenario, counted, { now: () => 0 }).some((row) => row.asExpected === false))
      throw new Error(`${scenario.file}: ${design.name} is not as expected`);
  return calls / (cpuSeconds() - begin);
}

/** Those on Xen. */
function releaseScenarios(): Scenario[] {
  return readdirSync(SCENARIOS).flatMap((name) => {
    const parsed = parseScenario(readFileSync(join(SCENARIOS, name), 'utf8'), name);
    return 'errors' in parsed || parsed.scenario.cases[0]?.platform.xen === undefined
      ? []
      : [parsed.scenario];
  });
}

/** Of this process: on a shared machine the clock says little. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
