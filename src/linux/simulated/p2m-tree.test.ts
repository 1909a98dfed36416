import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Mfn, mfn, type Pfn, pfn } from '../../address/index.ts';
import { findFrom, type P2mNode, P2mTree } from './p2m-tree.ts';

function frames(node: P2mNode | undefined): [Pfn, Mfn][] {
  return node ? [...frames(node.left), [node.pfn, node.frame], ...frames(node.right)] : [];
}
function depth(node: P2mNode | undefined): number {
  return node ? 1 + Math.max(depth(node.left), depth(node.right)) : 0;
}

describe('the p2m tree', () => {
  test('is a sorted map, and balanced, whatever comes and goes', () => {
    const step = fc.record({ at: fc.integer({ min: 0, max: 60 }), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const tree = new P2mTree();
        const model = new Map<number, number>();
        for (const [i, { at, remove }] of steps.entries()) {
          const { node } = findFrom(tree.root, pfn(at));
          expect(node?.frame).toBe(model.get(at));
          if (remove) {
            if (node) tree.remove(node);
            model.delete(at);
          } else {
            expect(tree.insert(pfn(at), mfn(i))).toBe(!model.has(at));
            if (!model.has(at)) model.set(at, i);
          }
          expect(frames(tree.root)).toEqual([...model].sort(([a], [b]) => a - b));
          expect(tree.size).toBe(model.size);
          expect(depth(tree.root)).toBeLessThanOrEqual(2 * Math.log2(model.size + 1) + 1);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('walked from an old root misses what was rotated above it', () => {
    const tree = new P2mTree();
    tree.insert(pfn(1), mfn(11));
    tree.insert(pfn(2), mfn(12));
    const old = tree.root;
    tree.insert(pfn(3), mfn(13));
    expect([1, 2, 3].map((at) => findFrom(tree.root, pfn(at)).node?.frame)).toEqual([11, 12, 13]);
    expect([1, 2, 3].map((at) => findFrom(old, pfn(at)).node?.frame)).toEqual([11, undefined, undefined]);
  });

  test('walked from a root that is gone is a use after free', () => {
    const tree = new P2mTree();
    tree.insert(pfn(1), mfn(11));
    const old = tree.root as P2mNode;
    tree.remove(old);
    expect(findFrom(old, pfn(1))).toEqual({ node: undefined, usedFreed: true });
  });
});
