/**
 * The block load of the recording that ships, run here: the same steps with the same parameters, the guest's buffers on the machine
 * frames where they were, dom0's places for foreign pages those that it had. Each step must get the same maintenance, hypercall by
 * hypercall.
 *
 * What a step of the recording is, is told by direction and first sector of its NVMe commands.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Mfn, machineAddr, mfn, type Pfn, pfn, physAddr } from '../address/index.ts';
import { linux612 } from '../designs/linux-6.12.ts';
import { type CacheFlush, CacheFlushOp } from '../linux/index.ts';
import { AdversarialMachine } from '../machine/adversarial/index.ts';
import { Disk } from './block/disk.ts';
import { connectDisk } from './block/disk-stack.ts';
import { ForeignPool } from './block/foreign-pool.ts';
import { NvmeDriver } from './block/nvme.ts';
import { withoutBytes } from './host/byte-machine.ts';
import { CONTROL_PAGES, Host } from './host/host.ts';
import type { MappingRecord } from './host/journal.ts';
import { type BufferPiece, runBlockJob } from './load/block-load.ts';
import { pattern } from './load/pattern.ts';

const EXAMPLE = new URL('../../examples/xen-domu-pvblk/trace.txt.gz', import.meta.url);
const PAGE = 4096;
const SECTOR = 512;
const SCRATCH = [physAddr(0x48000000), physAddr(0x50000000)] as const;

/** A step of the load, as gt-work.sh of the recipe has it: `ioload WAY DEV SIZE COUNT DEVOFF MEMOFF`. */
interface Step {
  readonly name: string;
  readonly size: number;
  readonly count: number;
  /** Byte of the disk. */
  readonly at: number;
  /** Bytes of the buffer, page by page: offset in the page and how many. */
  readonly parts: readonly (readonly [offset: number, size: number])[];
  /** Read before anything else, or only written; the others are written and read back. */
  readonly only?: 'read' | 'write';
}

const MIB = 2 ** 20;
const STEPS: readonly Step[] = [
  // The guest's kernel looks for partitions. The same direction and sector as the verification of the first step.
  { ...step('partition table', 4096, 1, 0, linear(0, 4096)), only: 'read' },
  step('4k x8', 4096, 8, 0, linear(0, 4096)),
  step('64k x8', 65536, 8, MIB, linear(0, 65536)),
  step('512B x8', 512, 8, 2 * MIB, linear(0, 512)),
  step('unaligned(+512) 4k x4', 4096, 4, 3 * MIB, linear(512, 4096)),
  step('unaligned(+512) 64k x4', 65536, 4, 4 * MIB, linear(512, 65536)),
  step('unaligned(+2560) 7680 x4', 7680, 4, 5 * MIB, linear(2560, 7680)),
  step('scattered 16 segs 64k x4', 65536, 4, 6 * MIB, linear(0, 65536)),
  step('contiguous(THP) 64k x4', 65536, 4, 7 * MIB, linear(0, 65536)),
  step('contiguous(THP) unaligned(+512) 64k x8', 65536, 8, 9 * MIB, linear(512, 65536)),
  step('contiguous(THP) unaligned(+2560) 7680 x4', 7680, 4, 10 * MIB, linear(2560, 7680)),
  step('split 4096 + contiguous(+512) 16384 x8', 20480, 8, 11 * MIB, [[0, 4096], ...linear(512, 16384)]),
  { ...step('buffered 1M + sync', MIB, 1, 16 * MIB, linear(0, MIB)), only: 'write' },
];

function step(name: string, size: number, count: number, at: number, parts: Step['parts']): Step {
  return { name, size, count, at, parts };
}

function linear(offset: number, size: number): [number, number][] {
  const parts: [number, number][] = [];
  for (let at = offset; at < offset + size; at = (Math.floor(at / PAGE) + 1) * PAGE)
    parts.push([at % PAGE, Math.min(PAGE - (at % PAGE), offset + size - at)]);
  return parts;
}

/** A command of the disk, with the frames that were mapped for it, and the maintenance that its buffer got. */
interface Command {
  readonly write: boolean;
  readonly sector: number;
  readonly sectors: number;
  readonly frames: Mfn[];
  readonly flushes: Map<string, number>;
  /** DMA mappings, entries of lists one by one: offset in the page and size. */
  readonly mappings: Map<string, number>;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
const mappingKey = (address: number, size: number) => `offset ${address % PAGE} size ${size}`;

/** CLEAN or INVAL, low bits of the address as given, offset, length. */
const keyOf = (op: string, bus: number, offset: number, length: number) =>
  `${op} bus & 0xfff = 0x${(bus % PAGE).toString(16)} off=${offset} len=${length}`;

/** The block commands of the recording, in order, and the pages that blkback used, the first one first. */
function readRecording() {
  const commands: Command[] = [];
  /** How many commands came before each flush of the disk. */
  const flushesAfter: number[] = [];
  const pages = new Set<Pfn>();
  let mapped: Mfn[] = [];
  let pagesOf = new Map<string, Mfn>();
  /** Which command's buffer a frame is in. */
  const commandOf = new Map<number, Command>();
  for (const line of gunzipSync(readFileSync(EXAMPLE)).toString().split('\n')) {
    const p2m = /^ +1\.xvda-0-.* p2m: .*pfn=0x(\w+) mfn=0x(\w+)/.exec(line);
    if (p2m) {
      const [, at = '', frame = ''] = p2m;
      pages.add(pfn(Number(`0x${at}`)));
      // A page of segments is mapped and unmapped before the segments are.
      if (/^f{16}$/.test(frame)) mapped = mapped.filter((each) => each !== pagesOf.get(at));
      else {
        const found = mfn(Number(`0x${frame}`));
        mapped.push(found);
        pagesOf.set(at, found);
      }
      continue;
    }
    const command = /nvme_setup_cmd: .*nvme_cmd_(read|write) slba=(\d+), len=(\d+)/.exec(line);
    if (command) {
      const [, way, sector, length] = command;
      const one: Command = {
        write: way === 'write',
        sector: Number(sector),
        sectors: Number(length) + 1,
        frames: mapped,
        flushes: new Map(),
        mappings: new Map(),
      };
      commands.push(one);
      for (const frame of mapped) commandOf.set(frame, one);
      mapped = [];
      pagesOf = new Map();
      continue;
    }
    if (line.includes('cmd=(nvme_cmd_flush ')) flushesAfter.push(commands.length);
    const flush = / cflush: .*bus=0x(\w+) off=(\d+) len=(\d+) op=0x(\d)/.exec(line);
    if (flush) {
      const [, bus = '', offset, length, op] = flush;
      const address = Number(`0x${bus}`);
      // A split bio is two commands of one step with one list of frames.
      const owner = commandOf.get(Math.floor(address / PAGE));
      const key = keyOf(op === '1' ? 'CLEAN' : 'INVAL', address, Number(offset), Number(length));
      if (owner) count(owner.flushes, key);
      continue;
    }
    const map = / dma_map_(?:page|sg): 0000:00:01\.0 .*dma_addrs?=\{?([^ }]+)\}? sizes?=\{?([^ }]+)/.exec(
      line,
    );
    const current = commands.at(-1);
    if (map && current) {
      const [, addresses = '', sizes = ''] = map;
      for (const [i, size] of sizes.split(',').entries()) {
        const at = Number.parseInt(addresses.split(',')[i] ?? '', 16);
        count(current.mappings, mappingKey(at, Number(size)));
      }
    }
  }
  return { commands, flushesAfter, pages: [...pages] };
}

/** Is the command one of the step's. */
function isOf({ at, size, count }: Step, write: boolean, command: Command): boolean {
  const first = at / SECTOR;
  return (
    command.write === write && command.sector >= first && command.sector < first + (size * count) / SECTOR
  );
}

/** Of all commands of a step, or of all runs that are it: `flushes` or `mappings`, summed. */
function sum(all: readonly Pick<Command, 'flushes' | 'mappings'>[], what: 'flushes' | 'mappings') {
  const result: Record<string, number> = {};
  for (const each of all) for (const [key, times] of each[what]) result[key] = (result[key] ?? 0) + times;
  return Object.fromEntries(Object.entries(result).sort());
}

const recording = readRecording();

/** dom0 and the guest of the recording. */
function makeSystem() {
  const flushes = new Map<string, number>();
  const mappings = new Map<string, number>();
  const mapped = ({ dma, size }: MappingRecord) => count(mappings, mappingKey(dma ?? 0, size));
  const frames = [...new Set(recording.commands.flatMap((command) => command.frames))].sort((a, b) => a - b);
  const host = new Host({
    design: linux612,
    linux: [6, 12],
    machine: (sink) =>
      withoutBytes(
        new AdversarialMachine(
          { lineSizes: [64], outerCache: false, localMaintenance: false, explicitBarriers: false, cpus: 1 },
          sink,
        ),
      ),
    ram: [machineAddr(0x40000000), machineAddr(0x140000000)],
    dom0: [physAddr(0xc0000000), physAddr(0x100000000)],
    scratch: SCRATCH,
    guests: [{ name: 'domU', frames, control: mfn(0x120000 - CONTROL_PAGES) }],
    trace: {
      cacheFlush: ({ devBusAddr, offset, length, op }: CacheFlush) => {
        const key = keyOf(op === CacheFlushOp.clean ? 'CLEAN' : 'INVAL', devBusAddr, offset, length);
        count(flushes, key);
      },
      mapPage: mapped,
      mapSg: (all) => all.forEach(mapped),
    },
  });
  const disk = new Disk(host, { name: '0000:00:01.0', coherent: false, sectors: (64 * MIB) / SECTOR });
  const driver = new NvmeDriver(host, disk);
  const guest = host.guest('domU');
  const pool = new ForeignPool(host.dom0, recording.pages);
  const { front } = connectDisk(host, { guest, driver, pool, first: 0, sectors: disk.spec.sectors });
  /** Byte of the guest's memory where a machine frame is. */
  const placeOf = (frame: Mfn) => frames.indexOf(frame) * PAGE;
  return { host, disk, driver, guest, front, flushes, mappings, placeOf };
}

/** The steps in the recording's order: each written, then verified. */
const WAYS = STEPS.flatMap((one) =>
  [true, false]
    .filter((write) => one.only === undefined || (one.only === 'write') === write)
    .map((write) => ({ one, write })),
);

type Extent = Pick<Command, 'write' | 'sector' | 'sectors'>;

interface Ran extends Pick<Command, 'flushes' | 'mappings'> {
  readonly commands: readonly Extent[];
  readonly one: Step;
  readonly write: boolean;
}

function runHere(): Ran[] {
  const system = makeSystem();
  return WAYS.map(({ one, write }, index) => {
    system.flushes.clear();
    system.mappings.clear();
    const commands: Extent[] = [];
    system.driver.onCommand = (what, sector, sectors) =>
      commands.push({ write: what === 'write', sector, sectors });
    // Where the buffer was. What an earlier step has with the same direction and sector comes first.
    const skipped = WAYS.slice(0, index).filter(
      (each) => each.write === write && each.one.at === one.at,
    ).length;
    const frames = recording.commands
      .filter((command) => isOf(one, write, command))
      .slice(skipped)
      .flatMap((command) => command.frames)
      .slice(0, one.parts.length);
    const buffer = one.parts.map(([offset, size], i): BufferPiece => {
      const frame = frames[i];
      if (frame === undefined) throw new Error(`the recording shows ${frames.length} pages of ${one.name}`);
      return { at: system.placeOf(frame) + offset, size };
    });
    const result = runBlockJob(system, {
      name: one.name,
      way: write ? 'write' : 'verify',
      sector: one.at / SECTOR,
      base: 0,
      requests: one.count,
      buffers: [buffer],
      data: (at, size) => pattern(1, one.at + at, size),
    });
    expect(result.errors).toBe(0);
    return {
      one,
      write,
      commands,
      flushes: new Map(system.flushes),
      mappings: new Map(system.mappings),
    };
  });
}

/** Steps as the recording tells them apart: by direction and first sector. */
const TOLD_APART = WAYS.filter(
  ({ one, write }, i) => !WAYS.slice(i + 1).some((other) => other.write === write && other.one.at === one.at),
);

describe('the load of the recording', () => {
  const here = runHere();
  const rows = TOLD_APART.map(({ one, write }) => ({
    name: one.name,
    way: write ? 'written' : 'read',
    one,
    write,
  }));

  test.each(rows)('$name, $way: the same operations, by offset in the page and length', ({ one, write }) => {
    const recorded = recording.commands.filter((command) => isOf(one, write, command));
    const ran = here.filter((each) => each.write === write && each.one.at === one.at);
    expect(sum(recorded, 'flushes')).not.toEqual({});
    expect(sum(ran, 'flushes')).toEqual(sum(recorded, 'flushes'));
  });

  // Not of the buffered step: eight of its requests are under way at once, and which of dom0's places come back in which order,
  // and so follow each other, depends on when the interrupts of the recorded machine came.
  const oneAtATime = rows.filter(({ one }) => one.only !== 'write');
  test.each(oneAtATime)('$name, $way: the same DMA mappings', ({ one, write }) => {
    const recorded = recording.commands.filter((command) => isOf(one, write, command));
    const ran = here.filter((each) => each.write === write && each.one.at === one.at);
    expect(sum(recorded, 'mappings')).not.toEqual({});
    expect(sum(ran, 'mappings')).toEqual(sum(recorded, 'mappings'));
  });

  test('the disk gets the same commands, in the same order', () => {
    const extents = recording.commands.map(
      ({ write, sector, sectors }): Extent => ({ write, sector, sectors }),
    );
    expect(here.flatMap(({ commands }) => commands)).toEqual(extents);
  });

  test('and a flush at the end, where the recording has its only one', () => {
    const system = makeSystem();
    const flushes: string[] = [];
    system.driver.onCommand = (what) => flushes.push(what);
    system.front.flush((ok) => flushes.push(String(ok)));
    system.host.agenda.run();
    expect(flushes).toEqual(['flush', 'true']);
    expect(recording.flushesAfter).toEqual([recording.commands.length]);
  });

  test('no block command of the recording is left out', () => {
    const isKnown = (command: Command) => WAYS.some(({ one, write }) => isOf(one, write, command));
    expect(recording.commands.filter((command) => !isKnown(command))).toEqual([]);
  });
});
