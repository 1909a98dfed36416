/** Helpers of this room's tests: the shipped example, traces written by hand, and replays of both. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type DmaAddr, type MachineAddr, RangeSet } from '../address/index.ts';
import { DESIGNS, findDesign } from '../designs/index.ts';
import { type DeviceFacts, type DmaWindow, findDevice, readFdt } from '../devicetree/index.ts';
import {
  EventKind,
  FtraceReader,
  formatEvent,
  parseIomem,
  TRACE_HEADER,
  TraceEvent,
  type TraceSummary,
} from '../trace/index.ts';
import type { Finding } from './finding.ts';
import type { Severity } from './judge.ts';
import type { Misuse } from './misuse.ts';
import type { OwnRam, Platform } from './platform.ts';
import { Replay } from './replay.ts';
import { type ReplayResult, resultOf, type TrackResult } from './result.ts';

// Replaying.

/** A finished replay. */
export class Outcome {
  readonly replay: Replay;
  readonly result: ReplayResult;
  readonly summary: TraceSummary;

  constructor(replay: Replay, summary: TraceSummary) {
    this.replay = replay;
    this.result = resultOf(replay);
    this.summary = summary;
  }

  /** The outcome of 'recorded' or a design. */
  of(name: string): TrackResult {
    const found = this.result.tracks.find(({ track }) => track.name === name);
    if (found === undefined) throw new Error(`found no track ${name}`);
    return found;
  }
  verdict(name = 'recorded'): string {
    return this.of(name).verdict;
  }
  findings(name = 'recorded', severity: Severity = 'error'): Finding[] {
    return this.of(name)
      .track.findings.kept()
      .filter((finding) => finding.severity === severity);
  }
  /** "line rule" of each error. */
  errors(name = 'recorded'): string[] {
    return this.findings(name).map(({ line, rule }) => `${line} ${rule}`);
  }
  hazards(name = 'recorded'): string[] {
    return this.findings(name, 'hazard').map(({ line, rule }) => `${line} ${rule}`);
  }
  /** Lines of maps that have an error. */
  errorLines(name = 'recorded'): number[] {
    return [...new Set(this.findings(name).map(({ line }) => line))].sort((a, b) => a - b);
  }
  inconclusiveLines(name = 'recorded'): number[] {
    return this.of(name).inconclusive.map(({ line }) => line);
  }
  /** "matched/operations" of the design that conforms. */
  conformance(name: string): string {
    const { conformance } = this.of(name).track;
    return conformance ? `${conformance.matched}/${conformance.operations}` : 'none';
  }
  mismatches(name: string): readonly { line: number; predicted: string | null; recorded: string | null }[] {
    return this.of(name).track.conformance?.mismatches ?? [];
  }
  /** "rule line" of each misuse. */
  misuse(): string[] {
    return this.replay.session.misuse.kept.map(({ rule, line }: Misuse) => `${rule} ${line}`);
  }
}

/** What a replay is to judge. */
export interface Setup extends Partial<Platform> {
  /** Designs besides the recording; if not given dma-direct, or on Xen those that ask it to maintain: 3.19 and later. */
  readonly designs?: readonly string[];
  /** The kernel's own. */
  readonly own?: string;
}

const SINCE_319 = ['linux-3.19', 'linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3', 'repaired'];
/** Every design that is for Xen. */
export const ON_XEN = DESIGNS.filter(({ on }) => on === 'xen').map(({ name }) => name);

/** Replay a trace given as text. */
export function replayText(text: string, setup: Setup = {}): Outcome {
  const { designs, own, ...platform } = setup;
  const xen = platform.xen ?? true;
  const names = designs ?? (xen ? SINCE_319 : ['dma-direct']);
  const reader: FtraceReader = new FtraceReader({
    event: (event) => replay.event(event),
    unparsed: (unparsed) => replay.unparsed(unparsed),
  });
  const replay: Replay = new Replay(
    {
      platform: { ...XEN, ...platform },
      designs: names.map(designNamed),
      own: designNamed(own ?? (xen ? 'linux-6.12' : 'dma-direct')),
      judgeRecorded: true,
    },
    reader,
  );
  reader.push(new TextEncoder().encode(text));
  const summary = reader.end();
  replay.end();
  return new Outcome(replay, summary);
}

function designNamed(name: string) {
  const design = findDesign(name);
  if (design === undefined) throw new Error(`found no design ${name}`);
  return design;
}

// Platforms.

/** Facts of a device tree that knows one kind of device. */
export function deviceFacts(facts: Partial<DeviceFacts>): DeviceFacts {
  return {
    path: '/soc',
    coherent: false,
    because: 'the test says so',
    iommu: null,
    windows: [],
    busLimit: null,
    notes: [],
    ...facts,
  };
}
export const devicesAre =
  (facts: Partial<DeviceFacts>): NonNullable<Platform['findDevice']> =>
  () =>
    deviceFacts(facts);

/** /proc/iomem with RAM at [from, to): pfn_valid at 128 MiB sections. */
export function ramAt(...ranges: readonly (readonly [from: number, to: number])[]): OwnRam {
  const lines = ranges.map(([from, to]) => `${from.toString(16)}-${(to - 1).toString(16)} : System RAM`);
  return parseIomem(lines.join('\n'));
}

/** dom0 with RAM from 3 to 4 GiB, and devices that do not snoop. */
const XEN: Platform = {
  architecture: 'arm64',
  lineSize: 64,
  xen: true,
  xenBecause: 'the test says so',
  hasCacheFlush: true,
  ownRam: ramAt([0xc0000000, 0x100000000]),
  findDevice: devicesAre({}),
  hardware: undefined,
};
/** The same machine without Xen. */
export const BARE: Setup = { xen: false };

/** A window of dma-ranges. */
export function windowOf(busFrom: number, machineFrom: number, size: number): DmaWindow {
  return { busFrom: busFrom as DmaAddr, machineFrom: machineFrom as MachineAddr, size };
}

// Traces written by hand. Each function gives one line; `where` is the context it happens in.

const DEVICES = ['0000:00:01.0', '0000:00:02.0'];
export type Where = Partial<Pick<TraceEvent, 'cpu' | 'pid' | 'context'>>;
type Fields = Partial<Omit<TraceEvent, 'kind'>>;

/** Any event. */
export function line(kind: EventKind, fields: Fields, where: Where = {}): string {
  const event = Object.assign(new TraceEvent(), { kind, device: 0, pid: 100 }, fields, where);
  return formatEvent(event, DEVICES);
}

/** Lines, or groups of lines. */
export type Lines = (string | readonly string[])[];
/** A whole trace. Its first event is line FIRST. */
export function trace(...lines: Lines): string {
  return `${TRACE_HEADER}${lines.flat().join('\n')}\n`;
}
export const FIRST = TRACE_HEADER.split('\n').length;

/** A buffer as the tests speak of it. `phys` is `dma` unless it is given. */
export interface BufferOf {
  readonly dma: number;
  readonly phys?: number;
  readonly size: number;
  readonly dir: TraceEvent['direction'];
  readonly attrs?: number;
  readonly device?: number;
  readonly where?: Where;
}
const fieldsOf = ({ dma, phys, size, dir, attrs, device }: BufferOf): Fields =>
  ({
    dmaAddr: dma,
    physAddr: phys ?? dma,
    size,
    direction: dir,
    attributes: attrs ?? 0,
    device: device ?? 0,
  }) as Fields;

export const map = (b: BufferOf) => line(EventKind.map, fieldsOf(b), b.where);
export const unmap = (b: BufferOf) => line(EventKind.unmap, fieldsOf(b), b.where);
export const syncForCpu = (b: BufferOf) => line(EventKind.syncForCpu, fieldsOf(b), b.where);
export const syncForDevice = (b: BufferOf) => line(EventKind.syncForDevice, fieldsOf(b), b.where);
/** Native maintenance, by physical address. */
export const archForDevice = (b: BufferOf) => line(EventKind.archSyncForDevice, fieldsOf(b), b.where);
export const archForCpu = (b: BufferOf) => line(EventKind.archSyncForCpu, fieldsOf(b), b.where);
/** Entries of swiotlb-xen. */
export const xsMap = (b: BufferOf) => line(EventKind.xsMap, fieldsOf(b), b.where);
export const xsUnmap = (b: BufferOf) => line(EventKind.xsUnmap, fieldsOf(b), b.where);
/** The pool gives a slot. */
export const slotFor = (b: BufferOf, slot: number) => [
  line(EventKind.swiotlbMap, fieldsOf(b), b.where),
  line(EventKind.swiotlbMapReturn, { physAddr: slot } as Fields, b.where),
];
export const bounced = (b: BufferOf) =>
  line(EventKind.swiotlbBounced, { ...fieldsOf(b), dmaMask: 0xffffffff }, b.where);

/** Any kind of event about a buffer. */
export const about = (kind: EventKind, b: BufferOf) => line(kind, fieldsOf(b), b.where);

export function p2m(pfn: number, mfn: number, count = 1, where?: Where): string {
  return line(EventKind.p2m, { pfn, mfn, count } as Fields, where);
}

export const CLEAN = 1;
export const INVAL = 2;
/** One hypercall for the bytes [at, at + length) of one page, and what Xen answered. */
export function cflush(at: number, length: number, op: number, where?: Where, ret = 0): string[] {
  return cflushWith(at - (at % 4096), at % 4096, length, op, where, ret);
}
/** One hypercall with these arguments. */
export function cflushWith(
  bus: number,
  offset: number,
  length: number,
  op: number,
  where?: Where,
  ret = 0,
): string[] {
  const fields = { machineAddr: bus, offset, length, op } as Fields;
  return [line(EventKind.cacheFlush, fields, where), line(EventKind.cacheFlushReturn, { ret }, where)];
}
/** The hypercalls of the right loop for [at, at + size). */
export function cflushAll(at: number, size: number, op: number, where?: Where): string[] {
  const lines: string[] = [];
  for (let from = at; from < at + size; ) {
    const length = Math.min(4096 - (from % 4096), at + size - from);
    lines.push(...cflush(from, length, op, where));
    from += length;
  }
  return lines;
}

/** An sg list. */
export interface ListOf {
  readonly entries: readonly { readonly dma: number; readonly phys?: number; readonly size: number }[];
  readonly dir: TraceEvent['direction'];
  readonly attrs?: number;
  /** Full counts, where the printed list is cut or was merged. */
  readonly nents?: number;
  readonly ents?: number;
  readonly truncated?: boolean;
  readonly physAddrs?: readonly number[];
  readonly device?: number;
  readonly where?: Where;
}
function listFields({ entries, dir, attrs, nents, ents, truncated, physAddrs, device }: ListOf): Fields {
  const phys = physAddrs ?? entries.map((entry) => entry.phys ?? entry.dma);
  return {
    direction: dir,
    attributes: attrs ?? 0,
    device: device ?? 0,
    dmaAddrs: Float64Array.from(entries, (entry) => entry.dma),
    dmaCount: entries.length,
    sizes: Float64Array.from(entries, (entry) => entry.size),
    sizeCount: entries.length,
    physAddrs: Float64Array.from(phys),
    physCount: phys.length,
    nents: nents ?? phys.length,
    ents: ents ?? entries.length,
    truncated: truncated ?? false,
  };
}
export const mapSg = (list: ListOf) => line(EventKind.mapSg, listFields(list), list.where);
export const mapSgError = (list: ListOf) => line(EventKind.mapSgError, listFields(list), list.where);
export const unmapSg = (list: ListOf) => line(EventKind.unmapSg, listFields(list), list.where);
export const syncSgForCpu = (list: ListOf) => line(EventKind.syncSgForCpu, listFields(list), list.where);
export const syncSgForDevice = (list: ListOf) =>
  line(EventKind.syncSgForDevice, listFields(list), list.where);

export const lost = (cpu: number, count = 0): string => line(EventKind.lost, { cpu, lost: count });

// The shipped example.

const folder = new URL('../../examples/xen-domu-pvblk/', import.meta.url);
/** The recording as text. */
export const exampleText = gunzipSync(readFileSync(new URL('trace.txt.gz', folder))).toString();
const exampleIomem = readFileSync(new URL('iomem.txt', folder), 'utf8');
const exampleTree = readFdt(readFileSync(new URL('machine.dtb', folder)));

/** The machine of the example. */
export const EXAMPLE: Setup = {
  ownRam: parseIomem(exampleIomem),
  findDevice: (name) => findDevice(exampleTree, name),
};

export function replayExample(text = exampleText, setup: Setup = {}): Outcome {
  return replayText(text, { ...EXAMPLE, ...setup });
}

/** A mapping of the example as a reader of the text would list it, by nothing but addresses. */
export interface ListedMapping {
  /** Line of the map. */
  readonly line: number;
  readonly dma: number;
  readonly phys: number;
  readonly size: number;
  readonly dir: number;
  readonly foreign: boolean;
  closed: boolean;
}

/** Every mapping of a trace of an identity-mapped dom0 that does not bounce; sg entries one by one. */
export function listMappings(text: string): ListedMapping[] {
  const all: ListedMapping[] = [];
  const lists: { readonly phys: number; readonly dir: number; readonly entries: ListedMapping[] }[] = [];
  const begin = (event: TraceEvent, dma: number, phys: number, size: number) => {
    const mapping = {
      line: event.line,
      dma,
      phys,
      size,
      dir: event.direction,
      foreign: dma !== phys,
      closed: false,
    };
    all.push(mapping);
    return mapping;
  };
  const reader = new FtraceReader({
    event(event) {
      if (event.kind === EventKind.map) begin(event, event.dmaAddr, event.physAddr, event.size);
      if (event.kind === EventKind.unmap) {
        const { dmaAddr, size, direction } = event;
        const open = all.find(
          (m) => !m.closed && m.dma === dmaAddr && m.size === size && m.dir === direction,
        );
        if (open) open.closed = true;
      }
      if (event.kind === EventKind.mapSg)
        lists.push({
          phys: event.physAt(0),
          dir: event.direction,
          entries: Array.from({ length: event.dmaCount }, (_, i) =>
            begin(event, event.dmaAt(i), event.physAt(i), event.sizeAt(i)),
          ),
        });
      if (event.kind === EventKind.unmapSg) {
        const at = lists.findIndex((l) => l.phys === event.physAt(0) && l.dir === event.direction);
        for (const mapping of lists.splice(at, at < 0 ? 0 : 1)[0]?.entries ?? []) mapping.closed = true;
      }
    },
    unparsed() {},
  });
  reader.push(new TextEncoder().encode(text));
  reader.end();
  return all;
}

/** Ranges of bytes as plain pairs, relative to an address. */
export function relativeTo(base: number, ranges: Finding['missed']): number[][] {
  return new RangeSet(ranges).ranges.map(([from, to]) => [from - base, to - base]);
}
