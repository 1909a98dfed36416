/**
 * A case set up, as it is before anybody does anything: memory and caches, the hypervisor, a kernel for each domain, devices, buffers.
 *
 * An exploration makes one for every execution, so setting up is lazy wherever it can be.
 */
import {
  dmaAddr,
  gfn,
  type MachineAddr,
  type Mfn,
  machineAddr,
  machineAddrOf,
  machineToDma,
  mfn,
  mfnOf,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pfnOf,
  physToBus,
} from '../../address/index.ts';
import {
  bareMetal,
  type Design,
  DmaApi,
  type ForeignPage,
  GrantTable,
  isQuirk,
  type KernelFault,
  type LinuxPlatform,
  type Quirk as LinuxQuirk,
  SimulatedKernel,
  type World,
  XenPort,
  xenStage2,
} from '../../linux/index.ts';
import type { Footprint, Machine, MachineFault, MachineSpec, Port, Scheduler } from '../../machine/index.ts';
import type { Case, DeviceSpec, DomainSpec, PlatformSpec } from '../../scenario/index.ts';
import {
  type DomId,
  type FrameRange,
  HardwareOfXen,
  type RamRange,
  XEN_QUIRKS,
  Xen,
  type XenQuirk,
  xenPlatform,
} from '../../xen/index.ts';
import type { Rule } from '../result.ts';
import { Bounces } from './bounces.ts';
import { Bus, type SystemDevice, type Translate } from './bus.ts';
import { DeviceWindows } from './device-windows.ts';
import type { Found } from './found.ts';
import { type Layout, layOut } from './layout.ts';
import type { Mapping } from './mapping.ts';
import type { MachineRange, Page, Place } from './places.ts';

/** A grant: the pages of a buffer, granted to a domain. */
export interface Grant {
  readonly name: string;
  readonly place: Place;
  readonly from: DomId;
  readonly to: DomId;
  readonly refs: readonly number[];
}

/** One kernel and what belongs to it. */
export interface Party {
  readonly spec: DomainSpec;
  readonly domid: DomId;
  readonly layout: Layout;
  readonly kernel: SimulatedKernel;
  /** What it grants to others; undefined without a hypervisor. */
  readonly grantTable: GrantTable | undefined;
}

/** Who is executing, for what is found. */
export interface Current {
  /** Index of the agent, and of its step. */
  agent: number;
  step: number;
  cpu: number;
}

/** What a machine is made of: adversarial or concrete. */
export type MakeMachine = (
  platform: PlatformSpec,
  sink: (fault: MachineFault) => void,
  footprint: Footprint,
) => Machine;

const NO_RANGE: readonly MachineRange[] = [];

/** What a bounce copy that was not made leads to. */
const MISSING_COPY = {
  'stale-cpu-read': 'what the device wrote is still in the bounce slot',
  'stale-device-read': 'what the CPU wrote was not copied to the bounce slot',
  disclosure: 'what the bounce slot held before was copied over the buffer',
} as const;

/** What a name may be one of: a buffer and its mapping, or its grant, often have the same. */
export type Kind = 'buffer' | 'mapping' | 'grant';

export class System {
  readonly case: Case;
  readonly design: Design;
  readonly machine: Machine;
  readonly xen: Xen | undefined;
  readonly parties = new Map<string, Party>();
  readonly devices = new Map<string, SystemDevice>();
  readonly bus: Bus;
  readonly bounces: Bounces;
  readonly footprint: Footprint;
  readonly places = new Map<string, Place>();
  readonly mappings = new Map<string, Mapping>();
  readonly grants = new Map<string, Grant>();
  readonly signals = new Set<string>();
  /** Everything that went wrong so far. */
  readonly found: Found[] = [];
  readonly current: Current = { agent: 0, step: 0, cpu: 0 };
  /** What grants are mapped, by the name of the buffer that came of it. */
  readonly foreign = new Map<string, { readonly pages: readonly ForeignPage[] }>();
  /** What devices may use at any time. */
  readonly windows: DeviceWindows;
  /** Mappings that were unmapped: a device that has not finished goes on using the address that it was given. */
  readonly ended = new Map<string, Mapping>();
  /** By agent: bytes of the buffer that its step is about. */
  readonly #own = new Map<number, { readonly step: number; readonly ranges: readonly MachineRange[] }>();
  /** By agent: bytes whose old value is of no use to anybody while its step runs (the receive buffer that it hands over). */
  readonly #spare = new Map<number, readonly MachineRange[]>();
  /** Names that no step makes or takes away. */
  readonly #fixed: ReadonlySet<string>;
  /** Atomics executed so far. */
  transitions = 0;
  /** Told the number of each atomic before it is executed. */
  onTransition: ((transition: number) => void) | undefined;
  /** What Xen sees of the machine; bytes of control structures are here. */
  readonly hardware: HardwareOfXen;
  /** Buffers, mappings and grants that were there at some time, by kind and name. */
  readonly #made = new Set<string>();
  readonly #pools: MachineRange[];
  #taken = 0;
  readonly #freed: (readonly PhysAddr[])[] = [];
  #posted: { readonly port: Port; readonly range: MachineRange }[] = [];
  #scheduler: Scheduler | undefined;

  constructor(one: Case, design: Design, make: MakeMachine, footprint: Footprint) {
    this.case = one;
    this.design = design;
    this.footprint = footprint;
    this.machine = make(one.platform, (fault) => this.#machineFault(fault), footprint);
    this.hardware = new HardwareOfXen(this);
    this.#fixed = fixedNames(one);
    this.bounces = new Bounces(footprint);
    this.windows = new DeviceWindows(footprint);
    const layouts = one.domains.map((domain) => layOut(one, domain));
    this.#pools = layouts.map(poolOf);
    this.xen = one.platform.xen && this.#makeXen(one, layouts);
    for (const [i, layout] of layouts.entries()) this.#addParty(layout, i);
    this.bus = new Bus(one.platform, () => this.#translation());
    for (const spec of one.devices) this.devices.set(spec.name, deviceOf(spec));
    for (const buffer of one.buffers) {
      const party = this.party(buffer.domain);
      const pages = party.layout.buffers.get(buffer.name) ?? [];
      const place: Place = { ...buffer, pages, cacheable: true };
      this.places.set(buffer.name, place);
      this.#made.add(`buffer ${buffer.name}`);
      if (buffer.initially === 'written') continue;
      for (const [from, to] of rangesOf(place)) this.machine.initialise(from, to, buffer.initially);
    }
  }

  /** Run code of an agent's step: its atomics go to `scheduler`, and what they find is the step's. */
  as<Answer>(current: Current, scheduler: Scheduler, code: () => Answer): Answer {
    this.#scheduler = {
      atomic: (what, action, ready) =>
        scheduler.atomic(
          what,
          () => {
            Object.assign(this.current, current);
            this.transitions++;
            this.onTransition?.(this.transitions);
            return action();
          },
          ready,
        ),
    };
    return code();
  }

  /** The scheduler of the step that runs now. */
  readonly scheduler: Scheduler = {
    atomic: (what, action, ready) => {
      if (this.#scheduler === undefined) throw new Error('no step is running');
      return this.#scheduler.atomic(what, action, ready);
    },
  };

  /** Something went wrong that needs no cache. */
  fail(rule: Rule, what: string, ranges: readonly MachineRange[] = NO_RANGE): void {
    // After a failure nothing goes as it was meant to. What the caches did makes no step fail.
    const consequence = this.#hasFailed();
    this.footprint.touch('failures', true);
    const { agent, step } = this.current;
    const [from, to] = ranges[0] ?? [machineAddr(0), machineAddr(0)];
    this.found.push({
      rule,
      moves: null,
      from,
      to,
      inside: true,
      consequence,
      agent,
      step,
      transition: this.transitions,
      what,
    });
  }

  /** Has anything gone wrong that needs no cache; a cell, since who comes later makes less of it. */
  #hasFailed(): boolean {
    this.footprint.touch('failures', false);
    return this.found.some(({ moves }) => moves === null);
  }

  party(name: string): Party {
    const party = this.parties.get(name);
    if (party === undefined) throw new Error(`no domain ${name}`);
    return party;
  }
  device(name: string): SystemDevice {
    const device = this.devices.get(name);
    if (device === undefined) throw new Error(`no device ${name}`);
    return device;
  }
  /** The buffer of that name, if it exists now. */
  placeFor(name: string): Place | undefined {
    if (this.#fixed.has(name)) return this.places.get(name);
    return this.#look('buffer', name, this.places);
  }
  /** The mapping of that name, if it is live now. */
  mapping(name: string): Mapping | undefined {
    return this.#look('mapping', name, this.mappings);
  }
  grantFor(name: string): Grant | undefined {
    return this.#look('grant', name, this.grants);
  }
  #look<Value>(kind: Kind, name: string, values: ReadonlyMap<string, Value>): Value | undefined {
    return this.scheduler.atomic(`look up ${name}`, () => {
      this.touchName(name, false);
      const value = values.get(name);
      if (value === undefined) this.missing(kind, name);
      return value;
    });
  }
  /**
   * A step uses what is not there; within an atomic action that has touched the name. Gone again, or never there because something
   * went wrong before: whoever comes late does nothing.
   */
  missing(kind: Kind, name: string): void {
    if (!this.#made.has(`${kind} ${name}`) && !this.#hasFailed())
      this.fail(
        'fault',
        `the ${kind} ${name} is used before there is any: the step does not wait for whoever makes it`,
      );
  }
  /** A name that scenarios give to buffers, mappings and grants is a cell. */
  touchName(name: string, write: boolean): void {
    this.footprint.touch(`name:${name}`, write);
  }
  /** A step makes, or should have made, something of that name; within an atomic action. */
  make(kind: Kind, name: string): void {
    this.touchName(name, true);
    this.#made.add(`${kind} ${name}`);
  }

  /** Bytes that the executing agent's step may destroy. */
  get spare(): readonly MachineRange[] {
    return this.#spare.get(this.current.agent) ?? NO_RANGE;
  }
  setSpare(ranges: readonly MachineRange[]): void {
    this.#spare.set(this.current.agent, ranges);
  }
  /** Bytes of the buffer that the executing agent's step is about; within an atomic action. */
  setOwn(ranges: readonly MachineRange[]): void {
    this.#own.set(this.current.agent, { step: this.current.step, ranges });
  }

  /** The pages at an address of the domain's, with the frames that are behind them now. */
  pagesAt(domain: string, phys: PhysAddr, count: number): Page[] {
    const { kernel } = this.party(domain);
    return Array.from({ length: count }, (_, i) => {
      const at = offsetBy(phys, i * PAGE_SIZE);
      const frame = kernel.world.stage2.translate(pfnOf(at))?.frame;
      return { phys: at, machine: frame === undefined ? physToBus(at) : machineAddrOf(frame) };
    });
  }

  /** Bytes that a device has sent and that have not arrived in memory. */
  post(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.footprint.touch('posted', true);
    this.#posted.push({ port, range: [from, to] });
  }
  /** What the device has posted arrives, in the order in which it was sent. */
  arrive(port: Port): MachineRange[] {
    this.footprint.touch('posted', false);
    const arrived = this.#posted.filter((each) => each.port === port);
    if (arrived.length > 0) this.footprint.touch('posted', true);
    this.#posted = this.#posted.filter((each) => each.port !== port);
    return arrived.map(({ range }) => range);
  }
  /** The first range that is posted and overlaps [from, to). */
  #postedIn(from: MachineAddr, to: MachineAddr): MachineRange | undefined {
    this.footprint.touch('posted', false);
    return this.#posted.find(({ range: [low, high] }) => low < to && from < high)?.range;
  }

  /** A CPU is about to read or write memory: what has not arrived there yet, or is in a bounce slot, it does not see. */
  cpuTouches(how: 'read' | 'write', from: MachineAddr, to: MachineAddr): void {
    const late = how === 'read' ? this.#postedIn(from, to) : undefined;
    if (late) this.fail('stale-cpu-read', 'the device\u2019s write is still on its way to memory', [late]);
    this.bounces.cpu(how, from, to - from, (rule, low, high) =>
      this.fail(rule, MISSING_COPY[rule], [[offsetBy(from, low), offsetBy(from, high)]]),
    );
  }

  /** Pages go back to the only kernel, which gives those out first that came last. */
  freePages(domain: string, pages: readonly PhysAddr[]): void {
    this.scheduler.atomic(`free ${pages.length} pages`, () => {
      this.footprint.touch(`freed:${domain}`, true);
      this.#freed.push(pages);
    });
  }
  /** The first of `count` pages that follow each other among what was given back last; undefined where that has not so many. */
  allocateFreed(domain: string, count: number): PhysAddr | undefined {
    return this.scheduler.atomic(`allocate ${count} freed pages`, () => {
      this.footprint.touch(`freed:${domain}`, true);
      const pages = this.#freed.at(-1) ?? [];
      const first = pages[0];
      const follow = pages.slice(0, count).every((page, i) => page - i * PAGE_SIZE === first);
      if (first === undefined || pages.length < count || !follow) return undefined;
      this.#freed.pop();
      if (pages.length > count) this.#freed.push(pages.slice(count));
      return first;
    });
  }

  /** Addresses for pages that are asked for later: `count` pages from `base` on, each given once. */
  takeAddress(base: PhysAddr, count: number): PhysAddr {
    return this.scheduler.atomic('take an address', () => {
      this.footprint.touch('addresses', true);
      const at = offsetBy(base, this.#taken * PAGE_SIZE);
      this.#taken += count;
      return at;
    });
  }

  /** May the domain's CPU use this frame: its own, or lent to it by a grant that is pinned. */
  mayUse(domid: DomId, frame: Mfn): boolean {
    const { xen } = this;
    if (xen === undefined) return true;
    this.footprint.touch(`frame:${frame}`, false);
    const found = xen.frame(frame);
    if (found === undefined || (found.owner === domid && found.count > 0)) return found !== undefined;
    return this.#lent(xen, domid, frame);
  }
  #lent(xen: Xen, domid: DomId, frame: Mfn): boolean {
    this.footprint.touch('grants', false);
    for (const { from, to, refs } of this.grants.values()) {
      if (to !== domid) continue;
      for (const ref of refs) {
        this.footprint.touch(`grant:${from}:${ref}`, false);
        const active = xen.activeGrant(from, ref);
        if (active?.mfn === frame && active.domid === domid) return true;
      }
    }
    return false;
  }
  /** The same of a device, on behalf of the domain that drives it. */
  deviceMayUse(at: MachineAddr): boolean {
    for (const { spec, domid } of this.parties.values())
      if (spec.hardware) return this.mayUse(domid, mfnOf(at));
    return true;
  }

  /** Are these bytes in a bounce pool. */
  isSlot(ranges: readonly MachineRange[]): boolean {
    return ranges.every(([from, to]) => this.#pools.some(([low, high]) => low <= from && to <= high));
  }
  /** The kernel of a domain as one of its CPUs runs it. */
  kernel(domain: string, cpu: number): SimulatedKernel {
    return this.party(domain).kernel.onCpu(cpu);
  }
  api(domain: string, cpu: number): DmaApi {
    return new DmaApi(this.kernel(domain, cpu), this.design);
  }

  #machineFault(fault: MachineFault): void {
    const { agent, step } = this.current;
    for (const { from, to, inside } of this.#byOwner(fault))
      this.found.push({
        rule: fault.rule,
        moves: fault.moves,
        from,
        to,
        inside,
        consequence: fault.consequence,
        agent,
        step,
        transition: this.transitions,
        what: '',
      });
  }

  /** A store may be lost of the buffer that the step is about and of its neighbours at once: the parts, each of one of them. */
  #byOwner({ rule, from, to }: MachineFault): Pick<Found, 'from' | 'to' | 'inside'>[] {
    if (rule !== 'lost-write') return [{ from, to, inside: true }];
    const { agent, step } = this.current;
    const noted = this.#own.get(agent);
    const own = noted?.step === step ? noted.ranges : NO_RANGE;
    const parts: Pick<Found, 'from' | 'to' | 'inside'>[] = [];
    const bounds = own.flat().filter((at) => at > from && at < to);
    const cuts = [...new Set([from, ...bounds, to])].sort((a, b) => a - b);
    for (const [i, low] of cuts.entries()) {
      const high = cuts[i + 1];
      if (high === undefined) break;
      parts.push({ from: low, to: high, inside: own.some(([first, end]) => first <= low && low < end) });
    }
    return parts;
  }

  #makeXen(one: Case, layouts: readonly Layout[]): Xen {
    const { platform } = one;
    const ram = layouts.flatMap((layout) => layout.ram.map(({ machine, size }) => frames(machine, size)));
    const xen = new Xen({
      platform: xenPlatform({
        version: platform.xen ?? [4, 20],
        arch: platform.architecture === 'arm' ? 'arm32' : 'arm64',
        quirks: platform.quirks.filter((name): name is XenQuirk => Object.hasOwn(XEN_QUIRKS, name)),
        scrubDomheap: platform.scrubDomheap,
        cacheLineBytes: platform.believedLineSizes[0] ?? platform.lineSizes[0],
      }),
      hardware: this.hardware,
      ram: [...ram, heapAbove(ram)],
      footprint: this.footprint,
    });
    for (const [i, layout] of layouts.entries())
      xen.createDomain({
        domid: domidOf(layout.domain, i),
        directMapped: layout.domain.directMapped,
        hardware: layout.domain.hardware,
        iommu: platform.smmu && layout.domain.hardware,
        addressBits: platform.architecture === 'arm' ? (platform.lpae ? 40 : 32) : 48,
        ram: ramRanges(layout),
      });
    return xen;
  }

  #addParty(layout: Layout, index: number): void {
    const { domain } = layout;
    const domid = domidOf(domain, index);
    const { xen, scheduler, footprint, machine } = this;
    const platform = linuxPlatform(this.case, layout, xen !== undefined);
    const bounced: World['bounced'] = (copy) => this.bounces.copied(domain.name, copy);
    const common = { platform, machine, scheduler, footprint, bounced };
    const fault = ({ rule, what }: KernelFault) => this.fail(rule, what);
    if (xen === undefined) {
      const kernel = new SimulatedKernel({ ...common, stage2: bareMetal(platform.ram), fault });
      this.parties.set(domain.name, { spec: domain, domid, layout, kernel, grantTable: undefined });
      return;
    }
    const port = { xen, domid, hardware: this.hardware, scheduler };
    const kernel = new SimulatedKernel({
      ...common,
      stage2: xenStage2(xen, domid, ramRanges(layout)),
      hypervisor: new XenPort({ ...port, argumentPages: layout.control[0] }),
      fault,
    });
    const grantTable = new GrantTable({ ...port, footprint });
    this.parties.set(domain.name, { spec: domain, domid, layout, kernel, grantTable });
  }

  /** Whose translation the SMMU uses: the domain that drives the devices. */
  #translation(): Translate | undefined {
    const { xen } = this;
    if (!xen) return undefined;
    const owner = [...this.parties.values()].find(({ spec }) => spec.hardware);
    return owner && ((frame) => xen.translate(owner.domid, frame));
  }
}

/** Frames of the host's RAM that no domain has at first. */
const HEAP_FRAMES = 0x4000;

/** It lies above the RAM of all domains: Xen gives out the highest frames first. */
function heapAbove(ram: readonly FrameRange[]): FrameRange {
  const from = mfn(Math.max(...ram.map(({ to }) => to)));
  return { from, to: mfn(from + HEAP_FRAMES) };
}

function frames(machine: MachineAddr, size: number): FrameRange {
  return { from: mfn(machine / PAGE_SIZE), to: mfn((machine + size) / PAGE_SIZE) };
}

/** dom0 is 0; the others are numbered from 1. */
function domidOf(domain: DomainSpec, index: number): DomId {
  return (domain.hardware ? 0 : index + 1) as DomId;
}

function linuxPlatform(one: Case, layout: Layout, onXen: boolean): LinuxPlatform {
  const { platform } = one;
  const [poolFrom, poolTo] = layout.swiotlb;
  return {
    name: layout.domain.name,
    architecture: platform.architecture,
    release: platform.linux,
    lpae: platform.lpae,
    regime: onXen ? 'EL1-stage2' : 'EL1',
    ram: layout.ram.map(({ phys, size }) => [phys, offsetBy(phys, size)] as const),
    heap: [layout.heap],
    ...(platform.pfnValid === undefined ? {} : { pfnValid: platform.pfnValid }),
    ...(platform.p2mEntries === undefined ? {} : { p2mEntries: platform.p2mEntries }),
    swiotlb: { base: poolFrom, size: poolTo - poolFrom, force: platform.swiotlb.force },
    outerCacheDriver: platform.outerCacheDriver === 'linux' && platform.outerCache,
    ...(platform.believedLineSizes.length > 0 ? { believedLineSizes: platform.believedLineSizes } : {}),
    cacheAlignment: Math.max(...platform.lineSizes),
    hasCacheFlush: onXen && platform.cacheFlush,
    hasGrantMapIdentity: platform.quirks.includes('grant-map-identity'),
    quirks: platform.quirks.filter((name): name is LinuxQuirk => isQuirk(name)),
  };
}

function ramRanges({ ram }: Layout): RamRange[] {
  return ram.map(({ phys, machine, size }) => ({
    gfn: gfn(phys / PAGE_SIZE),
    mfn: mfn(machine / PAGE_SIZE),
    frames: size / PAGE_SIZE,
  }));
}

function deviceOf(spec: DeviceSpec): SystemDevice {
  const windows =
    spec.busOffset === 0
      ? []
      : [
          {
            busFrom: dmaAddr(Math.max(0, spec.busOffset)),
            machineFrom: machineAddr(Math.max(0, -spec.busOffset)),
            size: 2 ** 40,
          },
        ];
  return {
    name: spec.name,
    coherent: spec.believedCoherent,
    dmaMask: machineToDma(machineAddr(2 ** spec.maskBits - 1)),
    windows,
    spec,
    port: { name: spec.name, snoops: spec.coherent },
  };
}

/** Machine bytes of a place. */
export function rangesOf(place: Place): MachineRange[] {
  return place.pages.map(({ machine }, i) => {
    const from = i === 0 ? place.offset : 0;
    const to = Math.min(PAGE_SIZE, place.offset + place.size - i * PAGE_SIZE);
    return [offsetBy(machine, from), offsetBy(machine, to)] as const;
  });
}

/** Names of buffers that are there, in the same pages, from beginning to end. */
function fixedNames(one: Case): ReadonlySet<string> {
  const changing = new Set(
    one.agents.flatMap(({ steps }) =>
      steps.flatMap((step) => {
        if (step.do === 'map-grant' || step.do === 'allocate' || step.do === 'alloc-coherent')
          return [step.as];
        return step.do === 'free-coherent' || step.do === 'unmap-grant' || step.do === 'balloon-in'
          ? [step.buffer]
          : [];
      }),
    ),
  );
  return new Set(one.buffers.map(({ name }) => name).filter((name) => !changing.has(name)));
}

/** The bounce pool of a kernel, in machine memory: it lies in RAM that is mapped linearly. */
function poolOf({ swiotlb: [from, to], ram }: Layout): MachineRange {
  const first = ram[0];
  if (first === undefined) throw new RangeError('a domain without RAM');
  const machine = offsetBy(first.machine, from - first.phys);
  return [machine, offsetBy(machine, to - from)];
}

/** The machine that a platform describes. */
export function machineSpec(platform: PlatformSpec): MachineSpec {
  return {
    lineSizes: platform.lineSizes,
    outerCache: platform.outerCache,
    localMaintenance: platform.quirks.includes('maintenance-on-local-cpu-only'),
    explicitBarriers: platform.explicitBarriers,
    cpus: platform.cpus,
  };
}
