/** What a simulated kernel stands on: hardware, hypervisor, and who decides when another agent comes between. */
import type { Mfn, Pfn, PhysAddr } from '../../address/index.ts';
import type { Footprint, Machine, Scheduler } from '../../machine/index.ts';
import type { Direction } from '../dma.ts';
import type { CacheFlush, KernelProblem } from '../kernel.ts';
import type { LinuxPlatform } from './platform.ts';

/** A frame behind a pseudo-physical one. */
export interface Translation {
  readonly frame: Mfn;
  readonly writable: boolean;
}

/**
 * Stage 2 translation of this kernel's domain, as it is at the moment (x86 PV: its page tables, through the p2m list).
 * Asked inside atomic actions: it begins none itself, and touches the footprint of what it looks at.
 */
export interface Stage2 {
  /** undefined: nothing is mapped there. */
  translate(frame: Pfn): Translation | undefined;
  /** machine_to_phys_mapping: the domain's page of a machine frame. x86 only; Arm has no such table. */
  pfnOf?(frame: Mfn): Pfn | undefined;
}

/** One element of GNTTABOP_map_grant_ref. */
export interface GrantMapping {
  /** Where it is to appear. */
  readonly at: Pfn;
  /** Whose frame. */
  readonly domain: number;
  /** Its grant reference. */
  readonly ref: number;
  readonly readonly: boolean;
}
/** What the hypervisor answers: status is a GNTST_*, handle and frame mean something only with GNTST_okay. */
export interface MappedGrant {
  readonly status: number;
  readonly handle: number;
  /** dev_bus_addr: the machine frame. */
  readonly frame: Mfn;
}
/** One element of GNTTABOP_unmap_grant_ref. */
export interface GrantUnmapping {
  readonly at: Pfn;
  readonly handle: number;
}

/** One end of a copy: a page of the caller's own, or another domain's by its grant; and where in it. */
export type CopyEnd = { readonly offset: number } & (
  | { readonly page: Pfn }
  | { readonly domain: number; readonly ref: number }
);
/** One element of GNTTABOP_copy, within a page at both ends. */
export interface GrantCopy {
  readonly source: CopyEnd;
  readonly target: CopyEnd;
  /** Bytes. */
  readonly length: number;
}

/** The hypercalls that a kernel makes. Each is one or more scheduling points, so none of them is made inside an atomic action. */
export interface Hypervisor {
  /** It knows GNTTABOP_cache_flush. Asked when the kernel boots. */
  readonly hasCacheFlush: boolean;
  /** XENFEAT_grant_map_identity, which no released Xen had. */
  readonly hasGrantMapIdentity: boolean;
  /** XENMEM_decrease_reservation. Frames given back, from the first on. */
  decreaseReservation(frames: readonly Pfn[]): number;
  /** XENMEM_populate_physmap. Frames populated, from the first on. */
  populatePhysmap(frames: readonly Pfn[]): number;
  mapGrants(mappings: readonly GrantMapping[]): readonly MappedGrant[];
  /** GNTST_* of each. */
  unmapGrants(mappings: readonly GrantUnmapping[]): readonly number[];
  /** GNTST_* of each. */
  copyGrants(copies: readonly GrantCopy[]): readonly number[];
  /** GNTTABOP_cache_flush with one element: 0 or a negative errno. */
  cacheFlush(flush: CacheFlush): number;
}

/** Something that no cache is needed for to go wrong. */
export type KernelFault =
  | {
      /** The kernel used an address behind which there is nothing (it would crash). */
      readonly rule: 'fault';
      /** What it was doing: "clean where no memory is mapped for it", "look up the p2m tree (use after free)" ... */
      readonly what: string;
      /** First byte without memory behind it, and how many, as the kernel addresses them. */
      readonly at: PhysAddr;
      readonly size: number;
    }
  | { readonly rule: KernelProblem['rule']; readonly what: string };

/**
 * Bytes go between a buffer and its bounce slot. Whether the right ones do, and in time, no cache can tell.
 */
export interface BounceCopy {
  readonly way: 'to slot' | 'from slot';
  readonly slot: PhysAddr;
  readonly buffer: PhysAddr;
  readonly size: number;
}

/** A call of arch_sync_dma_for_device() or arch_sync_dma_for_cpu(). */
export interface NativeSync {
  readonly towards: 'device' | 'cpu';
  readonly phys: PhysAddr;
  readonly size: number;
  readonly direction: Direction;
}

export interface World {
  readonly platform: LinuxPlatform;
  readonly machine: Machine;
  readonly stage2: Stage2;
  /** undefined on bare metal. */
  readonly hypervisor?: Hypervisor;
  readonly scheduler: Scheduler;
  readonly footprint: Footprint;
  /** Told of each fault, inside the atomic action in which it happens. */
  readonly fault: (fault: KernelFault) => void;
  /** Told of each bounce copy, inside the atomic action that makes it. */
  readonly bounced?: (copy: BounceCopy) => void;
  /** Told of each call of native maintenance, before it is carried out. */
  readonly synced?: (sync: NativeSync) => void;
}
