import { describe, expect, test } from 'vitest';
import { dmaAddr, mfn, pfn, physAddr } from '../../address/index.ts';
import { testWorld } from '../testing.ts';
import { SimulatedKernel } from './kernel.ts';

describe('a table of a design', () => {
  test('keeps values under a key, oldest first, and removes one at a time', () => {
    const { pagesOfFrame } = new SimulatedKernel(testWorld()).tables;
    for (const page of [7, 8, 7]) pagesOfFrame.insert(mfn(1), pfn(page));
    pagesOfFrame.insert(mfn(2), pfn(9));
    pagesOfFrame.remove(mfn(1), pfn(7));
    pagesOfFrame.remove(mfn(1), pfn(77));
    expect(pagesOfFrame.find(mfn(1))).toEqual([8, 7]);
    expect([pagesOfFrame.find(mfn(2)), pagesOfFrame.find(mfn(3))]).toEqual([[9], []]);
  });

  test('knows equal aliases by what they are', () => {
    const { aliasOfMapping } = new SimulatedKernel(testWorld()).tables;
    const alias = () => ({ mapping: 'linear', phys: physAddr(0x1000) }) as const;
    aliasOfMapping.insert(dmaAddr(5), alias());
    aliasOfMapping.remove(dmaAddr(5), { ...alias(), mapping: 'scratch' });
    expect(aliasOfMapping.find(dmaAddr(5))).toEqual([alias()]);
    aliasOfMapping.remove(dmaAddr(5), alias());
    expect(aliasOfMapping.find(dmaAddr(5))).toEqual([]);
  });

  test('an answer stays as it was given', () => {
    const { pagesOfFrame } = new SimulatedKernel(testWorld()).tables;
    pagesOfFrame.insert(mfn(1), pfn(7));
    const before = pagesOfFrame.find(mfn(1));
    pagesOfFrame.insert(mfn(1), pfn(8));
    expect(before).toEqual([7]);
  });

  test('is one cell a key, of each kernel its own', () => {
    const world = testWorld();
    const { machineToPhys } = new SimulatedKernel(world).tables;
    machineToPhys.insert(mfn(1), pfn(7));
    machineToPhys.find(mfn(2));
    expect(world.touched).toEqual([
      { cell: 'table:dom0:mach_to_phys:1', write: true },
      { cell: 'table:dom0:mach_to_phys:2', write: false },
    ]);
  });
});

describe('a lock', () => {
  test('is held by one at a time, whatever CPU', () => {
    const kernel = new SimulatedKernel(testWorld());
    kernel.lock('a');
    kernel.lock('b');
    expect(() => kernel.onCpu(1).lock('a')).toThrow('deadlock: lock a');
    kernel.unlock('a');
    kernel.onCpu(1).lock('a');
  });

  test('is not given back twice', () => {
    const kernel = new SimulatedKernel(testWorld());
    expect(() => kernel.unlock('a')).toThrow('a is not locked');
  });
});
