/**
 * Bugs that Linux really had, as switches of a platform. Each is asked for at exactly one place.
 *
 * What a release does differently at its DMA entry points is a design; these are the bugs of the code around it.
 */

/** A bug: where it comes from, and what goes wrong in one sentence. */
export interface QuirkFacts {
  /** Commit that repaired it, advisory or report. */
  readonly source: string;
  readonly what: string;
}

export const QUIRKS = {
  'p2m-root-read-outside-lock': {
    source: 'CVE-2022-33744, XSA-406',
    what: 'a look-up starts from a tree root that it read before it took the lock, and misses what was rotated away',
  },
  'p2m-insert-failure-ignored': {
    source: 'XSA-361, XSA-367',
    what: 'a grant whose p2m entry could not be made stays mapped, so its page is taken for a local one',
  },
  'machine-address-cut': {
    source: 'e17b2f114cba, Linux 3.14',
    what: 'the machine address is kept in a phys_addr_t, which without LPAE has 32 bits',
  },
  'compound-tail-taken-for-foreign': {
    source: '3567258d281b, Linux 3.19; repaired in 2015',
    what: 'map compares the machine frame with that of the first page of a compound page, so any other page of it is taken for a foreign one',
  },
  'table-locks-left-out': {
    source: 'what the locks of designs that keep tables prevent',
    what: 'nobody takes the lock under which a page is looked up in a table and used, so it can be unmapped in between',
  },
  'null-dma-ops': {
    source: 'e058632670b7 (2017); 60d8cd572f65, Linux 5.0',
    what: 'the pointer to the native operations is NULL, so local pages get no maintenance',
  },
  'for-device-calls-for-cpu-helper': {
    source: 'arch/arm/include/asm/xen/page-coherent.h and arch/arm/xen/mm32.c, Linux 3.13 to 3.18',
    what: 'sync_for_device does what sync_for_cpu should',
  },
  'partial-sync-loses-offset': {
    source: 'Debian 989778; 5f89468e2f06, Linux 5.13',
    what: 'a sync inside a bounce slot copies to and from the address that the slot began with',
  },
  'no-max-mapping-size': {
    source: 'xen_swiotlb_dma_ops without max_mapping_size (Linux 6.1 has it)',
    what: 'drivers are not told that a mapping that must bounce cannot exceed 256 KiB',
  },
  'mmio-map-ignores-dma-ranges': {
    source: 'raspberrypi/linux 7136',
    what: 'dma_map_resource() gives the device the CPU\u2019s address of the registers, without the bus offset',
  },
  'slot-not-cleared': {
    source: 'CVE-2022-0854; ddbd89deb7d3, Linux 5.17',
    what: 'a FROM_DEVICE bounce slot keeps what an earlier user left, and hands it over where the device writes less',
  },
  'slot-leaks-on-unmap': {
    source: 'raspberrypi/linux 5019, 3157',
    what: 'bounce slots are not given back, until the pool is full',
  },
  'bounce-without-sync': {
    source: 'raspberrypi/linux 5727',
    what: 'a sync of a bounced mapping copies nothing',
  },
  'coherent-not-cleaned': {
    source: 'arch_dma_prep_coherent() left out',
    what: 'dirty lines of the zeroed pages are written back over a coherent allocation later on',
  },
  'dsb-missing': {
    source: 'arch_sync_dma_flush() left out, Linux 7.1',
    what: 'the batched barrier is never issued, so maintenance may still be under way when the device starts',
  },
} as const satisfies Record<string, QuirkFacts>;

/** Name of a quirk. */
export type Quirk = keyof typeof QUIRKS;

/** Is this the name of a quirk of Linux. */
export function isQuirk(name: string): name is Quirk {
  return Object.hasOwn(QUIRKS, name);
}
