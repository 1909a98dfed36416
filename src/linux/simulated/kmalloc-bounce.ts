/**
 * dma_kmalloc_needs_bounce(): since 6.5 arm64 has kmalloc() objects smaller than a cache line, which share it with others.
 * Only the size is looked at, not the pointer, so a small part of a page bounces too.
 * Source: include/linux/dma-map-ops.h, Linux 6.12 (CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC, arm64).
 */
import { type Device, Direction } from '../dma.ts';
import { isEarlier, type LinuxPlatform } from './platform.ts';

/** ARCH_DMA_MINALIGN of arm64; objects of twice that and more are aligned. */
const DMA_MINALIGN = 128;
/** Caches of kmalloc() below 256 bytes. */
const KMALLOC_SIZES = [8, 16, 32, 64, 96, 128, 192] as const;

export function kmallocNeedsBounce(
  { architecture, release, cacheAlignment = 64 }: LinuxPlatform,
  device: Device,
  size: number,
  direction: Direction,
): boolean {
  if (architecture !== 'arm64' || isEarlier(release, [6, 5])) return false;
  if (device.coherent || direction === Direction.toDevice || size >= 2 * DMA_MINALIGN) return false;
  const rounded = KMALLOC_SIZES.find((one) => size <= one) ?? 2 * DMA_MINALIGN;
  return rounded % cacheAlignment !== 0;
}
