/**
 * What is compiled of a Linux tree, as data: its files, the headers that are its own, and what a configuration defines.
 * To add a version is to add to these lists what it needs, and to the shims; docs/kernel-source.md says how.
 */
import type { Release } from '../linux/index.ts';

/** The kernel's files, by path in the tree. All are compiled as they are. */
export const SOURCE_FILES = [
  'arch/arm/xen/mm.c',
  'drivers/xen/swiotlb-xen.c',
  'kernel/dma/direct.c',
] as const;

/**
 * Headers that are taken from the tree, by the name under which they are included. Those of asm/ lie in the architecture's
 * own folder. One that a tree does not have is left out. Any other header is a shim's, or empty.
 */
export const OWN_HEADERS = [
  'asm/xen/hypervisor.h',
  'asm/xen/interface.h',
  'asm/xen/page-coherent.h',
  'asm/xen/page.h',
  'asm/xen/swiotlb-xen.h',
  'linux/const.h',
  'linux/dma-direct.h',
  'linux/dma-direction.h',
  'linux/dma-map-ops.h',
  'linux/dma-mapping.h',
  'linux/pci-p2pdma.h',
  'linux/sizes.h',
  'uapi/linux/const.h',
  'vdso/const.h',
  'xen/arm/hypervisor.h',
  'xen/arm/interface.h',
  'xen/arm/page-coherent.h',
  'xen/arm/page.h',
  'xen/arm/swiotlb-xen.h',
  'xen/features.h',
  'xen/interface/features.h',
  'xen/interface/grant_table.h',
  'xen/interface/xen.h',
  'xen/page.h',
  'xen/swiotlb-xen.h',
  'xen/xen.h',
] as const;

/** Headers beside a file that the entry points use, too. */
export const PRIVATE_HEADERS = ['kernel/dma/direct.h'] as const;

/** Where a header of that name lies in the tree. */
export function headerPath(name: string, { folder }: Configuration): string {
  return name.startsWith('asm/') ? `arch/${folder}/include/${name}` : `include/${name}`;
}

/** A kernel as it is configured: it decides the width of `unsigned long` and of an address. */
export interface Configuration {
  readonly name: 'arm64' | 'arm-lpae' | 'arm';
  /** Of arch/. */
  readonly folder: 'arm64' | 'arm';
  /** Target of clang. */
  readonly target: 'wasm64' | 'wasm32';
  readonly defines: readonly string[];
}

const ALWAYS = [
  '__KERNEL__',
  'CONFIG_XEN',
  'CONFIG_XEN_DOM0',
  'CONFIG_XEN_UNPOPULATED_ALLOC',
  'CONFIG_SWIOTLB',
  'CONFIG_SWIOTLB_XEN',
  'CONFIG_HAS_DMA',
  'CONFIG_MMU',
  'CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE',
  'CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU',
  // The hook by which an architecture brings its own phys_to_dma(): here the simulated bus.
  'CONFIG_ARCH_HAS_PHYS_TO_DMA',
] as const;
const WIDE = ['CONFIG_PHYS_ADDR_T_64BIT', 'CONFIG_ARCH_DMA_ADDR_T_64BIT'] as const;

export const CONFIGURATIONS: readonly Configuration[] = [
  {
    name: 'arm64',
    folder: 'arm64',
    target: 'wasm64',
    defines: [...ALWAYS, ...WIDE, 'CONFIG_ARM64', 'CONFIG_64BIT', 'CONFIG_ARCH_HAS_BATCHED_DMA_SYNC'],
  },
  {
    name: 'arm-lpae',
    folder: 'arm',
    target: 'wasm32',
    defines: [...ALWAYS, ...WIDE, 'CONFIG_ARM', 'CONFIG_ARM_LPAE'],
  },
  {
    name: 'arm',
    folder: 'arm',
    target: 'wasm32',
    // Physical addresses have 32 bits, DMA addresses 64: XEN selects them (arch/arm/Kconfig, 6.1).
    defines: [...ALWAYS, 'CONFIG_ARCH_DMA_ADDR_T_64BIT', 'CONFIG_ARM'],
  },
];

/** Something that a version has or has not, told by a header's text: the entry points and shims ask for it by a macro. */
export interface Probe {
  readonly define: string;
  readonly header: string;
  readonly has: RegExp;
}
export const PROBES: readonly Probe[] = [
  // map_page became map_phys.
  { define: 'DMALAB_MAP_PHYS', header: 'include/linux/dma-map-ops.h', has: /\(\*map_phys\)/ },
  { define: 'DMALAB_DIRECT_MAP_PHYS', header: 'kernel/dma/direct.h', has: /\bdma_direct_map_phys\(/ },
  // 7.1: a mapping may leave the barrier to its list.
  { define: 'DMALAB_DIRECT_FLUSHES', header: 'kernel/dma/direct.h', has: /\bbool flush\b/ },
  // 6.9: the entry points of swiotlb look for the pool themselves.
  { define: 'DMALAB_SWIOTLB_FINDS_POOL', header: 'include/linux/swiotlb.h', has: /\bswiotlb_find_pool\(/ },
];

/** 7.1: arch_sync_dma_flush() is the files' own business, whether or not they think of it. */
export const COMPLETES_MAINTENANCE: Omit<Probe, 'define'> = {
  header: 'include/linux/dma-map-ops.h',
  has: /\barch_sync_dma_flush\(/,
};

/** VERSION and PATCHLEVEL of the Makefile at the top; undefined: it is not Linux's. */
export function releaseOf(makefile: string): Release | undefined {
  const value = (name: string) => new RegExp(`^${name} *= *(\\d+)\\s*$`, 'm').exec(makefile)?.[1];
  const [major, minor] = [value('VERSION'), value('PATCHLEVEL')];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}
