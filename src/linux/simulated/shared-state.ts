/** What all CPUs of one Linux share. */
import type { Tables } from '../kernel.ts';
import { CpuMemory } from './cpu-memory.ts';
import { ForeignP2m } from './foreign-p2m.ts';
import { NativeCaches } from './maintenance.ts';
import { type NativeMaintenance, nativeMaintenance } from './native-maintenance.ts';
import { PageAllocator } from './page-allocator.ts';
import { StructPages } from './pfn-valid.ts';
import { batchesBarriers, physBits } from './platform.ts';
import type { Quirk } from './quirks.ts';
import { Swiotlb } from './swiotlb.ts';
import { Locks, makeTables } from './tables.ts';
import type { World } from './world.ts';

export class SharedState {
  readonly quirks: ReadonlySet<Quirk>;
  /** Width of a phys_addr_t. */
  readonly physBits: 32 | 64;
  readonly hasCacheFlush: boolean;
  readonly hasGrantMapIdentity: boolean;
  readonly batchesBarriers: boolean;
  readonly native: NativeMaintenance;
  /** Nothing of it is ever called (a bug). */
  readonly nativeOpsLost: boolean;
  /** Locks of tables are never taken (a bug). */
  readonly locksLeftOut: boolean;
  readonly pages: StructPages;
  readonly memory: CpuMemory;
  readonly caches: NativeCaches;
  readonly foreignP2m: ForeignP2m;
  readonly swiotlb: Swiotlb;
  readonly tables: Tables;
  readonly locks: Locks;
  readonly allocator: PageAllocator;
  readonly unpopulated: PageAllocator;

  constructor(world: World) {
    const { platform, hypervisor } = world;
    this.quirks = new Set(platform.quirks);
    this.physBits = physBits(platform);
    this.hasCacheFlush = platform.hasCacheFlush ?? hypervisor?.hasCacheFlush ?? false;
    this.hasGrantMapIdentity = platform.hasGrantMapIdentity ?? hypervisor?.hasGrantMapIdentity ?? false;
    this.batchesBarriers = batchesBarriers(platform);
    this.native = nativeMaintenance(platform.architecture, platform.release);
    this.nativeOpsLost = this.quirks.has('null-dma-ops');
    this.locksLeftOut = this.quirks.has('table-locks-left-out');
    this.pages = new StructPages(platform);
    this.memory = new CpuMemory(world, this.pages);
    this.caches = new NativeCaches(world, this.memory);
    this.foreignP2m = new ForeignP2m(world, this.quirks);
    this.swiotlb = new Swiotlb(world, this.memory, this.quirks);
    this.tables = makeTables(world);
    this.locks = new Locks(world);
    this.allocator = new PageAllocator(world, 'heap', platform.heap ?? []);
    this.unpopulated = new PageAllocator(world, 'unpopulated', platform.structPagesToo ?? [], 'highest');
  }
}
