import { describe, expect, test } from 'vitest';
import { gfn, mfn, PAGE_SIZE, type Pfn, pfn, pfnOf, physAddr } from '../../address/index.ts';
import { AT_ONCE } from '../../machine/index.ts';
import { GIB, interrupted, testHost } from '../testing.ts';
import { allocateForeignPages, mapGrants, unmapGrants } from './foreign-pages.ts';
import { bareMetal, xenStage2 } from './stage2.ts';

test('on bare metal RAM is where it is, and nothing is anywhere else', () => {
  const stage2 = bareMetal([[physAddr(GIB), physAddr(GIB + 2 * PAGE_SIZE)]]);
  const first = GIB / PAGE_SIZE;
  const frames = [first - 1, first, first + 1, first + 2].map(pfn);
  expect(frames.map((frame) => stage2.translate(frame)?.frame)).toEqual([
    undefined,
    first,
    first + 1,
    undefined,
  ]);
  expect(frames.map((frame) => stage2.pfnOf?.(mfn(frame)))).toEqual([undefined, first, first + 1, undefined]);
});

describe('under Xen', () => {
  const guestPage = pfnOf(physAddr(GIB));
  const guestFrame = mfn((3 * GIB) / PAGE_SIZE);

  test('a domain sees its RAM where Xen put it', () => {
    const { xen } = testHost();
    const ram = [{ gfn: gfn(guestPage), mfn: guestFrame, frames: 4096 }];
    const stage2 = xenStage2(xen, 1, ram);
    expect(stage2.translate(pfn(guestPage + 7))).toEqual({ frame: guestFrame + 7, writable: true });
    expect(stage2.pfnOf?.(mfn(guestFrame + 7))).toBe(guestPage + 7);
    expect(stage2.pfnOf?.(mfn(guestFrame - 1))).toBeUndefined();
    expect(xenStage2(xen, 1).pfnOf?.(mfn(guestFrame + 7))).toBeUndefined();
  });

  test('a page that is unmapped and still in a TLB is still reached', () => {
    const reached: (number | undefined)[] = [];
    let look: (() => number | undefined) | undefined;
    // Before the TLB flush of the unmap hypercall, and after it.
    const observe = (before: number) => interrupted(before, () => void reached.push(look?.()));
    for (const before of [1, 2]) {
      let scheduler = AT_ONCE;
      const host = testHost({ scheduler: { atomic: (...args) => scheduler.atomic(...args) } });
      const at = allocateForeignPages(host.dom0, 1) as Pfn;
      const ref = host.grants.grant(0, guestPage, false) as number;
      const [mapped] = mapGrants(host.dom0, {}, [{ at, domain: 1, ref, readonly: false }]);
      look = () => host.dom0.world.stage2.translate(at)?.frame;
      scheduler = observe(before);
      unmapGrants(host.dom0, {}, [{ at, frame: guestFrame, handle: mapped?.handle ?? -1 }]);
    }
    expect(reached).toEqual([guestFrame, undefined]);
  });
});
