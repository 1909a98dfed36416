/** Hypercalls, counted, and those that a trace shows written down. */
import type { CacheFlush } from '../../linux/index.ts';
import type { Hypervisor } from '../../linux/simulated/index.ts';
import type { TraceSink } from './dma.ts';
import type { Journal } from './journal.ts';

export function countedHypervisor(port: Hypervisor, journal: Journal, trace: TraceSink): Hypervisor {
  return {
    hasCacheFlush: port.hasCacheFlush,
    hasGrantMapIdentity: port.hasGrantMapIdentity,
    decreaseReservation(frames) {
      journal.hypercall('XENMEM_decrease_reservation');
      return port.decreaseReservation(frames);
    },
    populatePhysmap(frames) {
      journal.hypercall('XENMEM_populate_physmap');
      return port.populatePhysmap(frames);
    },
    mapGrants(mappings) {
      journal.hypercall('GNTTABOP_map_grant_ref');
      return port.mapGrants(mappings);
    },
    unmapGrants(mappings) {
      journal.hypercall('GNTTABOP_unmap_grant_ref');
      return port.unmapGrants(mappings);
    },
    copyGrants(copies) {
      journal.hypercall('GNTTABOP_copy');
      return port.copyGrants(copies);
    },
    cacheFlush(flush: CacheFlush) {
      journal.hypercall('GNTTABOP_cache_flush');
      journal.flushing({ hypercall: flush });
      const result = port.cacheFlush(flush);
      trace.cacheFlush?.(flush, result);
      return result;
    },
  };
}
