/** Sizes and offsets of ring messages (xen/include/public/io/{blkif,netif}.h, 4.20, for arm64). */
import { expect, test } from 'vitest';
import {
  blkif_request,
  blkif_response,
  blkif_segment,
  directSegments,
  indirectBytes,
  indirectGrefs,
  requestBytes,
} from './blkif.ts';
import { netif_rx_request, netif_rx_response, netif_tx_request, netif_tx_response } from './netif.ts';

test('sizes', () => {
  const sizes = [blkif_request, blkif_response, blkif_segment, netif_tx_request, netif_tx_response];
  expect(sizes.map(({ size }) => size)).toEqual([112, 16, 8, 12, 4]);
  expect([netif_rx_request, netif_rx_response].map(({ size }) => size)).toEqual([8, 8]);
});

test('a block request: operation, count, handle, id, sector, then segments from 24 on', () => {
  const segments = [{ gref: 0x01020304, first_sect: 1, last_sect: 7 }];
  const bytes = requestBytes({ operation: 1, handle: 0x1234, id: 0x55, sector_number: 0x66 }, segments);
  const there = { 0: 1, 1: 1, 2: 0x34, 3: 0x12, 8: 0x55, 16: 0x66, 24: 4, 25: 3, 26: 2, 27: 1, 28: 1, 29: 7 };
  const expected = new Uint8Array(112);
  for (const [at, value] of Object.entries(there)) expected[Number(at)] = value;
  expect(bytes).toEqual(expected);
  expect(directSegments(bytes, 1)).toEqual(segments);
});

test('an indirect request: 6, the operation meant, a 16-bit count, handle at 24, references from 28 on', () => {
  const bytes = indirectBytes(
    { indirect_op: 1, nr_segments: 300, id: 5, sector_number: 6, handle: 7 },
    [8, 9],
  );
  const there = { 0: 6, 1: 1, 2: 44, 3: 1, 8: 5, 16: 6, 24: 7, 28: 8, 32: 9 };
  const expected = new Uint8Array(112);
  for (const [at, value] of Object.entries(there)) expected[Number(at)] = value;
  expect(bytes).toEqual(expected);
  expect(indirectGrefs(bytes, 2)).toEqual([8, 9]);
});

test('network messages', () => {
  expect([...netif_tx_request.write({ gref: 1, offset: 2, flags: 4, id: 5, size: 0x600 })]).toEqual([
    1, 0, 0, 0, 2, 0, 4, 0, 5, 0, 0, 6,
  ]);
  expect([...netif_rx_request.write({ id: 5, gref: 9 })]).toEqual([5, 0, 0, 0, 9, 0, 0, 0]);
  expect([...netif_rx_response.write({ id: 5, offset: 1, flags: 4, status: -1 })]).toEqual([
    5, 0, 1, 0, 4, 0, 255, 255,
  ]);
});
