/**
 * A case set up, as it is before anybody does anything: memory and caches, the hypervisor, a kernel for each domain, devices, buffers.
 *
 * An exploration makes one for every execution, so setting up is lazy wherever it can be.
 */
import {
  hex,
  type MachineAddr,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pfnOf,
  physToBus,
} from '../../address/index.ts';
import { DmaApi } from '../../linux/api/index.ts';
import type { Design } from '../../linux/index.ts';
import type { KernelFault, SimulatedKernel } from '../../linux/simulated/index.ts';
import type { Footprint, Machine, MachineFault, Scheduler } from '../../machine/index.ts';
import type { Case, PlatformSpec } from '../../scenario/index.ts';
import { HardwareOfXen, type Xen } from '../../xen/index.ts';
import type { Rule } from '../result.ts';
import { Bounces } from './bounces.ts';
import { Bus, deviceOf, type SystemDevice, type Translate } from './bus.ts';
import { Cores } from './cores.ts';
import { DeviceWindows } from './device-windows.ts';
import { Findings } from './findings.ts';
import type { Found } from './found.ts';
import { FreePages } from './free-pages.ts';
import { layOut, poolOf } from './layout.ts';
import type { Looked } from './looked.ts';
import { Named } from './named.ts';
import { makeParty, makeXen, type Party } from './parties.ts';
import { type MachineRange, machineRanges, type Page, type Place } from './places.ts';
import { PostedWrites } from './posted.ts';

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

export class System {
  readonly case: Case;
  readonly design: Design;
  readonly footprint: Footprint;
  readonly machine: Machine;
  readonly xen: Xen | undefined;
  /** What Xen sees of the machine; bytes of control structures are here. */
  readonly hardware: HardwareOfXen;
  readonly parties = new Map<string, Party>();
  readonly devices = new Map<string, SystemDevice>();
  readonly bus: Bus;
  readonly bounces: Bounces;
  /** What devices may use at any time. */
  readonly windows: DeviceWindows;
  readonly posted: PostedWrites;
  readonly freePages: FreePages;
  readonly named: Named;
  readonly cores: Cores;
  readonly signals = new Set<string>();
  readonly findings: Findings;
  readonly looked: Looked = { atData: false, atAnything: false };
  readonly current: Current = { agent: 0, step: 0, cpu: 0 };
  /** Atomics executed so far. */
  transitions = 0;
  /** Told the number of each atomic before it is executed. */
  onTransition: ((transition: number) => void) | undefined;
  /** By agent: bytes whose old value is of no use to anybody while its step runs (the receive buffer that it hands over). */
  readonly #spare = new Map<number, readonly MachineRange[]>();
  readonly #pools: readonly MachineRange[];
  #scheduler: Scheduler | undefined;
  /** Those of Xen that were noticed. */
  #bugs = 0;

  constructor(one: Case, design: Design, make: MakeMachine, footprint: Footprint) {
    this.case = one;
    this.design = design;
    this.footprint = footprint;
    const { current } = this;
    this.findings = new Findings(footprint, () => ({
      agent: current.agent,
      step: current.step,
      transition: this.transitions,
    }));
    this.machine = make(one.platform, (fault) => this.findings.fromMachine(fault), footprint);
    this.hardware = new HardwareOfXen(this);
    this.named = new Named(one, footprint, this.scheduler, this.findings);
    this.cores = new Cores(footprint, this.scheduler);
    this.bounces = new Bounces(footprint);
    this.windows = new DeviceWindows(footprint);
    this.posted = new PostedWrites(footprint);
    this.freePages = new FreePages(footprint, this.scheduler);
    const layouts = one.domains.map((domain) => layOut(one, domain));
    this.#pools = layouts.map(poolOf);
    this.xen = one.platform.xen && makeXen(one, layouts, this.hardware, footprint);
    const hypervisor = this.xen && { xen: this.xen, hardware: this.hardware };
    const { machine, scheduler } = this;
    const fault = (fault: KernelFault) =>
      this.fail(fault.rule, fault.rule === 'fault' ? `${fault.what} at ${hex(fault.at)}` : fault.what);
    for (const [i, layout] of layouts.entries()) {
      const { name } = layout.domain;
      const surroundings = {
        machine,
        scheduler,
        footprint,
        fault,
        bounced: (copy: Parameters<Bounces['copied']>[1]) => this.bounces.copied(name, copy),
      };
      this.parties.set(name, makeParty(one, layout, i, surroundings, hypervisor));
    }
    this.bus = new Bus(one.platform, () => this.#translation());
    for (const spec of one.devices) this.devices.set(spec.name, deviceOf(spec));
    for (const buffer of one.buffers) {
      const pages = this.party(buffer.domain).layout.buffers.get(buffer.name) ?? [];
      const place: Place = { ...buffer, pages, cacheable: true };
      this.named.declare(place);
      if (buffer.initially === 'written') continue;
      for (const [from, to] of machineRanges(place, 0, place.size))
        machine.initialise(from, to, buffer.initially);
    }
  }

  /** Everything that went wrong so far. */
  get found(): readonly Found[] {
    return this.findings.all;
  }
  /** Something went wrong that needs no cache. */
  fail(rule: Rule, what: string, ranges: readonly MachineRange[] = NO_RANGE): void {
    this.findings.fail(rule, what, ranges);
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
            const answer = action();
            this.#noticeBugs();
            return answer;
          },
          ready,
        ),
    };
    return code();
  }

  /** A BUG() or a failed ASSERT() in Xen: the host is down. */
  #noticeBugs(): void {
    const all = this.xen?.bugs ?? [];
    for (const bug of all.slice(this.#bugs)) this.fail('fault', `Xen stops: ${bug}`);
    this.#bugs = all.length;
  }

  /** The scheduler of the step that runs now. */
  readonly scheduler: Scheduler = {
    atomic: (what, action, ready) => {
      if (this.#scheduler === undefined) throw new Error('no step is running');
      return this.#scheduler.atomic(what, action, ready);
    },
  };

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
  /** The kernel of a domain as one of its CPUs runs it. */
  kernel(domain: string, cpu: number): SimulatedKernel {
    return this.party(domain).kernel.onCpu(cpu);
  }
  api(domain: string, cpu: number): DmaApi {
    return new DmaApi(this.kernel(domain, cpu), this.design);
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
    this.findings.setOwn(ranges);
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

  /** A CPU is about to read or write memory: what has not arrived there yet, or is in a bounce slot, it does not see. */
  cpuTouches(how: 'read' | 'write', from: MachineAddr, to: MachineAddr): void {
    if (how === 'read') this.looked.atData = true;
    const late = how === 'read' ? this.posted.over(from, to) : undefined;
    if (late) this.fail('stale-cpu-read', 'the device’s write is still on its way to memory', [late]);
    this.bounces.cpu(how, from, to - from, (rule, low, high) =>
      this.fail(rule, MISSING_COPY[rule], [[offsetBy(from, low), offsetBy(from, high)]]),
    );
  }

  /** Are these bytes in a bounce pool. */
  isSlot(ranges: readonly MachineRange[]): boolean {
    return ranges.every(([from, to]) => this.#pools.some(([low, high]) => low <= from && to <= high));
  }

  /** Whose translation the SMMU uses: the domain that drives the devices. */
  #translation(): Translate | undefined {
    const { xen } = this;
    if (!xen) return undefined;
    const owner = [...this.parties.values()].find(({ spec }) => spec.hardware);
    return owner && ((frame) => xen.translate(owner.domid, frame));
  }
}
