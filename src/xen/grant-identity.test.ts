/** Entries at gfn == mfn beside a mapping, and what goes wrong with grants by quirk. */
import { describe, expect, test } from 'vitest';
import { gfn, physAddr } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { ARGUMENTS, GUEST_MFN, Host, type HostOptions } from './testing.ts';
import { entry, flagsOf, granting, map, mapped, P, PAGE, STATUS, unmap, unmapped } from './testing-grants.ts';

const UNMAP = 1;
const [HOST, READONLY] = [2, 4];
const [PERMIT, READING, WRITING] = [1, 8, 16];

describe('the IOMMU of a direct-mapped domain', () => {
  const withIommu = (extra: HostOptions = {}) => granting(PERMIT, { ...extra, dom0: { iommu: true } });
  const identity = (host: Host) => host.xen.translate(0, gfn(PAGE));

  test('gets the frame at gfn == mfn too, as long as any mapping lasts', () => {
    const host = withIommu();
    const reader = mapped(host, map({ flags: HOST + READONLY })).handle;
    expect(identity(host)).toEqual({ mfn: PAGE, type: 'p2m_iommu_map_ro', writable: false });
    const writer = mapped(host, map({ at: (P + 1) * 4096 })).handle;
    expect(identity(host)).toMatchObject({ type: 'p2m_iommu_map_rw' });
    unmapped(host, unmap(writer, (P + 1) * 4096));
    expect(identity(host)).toMatchObject({ type: 'p2m_iommu_map_ro' });
    unmapped(host, unmap(reader));
    expect(identity(host)).toBeUndefined();
    expect(host.xen.bugs).toEqual([]);
  });

  test('not without an IOMMU, and not for a domain that is not direct mapped', () => {
    const plain = granting();
    mapped(plain);
    expect(identity(plain)).toBeUndefined();
    const indirect = granting(PERMIT, { dom0: { iommu: true, directMapped: false } });
    mapped(indirect);
    expect(identity(indirect)).toBeUndefined();
  });

  const ownPage = 0x40200;
  const selfMap = (host: Host) => {
    host.writeGrant(0, 20, entry(PERMIT, 0, ownPage));
    const { handle, status } = mapped(host, map({ dom: 0, ref: 20 }));
    expect(status).toBe(STATUS.okay);
    return handle;
  };

  test("not for one's own pages; by quirk unmapping such a grant removes the page's own entry", () => {
    for (const quirks of [[], ['self-unmap-drops-iommu-entry']] as const) {
      const host = withIommu({ platform: xenPlatform({ quirks }) });
      const handle = selfMap(host);
      expect(unmapped(host, unmap(handle))).toBe(STATUS.okay);
      expect(host.xen.translate(0, gfn(ownPage))?.mfn).toBe(quirks.length > 0 ? undefined : ownPage);
    }
  });

  test('an unmap that leaves the mapping counts for nothing; by quirk it counts, and the entry goes early', () => {
    for (const quirks of [[], ['partial-unmap-underflows-pin']] as const) {
      const host = withIommu({ platform: xenPlatform({ quirks }) });
      const { handle } = mapped(host);
      unmapped(host, unmap(handle, 0));
      expect(identity(host)?.mfn).toBe(quirks.length > 0 ? undefined : PAGE);
      unmapped(host, unmap(handle));
      expect(host.xen.bugs).toHaveLength(quirks.length);
    }
  });
});

describe('quirks', () => {
  test('map-failure-status-positive: a refused map says 1', () => {
    const host = granting(0, { platform: xenPlatform({ quirks: ['map-failure-status-positive'] }) });
    expect(mapped(host).status).toBe(1);
    expect(host.xen.translate(0, gfn(P))).toBeUndefined();
    expect(mapped(host, map({ dom: 99 })).status).toBe(STATUS.bad_domain);
  });

  test('grant-map-identity: the frame appears at gfn == mfn, unless the guest cannot form the address', () => {
    const platform = xenPlatform({ quirks: ['grant-map-identity'] });
    const host = granting(PERMIT, { platform });
    const { handle } = mapped(host);
    expect(host.xen.translate(0, gfn(PAGE))).toMatchObject({ mfn: PAGE, writable: true });
    unmapped(host, unmap(handle));
    expect(host.xen.translate(0, gfn(PAGE))).toBeUndefined();

    const high = GUEST_MFN[2] + 5;
    for (const [addressBits, found] of [
      [32, undefined],
      [40, high],
    ] as const) {
      const lpae = new Host({ platform, dom0: { addressBits } });
      lpae.writeGrant(2, 9, entry(PERMIT));
      mapped(lpae, map({ dom: 2 }));
      expect(lpae.xen.translate(0, gfn(high))?.mfn).toBe(found);
    }
  });

  test('free-while-access-remains: of two concurrent unmaps the first reports free while a TLB has the second’s page', () => {
    for (const broken of [true, false]) {
      const quirks = broken ? (['free-while-access-remains'] as const) : [];
      const host = granting(PERMIT, { platform: xenPlatform({ quirks }) });
      const handles = [mapped(host).handle, mapped(host, map({ at: (P + 1) * 4096 })).handle];
      const calls = handles.map((handle, i) => {
        const at = physAddr(ARGUMENTS + 4096 * i);
        host.poke(0, at, unmap(handle, (P + i) * 4096));
        return host.xen.hypercallSteps(0, 'grant_table_op', UNMAP, at);
      });
      const [first, second] = calls;
      // First: entry gone, TLBs flushed. Then second: entry gone. Then first reports.
      expect(first?.next().value).toEqual({ at: 'tlb-flush-pending' });
      expect(first?.next().value).toEqual({ at: 'unpin-pending' });
      expect(second?.next().value).toEqual({ at: 'tlb-flush-pending' });
      expect(first?.next().done).toBe(true);
      expect(host.xen.staleTranslations(0, gfn(P + 1))).toHaveLength(1);
      expect(flagsOf(host)).toBe(broken ? PERMIT : PERMIT + READING + WRITING);
      for (const _ of second ?? []);
      expect(flagsOf(host)).toBe(PERMIT);
      expect(host.xen.bugs).toEqual([]);
    }
  });
});
