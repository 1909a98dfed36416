/**
 * The functions that a kernel's source imports (shims/services.h): each asks the Kernel that the call runs on.
 *
 * Addresses come and go as doubles; casts to branded types are made here, at the border. All ones are -1 on both sides.
 */
import type { DmaAddr, MachineAddr, Pfn, PhysAddr } from '../address/index.ts';
import {
  type Attributes,
  type CacheFlushOp,
  type Device,
  type Direction,
  type Kernel,
  KernelDied,
  type KernelProblem,
} from '../linux/index.ts';
import { KernelSourceError } from './exports.ts';

/** Who is calling, while a call runs. */
export interface Caller {
  kernel: Kernel | undefined;
  device: Device | undefined;
}

/** Tells where something is in the kernel's text. */
export interface Reporter {
  /** "drivers/xen/swiotlb-xen.c:42". @param file address of its name; 0: where the call stands now. */
  place(file: number, line: number): string;
  /** A string of C. */
  text(at: number): string;
}

/** -ENOSYS of Linux. */
const ENOSYS = 38;
const SKIP_CPU_SYNC = 1;
const MMIO = 2;
const REQUIRE_COHERENT = 4;

/** Attributes as entry.c takes them. */
export function attributeBits({ skipCpuSync, mmio, requireCoherent }: Attributes): number {
  return (skipCpuSync ? SKIP_CPU_SYNC : 0) + (mmio ? MMIO : 0) + (requireCoherent ? REQUIRE_COHERENT : 0);
}

const COHERENT = 1;
const BOUNCE_FORCED = 2;

/** What entry.c takes as facts of the device: they hold for the whole of a call. */
export function deviceFacts(kernel: Kernel, device: Device): number {
  return (device.coherent ? COHERENT : 0) + (kernel.swiotlbForced(device) ? BOUNCE_FORCED : 0);
}

/** Attributes back from their bits. */
const ATTRIBUTES: readonly Attributes[] = Array.from({ length: 8 }, (_, bits) => ({
  skipCpuSync: bits % 2 === 1,
  mmio: Math.floor(bits / MMIO) % 2 === 1,
  requireCoherent: bits >= REQUIRE_COHERENT,
}));

/**
 * @param hasCacheFlush what the hypervisor answers while the kernel boots, when there is no caller yet.
 * @param missing names of functions that nobody provides.
 */
export function makeImports(
  caller: Caller,
  reporter: Reporter,
  hasCacheFlush: boolean,
  missing: readonly string[],
): WebAssembly.Imports {
  const report = (rule: KernelProblem['rule'], at: string, what: string) => {
    if (caller.kernel === undefined) throw new KernelSourceError(`${at}: ${what}, while the kernel boots`);
    caller.kernel.oops({ rule, at, what });
  };
  const bug = (at: string, what: string): never => {
    report('kernel-bug', at, what);
    throw new KernelDied(`${at}: ${what}`);
  };
  const kernel: Record<string, (...args: never[]) => number | undefined> = {
    pfn_valid: (frame: Pfn) => (kernelOf(caller).pfnValid(frame) ? 1 : 0),
    pfn_to_mfn: (frame: Pfn) => kernelOf(caller).pfnToBfn(frame),
    bus_to_dma: (bus: MachineAddr) => kernelOf(caller).busToDma(deviceOf(caller), bus),
    dma_to_bus: (dma: DmaAddr) => kernelOf(caller).dmaToBus(deviceOf(caller), dma),
    dma_capable: (dma: DmaAddr, size: number) =>
      kernelOf(caller).dmaCapable(deviceOf(caller), dma, size) ? 1 : 0,
    kmalloc_needs_bounce: (size: number, direction: Direction) =>
      kernelOf(caller).kmallocNeedsBounce(deviceOf(caller), size, direction) ? 1 : 0,
    in_swiotlb: (phys: PhysAddr) => (kernelOf(caller).inSwiotlb(deviceOf(caller), phys) ? 1 : 0),
    swiotlb_map: (phys: PhysAddr, size: number, direction: Direction, bits: number) =>
      kernelOf(caller).swiotlbMap(deviceOf(caller), phys, size, direction, attributesOf(bits)),
    swiotlb_unmap: (slot: PhysAddr, size: number, direction: Direction, bits: number) => {
      kernelOf(caller).swiotlbUnmap(deviceOf(caller), slot, size, direction, attributesOf(bits));
      return undefined;
    },
    swiotlb_sync_for_cpu: (slot: PhysAddr, size: number, direction: Direction) => {
      kernelOf(caller).swiotlbSyncForCpu(deviceOf(caller), slot, size, direction);
      return undefined;
    },
    swiotlb_sync_for_device: (slot: PhysAddr, size: number, direction: Direction) => {
      kernelOf(caller).swiotlbSyncForDevice(deviceOf(caller), slot, size, direction);
      return undefined;
    },
    arch_sync_for_device: (phys: PhysAddr, size: number, direction: Direction) => {
      kernelOf(caller).archSyncForDevice(phys, size, direction);
      return undefined;
    },
    arch_sync_for_cpu: (phys: PhysAddr, size: number, direction: Direction) => {
      kernelOf(caller).archSyncForCpu(phys, size, direction);
      return undefined;
    },
    arch_sync_flush: () => {
      kernelOf(caller).archSyncFlush();
      return undefined;
    },
    cache_flush: (devBusAddr: MachineAddr, offset: number, length: number, op: CacheFlushOp) => {
      if (caller.kernel === undefined) return hasCacheFlush ? 0 : -ENOSYS;
      return caller.kernel.cacheFlush({ devBusAddr, offset, length, op });
    },
    bug: (file: number, line: number, text: number) => bug(reporter.place(file, line), reporter.text(text)),
    warn: (file: number, line: number, text: number) => {
      report('kernel-warning', reporter.place(file, line), reporter.text(text));
      return undefined;
    },
    hang: () => bug(reporter.place(0, 0), 'it does not come to an end'),
  };
  const env = Object.fromEntries(
    missing.map((name) => [
      name,
      () => {
        throw new KernelSourceError(
          `${reporter.place(0, 0)} calls ${name}(), which dmalab\u2019s shims do not have`,
        );
      },
    ]),
  );
  return { kernel, env };
}

function kernelOf({ kernel }: Caller): Kernel {
  return kernel ?? whileBooting();
}

function deviceOf({ device }: Caller): Device {
  return device ?? whileBooting();
}

function attributesOf(bits: number): Attributes {
  return ATTRIBUTES[bits] ?? noSuch(bits);
}

function noSuch(bits: number): never {
  throw new RangeError(`attributes ${bits}`);
}

function whileBooting(): never {
  throw new KernelSourceError('while it boots, the kernel\u2019s code asks for what is there later only');
}
