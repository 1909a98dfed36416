/** Where the memory of each domain lies: its RAM, and the parts of it that its kernel keeps for itself. */
import {
  type ByteRange,
  ceilTo,
  joinRanges,
  type MachineAddr,
  machineAddr,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  physAddr,
} from '../../address/index.ts';
import type { BufferSpec, Case, DomainSpec } from '../../scenario/index.ts';
import type { MachineRange, Page } from './places.ts';

/** Bytes of a bounce slot (IO_TLB_SIZE); the pool is made of whole segments of 128. */
const SLOT = 2048;
const SEGMENT = 128 * SLOT;
/** Where the RAM of a domain begins that is not direct mapped (GUEST_RAM0_BASE of Xen on Arm). */
const GUEST_RAM = physAddr(2 ** 30);
/** Pages for control structures: hypercall arguments and the grant table. */
const CONTROL_PAGES = 8;
/** Pages that dma_alloc_coherent(), balloons and the like are served from first. */
const HEAP_PAGES = 256;

/** A piece of RAM: the same number of bytes as the domain sees it and as the machine has it. */
export interface RamPiece {
  readonly phys: PhysAddr;
  readonly machine: MachineAddr;
  readonly size: number;
}

/** The memory of one domain, or of the only kernel. */
export interface Layout {
  readonly domain: DomainSpec;
  readonly ram: readonly RamPiece[];
  /** Parts of its RAM, as it sees them. */
  readonly control: ByteRange<PhysAddr>;
  /** What is free: the kernel's own reserve first, then all that no buffer lies in. */
  readonly heap: readonly ByteRange<PhysAddr>[];
  readonly swiotlb: ByteRange<PhysAddr>;
  /** Pages of its buffers, by name. */
  readonly buffers: ReadonlyMap<string, readonly Page[]>;
}

/**
 * Lay out a domain: buffers from the beginning of its RAM, what the kernel keeps at the end of it, and buffers with an address of their own
 * where they say.
 * @throws RangeError if it does not fit (the parser sees to it that it does).
 */
export function layOut(one: Case, domain: DomainSpec): Layout {
  const base = domain.directMapped ? physAddr(domain.ram.at) : GUEST_RAM;
  const end = offsetBy(base, domain.ram.size);
  const poolSize = Math.max(1, Math.ceil((one.platform.swiotlb.slots * SLOT) / SEGMENT)) * SEGMENT;
  const swiotlb = below(end, poolSize);
  const heap = below(swiotlb[0], HEAP_PAGES * PAGE_SIZE);
  const control = below(heap[0], CONTROL_PAGES * PAGE_SIZE);
  const ram: RamPiece[] = [{ phys: base, machine: machineAddr(domain.ram.at), size: domain.ram.size }];
  const buffers = new Map<string, readonly Page[]>();
  const own = one.buffers.filter((buffer) => buffer.domain === domain.name);
  // RAM beyond the usual, at the machine addresses that buffers ask for.
  let beyond = ceilTo(end, PAGE_SIZE);
  for (const [from, to] of joinRanges(own.flatMap((buffer) => outsideOf(buffer, domain)))) {
    const phys = domain.directMapped ? physAddr(from) : beyond;
    ram.push({ phys, machine: from, size: to - from });
    if (!domain.directMapped) beyond = offsetBy(beyond, to - from);
  }
  let next = base;
  for (const buffer of own) {
    const count = pageCount(buffer);
    const stride = buffer.contiguous ? 1 : 2;
    const first = buffer.at === undefined ? next : physOf(ram, machineAddr(buffer.at));
    buffers.set(
      buffer.name,
      pagesFrom(first, count, stride, (phys) => machineOf(ram, phys)),
    );
    if (buffer.at === undefined) next = offsetBy(next, (count * stride + 1) * PAGE_SIZE);
  }
  if (next > control[0]) throw new RangeError(`the buffers of ${domain.name} do not fit into its RAM`);
  const taken = [...buffers.values()].flat().map(({ phys }) => phys);
  const free = runsBetween(next, control[0], taken);
  return { domain, ram, control, heap: [heap, ...free], swiotlb, buffers };
}

/** Runs of [from, to) in which none of these pages lies. */
function runsBetween(from: PhysAddr, to: PhysAddr, pages: readonly PhysAddr[]): ByteRange<PhysAddr>[] {
  const runs: ByteRange<PhysAddr>[] = [];
  let at = from;
  for (const page of [...pages.filter((page) => page >= from && page < to).sort((a, b) => a - b), to]) {
    if (page > at) runs.push([at, page]);
    at = offsetBy(page, PAGE_SIZE);
  }
  return runs;
}

/** The pages of a buffer that its domain's usual RAM does not have, as one range. */
function outsideOf(buffer: BufferSpec, { ram }: DomainSpec): ByteRange<MachineAddr>[] {
  const { at } = buffer;
  if (at === undefined || (at >= ram.at && at < ram.at + ram.size)) return [];
  const size = pageCount(buffer) * (buffer.contiguous ? 1 : 2) * PAGE_SIZE;
  return [[machineAddr(at), machineAddr(at + size)]];
}

function physOf(ram: readonly RamPiece[], at: MachineAddr): PhysAddr {
  const piece = ram.find(({ machine, size }) => at >= machine && at < machine + size);
  if (piece === undefined) throw new RangeError(`no RAM at machine address ${at}`);
  return offsetBy(piece.phys, at - piece.machine);
}

function machineOf(ram: readonly RamPiece[], at: PhysAddr): MachineAddr {
  const piece = ram.find(({ phys, size }) => at >= phys && at < phys + size);
  if (piece === undefined) throw new RangeError(`no RAM at address ${at}`);
  return offsetBy(piece.machine, at - piece.phys);
}

function below(end: PhysAddr, size: number): ByteRange<PhysAddr> {
  return [offsetBy(end, -size), end];
}

/** Pages that a buffer touches. */
export function pageCount({ offset, size }: Pick<BufferSpec, 'offset' | 'size'>): number {
  return Math.ceil((offset + size) / PAGE_SIZE);
}

/**
 * Pages of a buffer. Where its machine frames are not to follow each other (stride 2) neither do its pages as the domain sees them: RAM is
 * mapped linearly.
 */
function pagesFrom(
  first: PhysAddr,
  count: number,
  stride: number,
  toMachine: (at: PhysAddr) => MachineAddr,
): Page[] {
  return Array.from({ length: count }, (_, i) => {
    const phys = offsetBy(first, i * stride * PAGE_SIZE);
    return { phys, machine: toMachine(phys) };
  });
}

/** The bounce pool of a kernel, in machine memory: it lies in RAM that is mapped linearly. */
export function poolOf({ swiotlb: [from, to], ram }: Layout): MachineRange {
  const first = ram[0];
  if (first === undefined) throw new RangeError('a domain without RAM');
  const machine = offsetBy(first.machine, from - first.phys);
  return [machine, offsetBy(machine, to - from)];
}
