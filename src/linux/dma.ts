/** The words of the Linux DMA API: direction, attributes, device. Source: include/linux/dma-mapping.h, Linux 6.12 and 7.3. */

/** enum dma_data_direction. DMA_NONE (3) never reaches a design. */
export const Direction = { bidirectional: 0, toDevice: 1, fromDevice: 2 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** A direction as reports and JSON name it. */
export const DIRECTION_NAMES = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE'] as const;
export type DirectionName = (typeof DIRECTION_NAMES)[number];

/** DMA_ATTR_* as what they change in the maintenance, not as bits. */
export interface Attributes {
  /** DMA_ATTR_SKIP_CPU_SYNC: no maintenance, and no copy back from a bounce slot. */
  readonly skipCpuSync: boolean;
  /** DMA_ATTR_MMIO (or dma_map_resource): no RAM behind the address. */
  readonly mmio: boolean;
  /** DMA_ATTR_REQUIRE_COHERENT (7.x): the caller wants no maintenance and no bounce. */
  readonly requireCoherent: boolean;
}
export const NO_ATTRIBUTES: Attributes = { skipCpuSync: false, mmio: false, requireCoherent: false };

/** What a design may know of a device. */
export interface Device {
  readonly name: string;
  /** dev_is_dma_coherent(): what the kernel believes. What the hardware does is the judge's business. */
  readonly coherent: boolean;
}
