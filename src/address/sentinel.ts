/**
 * The all-ones values of the ABI as named sentinels.
 *
 * All-ones in 64 bits is not a number below 2^53, and no address: it means "none" in three places.
 * Each is -1 here, so that arithmetic on it shows at once (checkAddress refuses negative numbers).
 */
import type { DmaAddr, Mfn, PhysAddr } from './kinds.ts';

/** DMA_MAPPING_ERROR, ~(dma_addr_t)0 (include/linux/dma-mapping.h): the mapping failed. */
export const DMA_MAPPING_ERROR = -1 as DmaAddr;
/** (phys_addr_t)DMA_MAPPING_ERROR from swiotlb_tbl_map_single: the pool is full. */
export const NO_SLOT = -1 as PhysAddr;
/** INVALID_P2M_ENTRY, ~0UL (include/xen/arm/page.h): the foreign mapping of a pfn is removed. */
export const INVALID_P2M_ENTRY = -1 as Mfn;
