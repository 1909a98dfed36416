/**
 * A scenario: who is there, what they do, and what is expected of each design, as parsed and with every default filled in.
 * docs/scenarios.md is the language's reference; schema.ts is what editors complete from.
 */
import type { DirectionName } from '../linux/index.ts';
import type { PfnValid } from '../linux/simulated/index.ts';
import type { Initial } from '../machine/index.ts';

/** The hardware, the hypervisor and the kernels. */
export interface PlatformSpec {
  readonly architecture: 'arm' | 'arm64' | 'x86';
  /** Release of every Linux here: native maintenance, bounce rules. [major, minor] */
  readonly linux: readonly [major: number, minor: number];
  /** Version of the hypervisor; undefined: no hypervisor, one kernel named `host`. */
  readonly xen: readonly [major: number, minor: number] | undefined;
  /** Bytes; two where cores differ (small, big). */
  readonly lineSizes: readonly [number] | readonly [number, number];
  /** Line size that each core believes in (CTR_EL0.DminLine as read there), by core; the machine's smallest if absent. */
  readonly believedLineSizes: readonly number[];
  readonly cpus: number;
  /** PL310: beyond the inner caches, by physical address. */
  readonly outerCache: boolean;
  /** Who can maintain it: the kernels' own driver, only Xen (nobody does it then), or nobody. */
  readonly outerCacheDriver: 'linux' | 'none';
  /** Devices are behind an SMMU, and dom0 is not direct mapped. */
  readonly smmu: boolean;
  /** False: who runs on a core is interrupted there between two of its steps only, and Xen finishes hypercalls at once. */
  readonly preemption: boolean;
  /** Maintenance is complete only after a barrier step. */
  readonly explicitBarriers: boolean;
  /** 40-bit physical addresses on 32-bit Arm. Always true on arm64. */
  readonly lpae: boolean;
  /** undefined: as the release does it. */
  readonly pfnValid: PfnValid | undefined;
  /** Where dom0 maps foreign pages: in place of own ones, or in an extended region with struct pages. */
  readonly foreignPages: 'balloon' | 'extended-region';
  /** Entries that Linux's p2m of foreign pages has memory for; undefined: any number. */
  readonly p2mEntries: number | undefined;
  /** Option scrub-domheap of Xen: what a living domain frees is scrubbed too. */
  readonly scrubDomheap: boolean;
  readonly swiotlb: { readonly force: boolean; readonly slots: number };
  /** Flush hypercall there (Xen 4.5 and later). */
  readonly cacheFlush: boolean;
  /** Named bugs of Xen, Linux or the hardware that this platform has. */
  readonly quirks: readonly string[];
}

export interface DomainSpec {
  readonly name: string;
  /** Its guest-physical addresses are machine addresses (dom0 on Arm without an SMMU). */
  readonly directMapped: boolean;
  /** dom0: drives the devices. */
  readonly hardware: boolean;
  /** First machine address and bytes of its RAM. */
  readonly ram: { readonly at: number; readonly size: number };
}

export interface DeviceSpec {
  readonly name: string;
  /** What the hardware does: it snoops. */
  readonly coherent: boolean;
  /** What the kernel believes (the device tree's dma-coherent). */
  readonly believedCoherent: boolean;
  /** Address bits that it can drive, 1 to 52. */
  readonly maskBits: number;
  /** Bytes added to a machine address on its bus (dma-ranges). */
  readonly busOffset: number;
  /**
   * `any-time`: while a buffer is mapped the device may access it at any moment (windows).
   * `scripted`: only the device steps of the scenario.
   */
  readonly behaves: 'any-time' | 'scripted';
}

export interface BufferSpec {
  readonly name: string;
  /** Whose RAM it lies in. */
  readonly domain: string;
  /** Bytes into its first page, 0 to 4095. */
  readonly offset: number;
  /** Bytes, at least 1. */
  readonly size: number;
  /** Machine address of its first page; undefined: the next free pages of the domain's RAM. */
  readonly at: number | undefined;
  /** Its machine frames follow each other; false: every second frame. */
  readonly contiguous: boolean;
  /** Its pages are one compound page, which drivers map by its first page. */
  readonly compound: boolean;
  readonly initially: Initial;
}

/** Part of a buffer or mapping in bytes from its beginning, half open; undefined: all of it. */
export type Bytes = readonly [from: number, to: number] | undefined;
export type MaintenanceName = 'clean' | 'invalidate' | 'clean-invalidate';
export type AttributeName = 'skip-cpu-sync' | 'mmio';

/**
 * What an agent does. `mapping` names default to the buffer's name. With `mayFail` it is no violation that the step fails (an attacker
 * gets a fault, a backend sees the status); steps that need what it would have made are passed over.
 */
export type Action =
  | {
      readonly do: 'read' | 'write';
      readonly buffer: string;
      readonly bytes: Bytes;
      readonly uncached: boolean;
      readonly mayFail?: true;
    }
  | {
      readonly do: 'copy';
      readonly from: string;
      readonly to: string;
      /** Bytes, and where in each. */
      readonly size: number | undefined;
      readonly fromOffset: number;
      readonly toOffset: number;
    }
  | {
      readonly do: 'maintain';
      readonly buffer: string;
      readonly bytes: Bytes;
      readonly operation: MaintenanceName;
      /** Exception level; undefined: that of the agent's domain. */
      readonly at: 'EL1' | 'EL1-stage2' | 'EL2' | undefined;
      /** To the outer cache instead, by the address as the agent's domain has it or by machine address. */
      readonly outer: 'pseudo-physical' | 'machine' | undefined;
    }
  | { readonly do: 'invalidate-all' }
  | { readonly do: 'barrier' }
  | {
      readonly do: 'map';
      readonly buffer: string;
      readonly bytes: Bytes;
      readonly device: string;
      readonly direction: DirectionName;
      readonly as: string;
      readonly attributes: readonly AttributeName[];
      readonly mayFail?: true;
    }
  | {
      readonly do: 'map-sg';
      readonly buffers: readonly string[];
      readonly device: string;
      readonly direction: DirectionName;
      readonly as: string;
      readonly attributes: readonly AttributeName[];
    }
  | {
      readonly do: 'unmap' | 'unmap-sg';
      readonly mapping: string;
      /** Wrong arguments of a wrong driver; undefined: those of the map. */
      readonly size: number | undefined;
      readonly direction: DirectionName | undefined;
      readonly entries: number | undefined;
      readonly attributes: readonly AttributeName[];
    }
  | {
      readonly do: 'sync-for-cpu' | 'sync-for-device';
      readonly mapping: string;
      readonly bytes: Bytes;
      readonly direction: DirectionName | undefined;
    }
  | { readonly do: 'alloc-coherent'; readonly device: string; readonly size: number; readonly as: string }
  | { readonly do: 'free-coherent'; readonly buffer: string }
  | {
      readonly do: 'device-read' | 'device-write';
      readonly device: string | undefined;
      /** Through a mapping's DMA address, or (a driver that never mapped) at a buffer's machine address. */
      readonly mapping: string | undefined;
      readonly buffer: string | undefined;
      readonly bytes: Bytes;
      /** A write that sits in a buffer on its way to memory until a later write of the device arrives there. */
      readonly posted: boolean;
    }
  /** GNTTABOP_cache_flush by the agent's domain, of its own page or of one that it has mapped. */
  | {
      readonly do: 'cache-flush';
      readonly buffer: string;
      readonly bytes: Bytes;
      readonly operation: Exclude<MaintenanceName, 'clean-invalidate'>;
    }
  | {
      readonly do: 'grant';
      readonly buffer: string;
      readonly to: string;
      readonly readonly: boolean;
      readonly as: string;
    }
  | { readonly do: 'end-access'; readonly grant: string }
  /** gntdev-like: the pages of a grant appear in the agent's domain as a new buffer. */
  | {
      readonly do: 'map-grant';
      readonly grant: string;
      readonly as: string;
      readonly readonly: boolean;
      readonly mayFail?: true;
    }
  | { readonly do: 'unmap-grant'; readonly buffer: string }
  | {
      readonly do: 'grant-copy';
      readonly from: string;
      readonly to: string;
      readonly size: number | undefined;
      readonly fromOffset: number;
      readonly toOffset: number;
    }
  | { readonly do: 'balloon-out' | 'balloon-in'; readonly buffer: string }
  /** The domain gives the pages back to Xen; `allocate` gets pages, those freed last first. */
  | { readonly do: 'free'; readonly buffer: string }
  | {
      readonly do: 'allocate';
      readonly as: string;
      readonly size: number;
      readonly offset: number;
    }
  | { readonly do: 'signal' | 'wait'; readonly name: string };

/** A step with where it stands in the file, for counterexamples and errors. */
export type Step = Action & { readonly line: number };

export interface AgentSpec {
  readonly name: string;
  /** The domain whose kernel it runs in; a device's program has `device` instead. */
  readonly domain: string | undefined;
  readonly device: string | undefined;
  readonly cpu: number;
  readonly steps: readonly Step[];
}

export type Verdict = 'holds' | 'violated' | 'inconclusive';

export interface Expectation {
  /** Names of designs. */
  readonly designs: readonly string[];
  readonly verdict: Verdict;
  /** Rule of the violation; undefined: any. */
  readonly rule: string | undefined;
  /** Why, written down before it was run. */
  readonly because: string;
}

/** One case of a scenario: everything decided. A file without a sweep has one, with an empty name. */
export interface Case {
  /** `buffers.data.offset=512,buffers.data.size=4096`, or empty. */
  readonly name: string;
  readonly platform: PlatformSpec;
  readonly domains: readonly DomainSpec[];
  readonly devices: readonly DeviceSpec[];
  readonly buffers: readonly BufferSpec[];
  readonly agents: readonly AgentSpec[];
  /** Agent of each transition, in order: only interleavings that begin with these are explored. Absent: all. */
  readonly schedule?: readonly string[];
}

export interface Scenario {
  /** As it was given. */
  readonly file: string;
  readonly title: string;
  /** The story: what happens, which bug or claim it is. */
  readonly story: string;
  /** Smallest first, in the order of the sweep's lists. */
  readonly cases: readonly Case[];
  readonly expectations: readonly Expectation[];
  readonly bounds: Bounds;
}

/** What exploration may cost, per case and design. Hit: inconclusive. */
export interface Bounds {
  readonly executions: number;
  readonly transitions: number;
}
export const DEFAULT_BOUNDS: Bounds = { executions: 20_000, transitions: 2_000_000 };
