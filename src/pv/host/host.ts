/**
 * A host with Xen, dom0 and guests, set up for loads: memory that holds bytes, a kernel for each domain, dom0's DMA layer by a
 * design.
 */
import {
  type ByteRange,
  busToPhys,
  dmaToMachine,
  gfn,
  hex,
  type MachineAddr,
  type Mfn,
  machineAddr,
  mfn,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pfn,
  physAddrOf,
} from '../../address/index.ts';
import type { Design, Release } from '../../linux/index.ts';
import {
  GrantTable,
  type LinuxPlatform,
  SimulatedKernel,
  type World,
  XenPort,
  xenStage2,
} from '../../linux/simulated/index.ts';
import type { Content, ReadContent } from '../../machine/concrete/index.ts';
import { AT_ONCE, type MachineFault, NO_FOOTPRINT } from '../../machine/index.ts';
import {
  type DomId,
  type FrameRange,
  HardwareOfXen,
  type RamRange,
  Xen,
  xenPlatform,
} from '../../xen/index.ts';
import { Agenda, type Pick } from '../agenda.ts';
import { type ByteMachine, watched } from './byte-machine.ts';
import { TracedDma, type TraceSink } from './dma.ts';
import { countedHypervisor } from './hypervisor.ts';
import { Journal } from './journal.ts';
import { type Ground, Party } from './party.ts';

export interface GuestSpec {
  readonly name: string;
  /** Machine frames of its pages, in the order in which it sees them; none twice. Those for its own purposes follow. */
  readonly frames: readonly Mfn[];
  /** Machine frames for rings, hypercall arguments and the like: CONTROL_PAGES of them, contiguous. */
  readonly control: Mfn;
}
/** Pages that a guest's kernel and drivers have for themselves. */
export const CONTROL_PAGES = 256;

export interface HostSpec {
  readonly design: Design;
  /** Release of dom0's Linux, which its native maintenance follows. */
  readonly linux: Release;
  /** Told the sink for what goes wrong. */
  readonly machine: (sink: (fault: MachineFault) => void) => ByteMachine;
  readonly ram: ByteRange<MachineAddr>;
  /** dom0's RAM, mapped 1:1. */
  readonly dom0: ByteRange<PhysAddr>;
  /** An extended region for foreign pages; none: ballooned pages are used. */
  readonly scratch?: ByteRange<PhysAddr>;
  readonly guests: readonly GuestSpec[];
  readonly pick?: Pick;
  readonly trace?: TraceSink;
}

export class Host implements Ground {
  readonly spec: HostSpec;
  readonly design: Design;
  readonly machine: ByteMachine;
  readonly xen: Xen;
  readonly hardware: HardwareOfXen;
  readonly journal: Journal;
  readonly agenda: Agenda;
  readonly trace: TraceSink;
  readonly dom0: Party;
  readonly guests: readonly Party[];
  readonly dma: TracedDma;
  /** Told of each read of data by the CPU of a domain. */
  onRead: ((party: Party, content: ReadContent) => void) | undefined;

  /** @throws RangeError where the memory that is asked for contradicts itself. */
  constructor(spec: HostSpec) {
    this.spec = spec;
    this.design = spec.design;
    this.trace = spec.trace ?? {};
    this.agenda = new Agenda(spec.pick);
    const bare = spec.machine((fault) => this.journal.fault(fault));
    this.journal = new Journal(bare.spec.lineSizes[0]);
    this.machine = watched(bare, {
      maintained: (call, from, to) => this.journal.maintained(call, from, to),
      copying: (copy, from, to, target) => this.#copying(copy, from, to, target),
    });
    const { machine, journal } = this;
    this.hardware = new HardwareOfXen({
      machine,
      current: { cpu: 0 },
      get spare() {
        return journal.spare;
      },
      cpuTouches: () => {},
    });
    this.xen = new Xen({
      platform: xenPlatform({ cacheLineBytes: bare.spec.lineSizes[0] }),
      hardware: this.hardware,
      ram: [frameRange(spec.ram)],
    });
    this.dom0 = this.#makeDom0();
    this.guests = spec.guests.map((guest, i) => this.#makeGuest(guest, (i + 1) as DomId));
    this.dma = new TracedDma(this.dom0.kernel, spec.design, this.journal, this.trace, (dma) =>
      this.isBounceSlot(dmaToMachine(dma)),
    );
  }

  /** The guest of that name. */
  guest(name: string): Party {
    const guest = this.guests.find((each) => each.name === name);
    if (guest === undefined) throw new RangeError(`there is no guest ${name}`);
    return guest;
  }

  /** The machine has bytes: what is read can be compared. */
  get hasBytes(): boolean {
    return this.machine.current(noMachineAddr, noMachineAddr) !== undefined;
  }

  /** Is the byte in dom0's bounce pool, which is local. */
  isBounceSlot(at: MachineAddr): boolean {
    const [from, to] = dom0Parts(this.spec.dom0).swiotlb;
    return busToPhys(at) >= from && busToPhys(at) < to;
  }

  /** A read of the machine's memory, with what it shows kept beside the faults. */
  judged(from: MachineAddr, to: MachineAddr, read: () => ReadContent): ReadContent {
    const before = this.journal.faults.length;
    const content = read();
    const should = this.journal.faults.length > before ? this.machine.current(from, to) : undefined;
    if (should) this.#noteMarks(before, from, content, should);
    return content;
  }

  /** A copy by a CPU: what it reads wrong is wrong where it puts it. */
  #copying(copy: () => void, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    const before = this.journal.faults.length;
    copy();
    if (this.journal.faults.length === before) return;
    for (const fault of this.journal.faults.slice(before))
      fault.copiedTo = offsetBy(target, fault.from - from);
    const had = this.machine.current(target, offsetBy(target, to - from));
    const should = this.machine.current(from, to);
    if (had && should) this.#noteMarks(before, from, had, should);
  }

  #noteMarks(before: number, from: MachineAddr, had: Content, should: Content): void {
    for (const fault of this.journal.faults.slice(before)) {
      const first = fault.from - from;
      if (first >= 0 && first < had.marks.length)
        fault.marks = { had: had.marks[first] ?? 0, should: should.marks[first] ?? 0 };
    }
  }

  #makeDom0(): Party {
    const { dom0, scratch, linux } = this.spec;
    const [from, to] = dom0;
    const parts = dom0Parts(dom0);
    const [poolFrom, poolTo] = parts.swiotlb;
    const ram: RamRange = {
      gfn: gfn(from / PAGE_SIZE),
      mfn: mfn(from / PAGE_SIZE),
      frames: (to - from) / PAGE_SIZE,
    };
    this.xen.createDomain({ domid: 0 as DomId, directMapped: true, hardware: true, ram: [ram] });
    return this.#party('dom0', 0 as DomId, parts.control, {
      ram: [dom0],
      heap: [parts.heap],
      release: linux,
      ...(scratch === undefined ? {} : { structPagesToo: [scratch] }),
      swiotlb: { base: poolFrom, size: poolTo - poolFrom },
    });
  }

  #makeGuest({ name, frames, control }: GuestSpec, domid: DomId): Party {
    const data = ranges(frames, GUEST_FIRST);
    const own: RamRange = { gfn: gfn(GUEST_FIRST + frames.length), mfn: control, frames: CONTROL_PAGES };
    this.xen.createDomain({ domid, ram: [...data, own] });
    const from = physAddrOf(pfn(own.gfn));
    const end = offsetBy(from, CONTROL_PAGES * PAGE_SIZE);
    return this.#party(name, domid, [from, end], {
      ram: [[physAddrOf(GUEST_FIRST), end]],
      release: this.spec.linux,
    });
  }

  /** @param control pages for arguments of hypercalls (the first), rings and the like. */
  #party(
    name: string,
    domid: DomId,
    control: ByteRange<PhysAddr>,
    platform: Omit<LinuxPlatform, 'name' | 'architecture' | 'regime'>,
  ): Party {
    const { xen, hardware, machine, journal, trace } = this;
    const common = { xen, domid, hardware, scheduler: AT_ONCE };
    const port = new XenPort({ ...common, argumentPages: control[0] });
    const world: World = {
      platform: { name, architecture: 'arm64', regime: 'EL1-stage2', ...platform },
      machine,
      stage2: xenStage2(xen, domid),
      hypervisor: countedHypervisor(port, journal, trace),
      scheduler: AT_ONCE,
      footprint: NO_FOOTPRINT,
      fault: (fault) =>
        journal.fault(
          { rule: 'fault', moves: null, from: noMachineAddr, to: noMachineAddr, consequence: false },
          fault.rule === 'fault'
            ? `${name}: ${fault.what} of ${fault.size} bytes at ${hex(fault.at)}, where there is no memory`
            : `${name}: ${fault.what}`,
        ),
      bounced: (copy) => {
        journal.costs.bouncedBytes += copy.size;
        this.dma.bounced(copy);
      },
      synced: (sync) => {
        journal.costs.nativeCalls++;
        journal.flushing({ native: sync });
        trace.native?.(sync);
      },
    };
    const setUp = (frames: number) => port.setUpGrantTable(frames);
    const grants = new GrantTable({ ...common, footprint: NO_FOOTPRINT, setUp });
    const first = control[0] / PAGE_SIZE + 1;
    const free = Array.from({ length: (control[1] - control[0]) / PAGE_SIZE - 1 }, (_, i) => pfn(first + i));
    return new Party(this, name, domid, new SimulatedKernel(world), grants, free);
  }
}

/** No address of any kind. */
const noMachineAddr = machineAddr(0);

/** First page of a guest's RAM (GUEST_RAM0_BASE of Xen on Arm). */
export const GUEST_FIRST = pfn(2 ** 30 / PAGE_SIZE);

/** Parts of dom0's RAM at its end: bounce pool, free pages, control pages; and the rest. */
function dom0Parts([from, to]: ByteRange<PhysAddr>) {
  const pool = offsetBy(to, -POOL);
  const heap = offsetBy(pool, -HEAP);
  const control = offsetBy(heap, -CONTROL_PAGES * PAGE_SIZE);
  if (control < from) throw new RangeError(`dom0 needs more RAM than ${to - from} bytes`);
  return {
    swiotlb: [pool, to] as const,
    heap: [heap, pool] as const,
    control: [control, heap] as const,
  };
}
/** Bytes. */
const POOL = 4 * 2 ** 20;
const HEAP = 16 * 2 ** 20;

function frameRange([from, to]: ByteRange<MachineAddr>): FrameRange {
  return { from: mfn(from / PAGE_SIZE), to: mfn(to / PAGE_SIZE) };
}

/** Frames that follow each other are one range. */
function ranges(frames: readonly Mfn[], first: Pfn): RamRange[] {
  const found: { gfn: RamRange['gfn']; mfn: Mfn; frames: number }[] = [];
  for (const [i, frame] of frames.entries()) {
    const last = found.at(-1);
    if (last && last.mfn + last.frames === frame) last.frames++;
    else found.push({ gfn: gfn(first + i), mfn: frame, frames: 1 });
  }
  return found;
}
