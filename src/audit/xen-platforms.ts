/**
 * What Xen does with nodes of a device tree when it makes dom0's: data.
 *
 * Source: Xen 4.17, xen/arch/arm/domain_build.c (handle_node), xen/arch/arm/platforms/*.c (blacklist_dev),
 * xen/drivers/passthrough/arm/*.c and its Kconfig.
 */

/** A driver for IOMMUs in Xen. */
export interface XenIommuDriver {
  readonly name: string;
  readonly compatible: readonly string[];
  /** Part of Xen as it is usually built; the others must be switched on (ARM_SMMU_V3 is for experts only). */
  readonly built: boolean;
}

export const XEN_IOMMU_DRIVERS: readonly XenIommuDriver[] = [
  {
    name: 'SMMUv1/v2',
    compatible: ['arm,smmu-v1', 'arm,smmu-v2', 'arm,mmu-400', 'arm,mmu-401', 'arm,mmu-500'],
    built: true,
  },
  { name: 'SMMUv3', compatible: ['arm,smmu-v3'], built: false },
  {
    name: 'IPMMU-VMSA',
    compatible: [
      'renesas,ipmmu-r8a7795',
      'renesas,ipmmu-r8a77965',
      'renesas,ipmmu-r8a7796',
      'renesas,ipmmu-r8a77961',
      'renesas,ipmmu-r8a779f0',
    ],
    built: false,
  },
];

/** Nodes that dom0 is not given on any board, and why. Their children neither. */
export const HIDDEN_EVERYWHERE: readonly (readonly [compatible: string, why: string])[] = [
  ['arm,cortex-a7-pmu', 'the performance counters are per CPU'],
  ['arm,cortex-a15-pmu', 'the performance counters are per CPU'],
  ['arm,armv8-pmuv3', 'the performance counters are per CPU'],
  ['arm,cortex-a53-edac', 'it belongs to physical CPUs'],
  ['arm,armv7-timer-mem', 'the memory-mapped timer is not supported'],
];

/** What boards of a kind hide besides. */
export interface XenPlatform {
  readonly name: string;
  /** Any of these in the root's `compatible`. */
  readonly boards: readonly string[];
  readonly hidden: readonly string[];
  /** dom0's first bank of memory lies below 2^this (dma_bitsize). */
  readonly dmaBits: number;
}

export const XEN_PLATFORMS: readonly XenPlatform[] = [
  {
    name: 'Raspberry Pi 4',
    boards: ['brcm,bcm2711'],
    hidden: ['brcm,bcm2835-aux-spi', 'brcm,bcm2835-aux', 'brcm,bcm2835-pm'],
    dmaBits: 30,
  },
  { name: 'ThunderX', boards: ['cavium,thunder-88xx'], hidden: ['cavium,smmu-v2'], dmaBits: 32 },
  {
    name: 'Versatile Express',
    boards: ['arm,vexpress'],
    hidden: [
      'arm,cci-400',
      'arm,cci-400-pmu',
      'arm,hdlcd',
      'arm,vexpress-reset',
      'arm,vexpress-reboot',
      'arm,vexpress-shutdown',
    ],
    dmaBits: 32,
  },
  {
    name: 'Allwinner',
    boards: [
      'allwinner,sun6i-a31',
      'allwinner,sun6i-a31s',
      'allwinner,sun7i-a20',
      'allwinner,sun8i-a23',
      'allwinner,sun8i-a33',
      'allwinner,sun8i-h2-plus',
      'allwinner,sun8i-h3',
      'allwinner,sun50i-a64',
      'allwinner,sun50i-h5',
      'allwinner,sun50i-h6',
    ],
    hidden: ['snps,dw-apb-uart'],
    dmaBits: 32,
  },
  {
    name: 'Exynos 5',
    boards: ['samsung,exynos5250', 'samsung,exynos5410'],
    hidden: ['samsung,exynos4210-mct', 'samsung,secure-firmware'],
    dmaBits: 32,
  },
];
