/** A machine for this room's tests that writes down what is done to it, and a world around it. */
import {
  dmaAddr,
  gfn,
  type MachineAddr,
  type Mfn,
  machineAddrOf,
  mfn,
  PAGE_SIZE,
  type Pfn,
  pfn,
  physAddr,
} from '../address/index.ts';
import type { Operation } from '../coherence/index.ts';
import {
  AT_ONCE,
  type Cell,
  forEachPiece,
  type Machine,
  type MachineSpec,
  type Scheduler,
} from '../machine/index.ts';
import { Xen, type XenHardware, type XenMaintenance, xenPlatform } from '../xen/index.ts';
import { GrantTable } from './simulated/grant-table.ts';
import { SimulatedKernel } from './simulated/kernel.ts';
import type { LinuxPlatform } from './simulated/platform.ts';
import { xenStage2 } from './simulated/stage2.ts';
import type { KernelFault, World } from './simulated/world.ts';
import { XenPort } from './simulated/xen-port.ts';

/** One thing done to the machine, in order. Addresses are machine addresses. */
export interface Deed {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** Where a copy went. */
  readonly target?: number;
}

const SPEC: MachineSpec = {
  lineSizes: [64],
  outerCache: true,
  localMaintenance: false,
  explicitBarriers: false,
  cpus: 2,
};

/** Remembers; a maintenance call is written down as its instruction on whole lines. */
export class RecordingMachine implements Machine {
  readonly spec = SPEC;
  readonly granule = 64;
  readonly deeds: Deed[] = [];
  /** What each line-aligned piece of the maintenance got. */
  readonly pieces: { from: number; to: number; operation: Operation }[] = [];
  readonly options: unknown[] = [];

  #add(what: string, from: number, to: number, target?: number): void {
    this.deeds.push(target === undefined ? { what, from, to } : { what, from, to, target });
  }
  initialise(from: MachineAddr, to: MachineAddr, initial: string): void {
    this.#add(`initialise ${initial}`, from, to);
  }
  cpuRead(access: { cacheable: boolean }, from: MachineAddr, to: MachineAddr): void {
    this.#add(access.cacheable ? 'read' : 'read uncached', from, to);
  }
  cpuWrite(access: { cacheable: boolean }, from: MachineAddr, to: MachineAddr): void {
    this.#add(access.cacheable ? 'write' : 'write uncached', from, to);
  }
  cpuCopy(_access: unknown, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    this.#add('copy', from, to, target);
  }
  deviceRead(_port: unknown, from: MachineAddr, to: MachineAddr): void {
    this.#add('device reads', from, to);
  }
  deviceWrite(_port: unknown, from: MachineAddr, to: MachineAddr): void {
    this.#add('device writes', from, to);
  }
  openWindow(): void {}
  closeWindow(): void {}
  maintain(...[cpu, call, from, to, options]: Parameters<Machine['maintain']>): void {
    this.#add(`${call.whole}${cpu === 0 ? '' : ` on CPU ${cpu}`}`, from, to);
    this.options.push(options);
    forEachPiece(call, from, to, 64, (begin, end, operation) =>
      this.pieces.push({ from: begin, to: end, operation }),
    );
  }
  invalidateAll(): void {
    this.#add('invalidate all', 0, 0);
  }
  maintainOuter(operation: string, from: MachineAddr, to: MachineAddr): void {
    this.#add(`outer ${operation}`, from, to);
  }
  barrier(): void {
    this.#add('DSB', 0, 0);
  }
  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.#add('new owner', from, to);
  }
  setFills(): void {}
}

/** A world that runs at once, with everything that happened in it. */
export interface TestWorld extends World {
  readonly machine: RecordingMachine;
  readonly faults: KernelFault[];
  readonly touched: { cell: Cell; write: boolean }[];
  /** Stage 2 by page number; changed at will. Pages not in it are 1:1 if they are RAM. */
  readonly p2m: Map<number, { frame: Mfn; writable: boolean } | undefined>;
}

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** 1 GiB of RAM at 1 GiB, of which the upper half is heap, and a pool of 1 MiB. */
export const DOM0: LinuxPlatform = {
  name: 'dom0',
  architecture: 'arm64',
  release: [6, 12],
  regime: 'EL1-stage2',
  ram: [[physAddr(GIB), physAddr(2 * GIB)]],
  heap: [[physAddr(1.5 * GIB), physAddr(1.5 * GIB + 64 * MIB)]],
  swiotlb: { base: physAddr(GIB + 256 * MIB), size: MIB },
};

export function testWorld(platform: Partial<LinuxPlatform> = {}, rest: Partial<World> = {}): TestWorld {
  const complete = { ...DOM0, ...platform };
  const p2m: TestWorld['p2m'] = new Map();
  const faults: KernelFault[] = [];
  const touched: TestWorld['touched'] = [];
  const isRam = (frame: Pfn) => complete.ram.some(([from, to]) => frame * 4096 >= from && frame * 4096 < to);
  return {
    platform: complete,
    stage2: {
      translate(frame) {
        if (p2m.has(frame)) return p2m.get(frame);
        return isRam(frame) ? { frame: mfn(frame), writable: true } : undefined;
      },
      pfnOf(frame) {
        for (const [at, translation] of p2m) if (translation?.frame === frame) return pfn(at);
        return isRam(pfn(frame)) ? pfn(frame) : undefined;
      },
    },
    scheduler: AT_ONCE,
    footprint: { touch: (cell, write) => touched.push({ cell, write }) },
    ...rest,
    machine: new RecordingMachine(),
    fault: (fault) => faults.push(fault),
    faults,
    touched,
    p2m,
  };
}

export const NIC = { name: 'nic', coherent: false } as const;
export const COHERENT_NIC = { name: 'nic', coherent: true } as const;
/** A device with a 32-bit mask. */
export const NARROW = { name: 'sd', coherent: false, dmaMask: dmaAddr(2 ** 32 - 1) } as const;

/**
 * Does one action, ends the call by throwing and calls it again with the answers so far, over and over: as an explorer does
 * that lets others run in between.
 */
export class Reexecuting implements Scheduler {
  readonly #answers: unknown[] = [];
  #at = 0;

  atomic<Answer>(_what: string, action: () => Answer): Answer {
    if (this.#at < this.#answers.length) return this.#answers[this.#at++] as Answer;
    this.#answers.push(action());
    throw STOP;
  }

  /** Run a call to its end. */
  run<Answer>(call: () => Answer): Answer {
    this.#answers.length = 0;
    for (;;) {
      this.#at = 0;
      try {
        return call();
      } catch (stop) {
        if (stop !== STOP) throw stop;
      }
    }
  }
}
const STOP = new Error('another agent runs');

/** Runs at once, and lets somebody else in before the n-th action (from 0), once. */
export function interrupted(before: number, other: () => void): Scheduler {
  let count = 0;
  return {
    atomic(what, action, ready) {
      if (count++ === before) other();
      return AT_ONCE.atomic(what, action, ready);
    },
  };
}

/** Xen's port to the recording machine, with real bytes for control structures. */
export class MachineHardware implements XenHardware {
  readonly #machine: RecordingMachine;
  readonly #bytes = new Map<Mfn, Uint8Array>();

  constructor(machine: RecordingMachine) {
    this.#machine = machine;
  }
  #page(frame: Mfn): Uint8Array {
    const page = this.#bytes.get(frame) ?? new Uint8Array(PAGE_SIZE);
    this.#bytes.set(frame, page);
    return page;
  }
  maintain(op: XenMaintenance, at: MachineAddr, size: number): void {
    this.#machine.deeds.push({ what: `Xen: ${op}`, from: at, to: at + size });
  }
  barrier(): void {}
  copy(from: MachineAddr, to: MachineAddr, size: number): void {
    this.#machine.deeds.push({ what: 'Xen: copy', from, to: from + size, target: to });
  }
  scrub(frame: Mfn): void {
    this.#page(frame).fill(0);
  }
  readBytes(frame: Mfn, offset: number, size: number): Uint8Array {
    return this.#page(frame).slice(offset, offset + size);
  }
  writeBytes(frame: Mfn, offset: number, bytes: Uint8Array): void {
    this.#page(frame).set(bytes, offset);
  }
  tlbFlush(): void {}
  ownerChanged(frame: Mfn): void {
    this.#machine.newOwner(machineAddrOf(frame), machineAddrOf(mfn(frame + 1)));
  }
  invalidateSetWay(): void {}
}

/** What a host of Xen may have different. */
export interface HostOptions {
  readonly dom0?: Partial<LinuxPlatform>;
  readonly xen?: Parameters<typeof xenPlatform>[0];
  readonly scheduler?: Scheduler;
}

/** dom0 as above, 1:1, and a guest whose 16 MiB at 1 GiB are machine memory at 3 GiB; a kernel in each. */
export function testHost({ dom0 = {}, xen: said, scheduler = AT_ONCE }: HostOptions = {}) {
  const base = testWorld({ ...dom0, heap: [[physAddr(1.5 * GIB), physAddr(1.5 * GIB + 64 * MIB)]] });
  const hardware = new MachineHardware(base.machine);
  const host = { from: mfn(GIB / PAGE_SIZE), to: mfn((4 * GIB) / PAGE_SIZE) };
  const xen = new Xen({ platform: xenPlatform(said), hardware, ram: [host], footprint: base.footprint });
  const pages = (bytes: number) => bytes / PAGE_SIZE;
  const dom0Ram = { gfn: gfn(pages(GIB)), mfn: mfn(pages(GIB)), frames: pages(GIB) };
  xen.createDomain({ domid: 0, hardware: true, directMapped: true, ram: [dom0Ram] });
  const guestRam = { gfn: gfn(pages(GIB)), mfn: mfn(pages(3 * GIB)), frames: pages(16 * MIB) };
  xen.createDomain({ domid: 1, ram: [guestRam] });
  const portOf = (domid: number) =>
    new XenPort({ xen, domid, hardware, scheduler, argumentPages: physAddr(GIB + 512 * PAGE_SIZE) });
  const worldOf = (domid: number, platform: LinuxPlatform): World => ({
    ...base,
    platform,
    scheduler,
    stage2: xenStage2(xen, domid),
    hypervisor: portOf(domid),
  });
  const guest: LinuxPlatform = {
    name: 'domU',
    architecture: 'arm64',
    release: [6, 12],
    regime: 'EL1-stage2',
    ram: [[physAddr(GIB), physAddr(GIB + 16 * MIB)]],
  };
  const { machine, faults, touched, footprint } = base;
  return {
    xen,
    hardware,
    machine,
    faults,
    touched,
    dom0: new SimulatedKernel(worldOf(0, base.platform)),
    guest: new SimulatedKernel(worldOf(1, guest)),
    /** The guest's table: it grants to dom0. */
    grants: new GrantTable({
      xen,
      domid: 1,
      hardware,
      scheduler,
      footprint,
      setUp: (frames) => portOf(1).setUpGrantTable(frames),
    }),
  };
}
