import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteTable, hashOf } from './byte-table.ts';
import { bytesOf } from './bytes.ts';

test('each key gets one number, in the order in which they came', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 }), { maxLength: 600 }), (keys) => {
      const table = new ByteTable();
      const numbers = new Map<string, number>();
      for (const key of keys) {
        const bytes = bytesOf(`>${key}<`);
        const hash = hashOf(bytes, 1, bytes.length - 1);
        const found = table.find(bytes, 1, bytes.length - 1, hash);
        expect(found).toBe(numbers.get(key) ?? -1);
        if (found < 0) numbers.set(key, table.add(bytes, 1, bytes.length - 1, hash));
      }
      expect([...numbers.values()]).toEqual([...numbers.keys()].map((_, index) => index));
    }),
  );
});

test('names of boards, which differ in an address at their front or a number at their end, rarely collide', () => {
  const names = [];
  for (let i = 0; i < 4096; i++) {
    names.push(
      `${(0xa000000 + i * 0x200).toString(16)}.virtio_mmio`,
      `fe2b0000.dma-controller:${i}`,
      `0000:00:${i.toString(16)}.0`,
    );
  }
  const hashes = new Set(names.map((name) => hashOf(bytesOf(name), 0, name.length)));
  expect(hashes.size).toBeGreaterThan(names.length * 0.99);
});
