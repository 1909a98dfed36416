import { describe, expect, test } from 'vitest';
import { readEvent, refusal } from './testing.ts';

const map = (dma: string, size = '1', phys = '1') =>
  `dma_map_page: d dir=TO_DEVICE dma_addr=${dma} size=${size} phys_addr=${phys} attrs=`;
const mapSg = (dma: string, sizes: string, phys: string) =>
  `dma_map_sg: d dir=TO_DEVICE dma_addrs={${dma}} sizes={${sizes}} phys_addrs={${phys}} attrs=`;
const ALL_ONES = 'ffffffffffffffff';

describe('what no machine does is refused, though every number can be read', () => {
  test.each([
    ['dma_addr 0x1fffffffffffff', map('1fffffffffffff')],
    ['phys_addr 0x1fffffffffffff', map('1', '1', '1fffffffffffff')],
    ['dma_addrs 0x1fffffffffffff', mapSg('0x1,0x1fffffffffffff', '0x1,0x1', '0x1,0x1')],
    ['phys_addrs 0x1fffffffffffff', mapSg('0x1', '0x1', '0x1fffffffffffff')],
    ['phys_addr 0x1fffffffffffff', 'arch_sync_for_cpu: (x) paddr=0x1fffffffffffff size=1 dir=1'],
    ['bus 0x1ffffffffff000', 'cflush: (x) bus=0x1ffffffffff000 off=0 len=4096 op=0x1'],
    ['slot 0x1fffffffffffff', 'swiotlb_map_ret: (x) slot=0x1fffffffffffff'],
    ['pfn 0x1ffffffffff', 'p2m: (x) pfn=0x1ffffffffff mfn=0x1 nr=1'],
    ['mfn 0x1ffffffffff', 'p2m: (x) pfn=0x1 mfn=0x1ffffffffff nr=1'],
  ])('a range that reaches past 2^53: %s', (found, text) => {
    expect(refusal(text)).toMatch(
      new RegExp(`^found ${found} with 0x\\d+ behind it, expected .* below 2\\^53$`),
    );
  });

  test.each([
    ['size 4294967297', map('1', '4294967297')],
    ['size 9007199254740991', 'dma_unmap_page: d dir=TO_DEVICE dma_addr=1 size=9007199254740991 attrs='],
    ['nr 1048577', 'p2m: (x) pfn=0x1 mfn=0x1 nr=1048577'],
  ])('more than 4 GiB at once: %s', (found, text) => {
    expect(refusal(text)).toMatch(new RegExp(`^found ${found}, expected at most \\d+$`));
  });

  test.each([
    `dma_unmap_page: d dir=TO_DEVICE dma_addr=${ALL_ONES} size=1 attrs=`,
    `dma_sync_single_for_cpu: d dir=TO_DEVICE dma_addr=${ALL_ONES} size=1`,
    mapSg(`0x1,0x${ALL_ONES}`, '0x1,0x1', '0x1,0x1'),
  ])('DMA_MAPPING_ERROR where something was mapped: %s', (text) => {
    expect(refusal(text)).toContain('DMA_MAPPING_ERROR');
  });
});

test('what reaches to the bounds is read', () => {
  expect(readEvent(map('1ffffffffffffe'))).toMatchObject({ dmaAddr: 2 ** 53 - 2, size: 1 });
  expect(readEvent(map('1', '4294967296')).size).toBe(2 ** 32);
  expect(readEvent('p2m: (x) pfn=0x1 mfn=0x1 nr=1048576').count).toBe(2 ** 20);
});
