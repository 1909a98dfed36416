/**
 * The machine that a trace was recorded on, as far as judging needs it, and where each fact comes from.
 *
 * What belongs to the architecture and its version (native maintenance, regime, line size) is here and not in a design.
 */
import type { Pfn } from '../address/index.ts';
import type { DeviceFacts, DmaWindow } from '../devicetree/index.ts';
import { type Device, Direction } from '../linux/index.ts';
import { type MaintenanceCall, maintenanceCalls } from '../machine/index.ts';

export type Architecture = 'arm64' | 'arm';

/** What /proc/iomem tells. */
export interface OwnRam {
  /** pfn_valid() of this kernel, at its granularity. */
  pfnValid(frame: Pfn): boolean;
  /** Exactly the kernel's own RAM. */
  isRam(frame: Pfn): boolean;
}

export interface Platform {
  readonly architecture: Architecture;
  /** Bytes of a cache line: the largest granule of the system. */
  readonly lineSize: number;
  /** The traced kernel runs on Xen: stage 2 is on, foreign pages exist. */
  readonly xen: boolean;
  readonly xenBecause: string;
  /** The hypervisor has GNTTABOP_cache_flush (4.5 and later). */
  readonly hasCacheFlush: boolean;
  readonly ownRam: OwnRam | undefined;
  /** Facts of a device by the name that the trace prints; undefined where there is no device tree. */
  readonly findDevice: ((name: string) => DeviceFacts | undefined) | undefined;
  /** What the devices really do, whatever the device tree says. */
  readonly hardware: 'coherent' | 'non-coherent' | undefined;
}

/** One device of the trace. */
export interface ReplayDevice extends Device {
  readonly index: number;
  /** The kernel's belief is not known: nothing can be said of this device. */
  readonly unknown: boolean;
  /** The hardware snoops. */
  readonly snoops: boolean;
  readonly because: string;
  readonly iommu: string | null;
  /** How its DMA addresses relate to machine addresses; empty: they are the same. */
  readonly windows: readonly DmaWindow[];
}

/** Make a device of its name in the trace. */
export function describeDevice(platform: Platform, name: string, index: number): ReplayDevice {
  const facts = platform.findDevice?.(name);
  const { hardware } = platform;
  const believed = facts?.coherent ?? (hardware === undefined ? undefined : hardware === 'coherent');
  const because =
    facts?.because ??
    (hardware !== undefined
      ? 'as --hardware says'
      : platform.findDevice
        ? 'not found in the device tree (--hardware says it)'
        : 'no device tree given (--dtb or --hardware says it)');
  const coherent = believed ?? false;
  return {
    name,
    index,
    coherent,
    unknown: believed === undefined,
    snoops: hardware === undefined ? coherent : hardware === 'coherent',
    because,
    iommu: facts?.iommu ?? null,
    windows: facts?.windows ?? [],
  };
}

/** What native maintenance and the hypercall execute on this machine; undefined: the call does nothing. */
export interface Instructions {
  /** arch_sync_dma_for_device and arch_sync_dma_for_cpu, by direction. */
  readonly forDevice: readonly (MaintenanceCall | undefined)[];
  readonly forCpu: readonly (MaintenanceCall | undefined)[];
  /** GNTTABOP_cache_flush, by GNTTAB_CACHE_* bits. */
  readonly hypercall: readonly (MaintenanceCall | undefined)[];
}

/**
 * arm64 cleans FROM_DEVICE at map since 5.19 (c50f11c6196f), and every kernel that has dma events is later; arm
 * invalidates to this day (arch/arm/mm/dma-mapping.c, 7.3). On Xen dom0 runs at EL1 under stage 2, Xen at EL2.
 */
export function instructionsOf(platform: Pick<Platform, 'architecture' | 'xen'>): Instructions {
  const native = maintenanceCalls(platform.xen ? 'EL1-stage2' : 'EL1');
  const hypervisor = maintenanceCalls('EL2');
  const { clean, invalidate } = native;
  const fromDeviceAtMap = platform.architecture === 'arm64' ? clean : invalidate;
  return {
    forDevice: byDirection({ bidirectional: clean, toDevice: clean, fromDevice: fromDeviceAtMap }),
    forCpu: byDirection({ bidirectional: invalidate, toDevice: undefined, fromDevice: invalidate }),
    hypercall: [undefined, hypervisor.clean, hypervisor.invalidate, hypervisor.cleanInvalidate],
  };
}

function byDirection<T>(values: Readonly<Record<keyof typeof Direction, T>>): readonly T[] {
  const list: T[] = [];
  list[Direction.bidirectional] = values.bidirectional;
  list[Direction.toDevice] = values.toDevice;
  list[Direction.fromDevice] = values.fromDevice;
  return list;
}
