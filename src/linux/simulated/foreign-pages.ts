/**
 * Foreign pages: other domains' frames, granted and mapped where the kernel has a struct page and no memory of its own.
 * Sources: drivers/xen/grant-table.c (gnttab_map_refs, gnttab_unmap_refs), arch/arm/xen/p2m.c, drivers/xen/balloon.c,
 * Linux 6.12 and 7.3.
 */
import { type Mfn, PAGE_SIZE, type Pfn, pfn, pfnOf, physAddrOf } from '../../address/index.ts';
import { GNTST } from '../../xen/index.ts';
import type { GrantHooks } from '../kernel.ts';
import type { SimulatedKernel } from './kernel.ts';
import type { GrantMapping, Hypervisor, MappedGrant } from './world.ts';

/** A page of another domain that is mapped. */
export interface ForeignPage {
  readonly at: Pfn;
  readonly frame: Mfn;
  readonly handle: number;
}

/**
 * gnttab_map_refs(): one hypercall, then the p2m and the design are told of each page. What either of them refuses is unmapped
 * again and gets GNTST_general_error.
 */
export function mapGrants(
  kernel: SimulatedKernel,
  design: GrantHooks,
  mappings: readonly GrantMapping[],
): MappedGrant[] {
  const hypervisor = hypervisorOf(kernel);
  return hypervisor.mapGrants(mappings).map((mapped, i) => {
    const { at } = mappings[i] as GrantMapping;
    if (mapped.status !== GNTST.okay || accepted(kernel, design, at, mapped.frame)) return mapped;
    hypervisor.unmapGrants([{ at, handle: mapped.handle }]);
    return { ...mapped, status: GNTST.general_error };
  });
}

function accepted(kernel: SimulatedKernel, design: GrantHooks, at: Pfn, frame: Mfn): boolean {
  if (!kernel.setForeignFrame(at, frame)) return false;
  if (design.grantMapped?.(kernel, at, frame) ?? true) return true;
  kernel.clearForeignFrame(at);
  return false;
}

/** gnttab_unmap_refs(): the design is told, then one hypercall, then the p2m is cleared, whatever the hypervisor said. */
export function unmapGrants(
  kernel: SimulatedKernel,
  design: GrantHooks,
  pages: readonly ForeignPage[],
): readonly number[] {
  for (const { at, frame } of pages) design.grantUnmapped?.(kernel, at, frame);
  const statuses = hypervisorOf(kernel).unmapGrants(pages.map(({ at, handle }) => ({ at, handle })));
  for (const { at } of pages) kernel.clearForeignFrame(at);
  return statuses;
}

/**
 * xen_alloc_unpopulated_pages(), or xen_alloc_ballooned_pages() where there is no extended region: places for foreign pages, that
 * follow each other.
 * @returns the first; undefined where there is no room.
 */
export function allocateForeignPages(kernel: SimulatedKernel, count: number): Pfn | undefined {
  const region = kernel.allocateUnpopulated(count * PAGE_SIZE);
  if (region !== undefined) return pfnOf(region);
  const pages = kernel.allocatePages(count * PAGE_SIZE);
  if (pages === undefined) return undefined;
  const frames = framesFrom(pfnOf(pages), count);
  const gone = balloonOut(kernel, frames);
  if (gone === count) return pfnOf(pages);
  balloonIn(kernel, frames.slice(0, gone));
  kernel.freePages(pages, count * PAGE_SIZE);
  return undefined;
}

/** The reverse. Nothing is mapped there any more. */
export function freeForeignPages(kernel: SimulatedKernel, first: Pfn, count: number): void {
  const at = physAddrOf(first);
  if (kernel.freeUnpopulated(at, count * PAGE_SIZE)) return;
  balloonIn(kernel, framesFrom(first, count));
  kernel.freePages(at, count * PAGE_SIZE);
}

function framesFrom(first: Pfn, count: number): Pfn[] {
  return Array.from({ length: count }, (_, i) => pfn(first + i));
}

/**
 * Balloon: give own pages back to the hypervisor, so that foreign ones can be mapped in their place.
 * @returns how many went, from the first on.
 */
export function balloonOut(kernel: SimulatedKernel, frames: readonly Pfn[]): number {
  if (kernel.world.platform.scrubsPages)
    for (const frame of frames) kernel.cpuWrite(physAddrOf(frame), PAGE_SIZE);
  return hypervisorOf(kernel).decreaseReservation(frames);
}

/** Balloon: get pages for frames that have none. @returns how many came, from the first on. */
export function balloonIn(kernel: SimulatedKernel, frames: readonly Pfn[]): number {
  return hypervisorOf(kernel).populatePhysmap(frames);
}

function hypervisorOf(kernel: SimulatedKernel): Hypervisor {
  const { hypervisor } = kernel.world;
  if (hypervisor === undefined) throw new Error('foreign pages without a hypervisor');
  return hypervisor;
}
