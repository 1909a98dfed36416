/** Domains and their host: building, dying, features, extended regions. */
import { describe, expect, test } from 'vitest';
import { gfn, mfn } from '../address/index.ts';
import { xenPlatform } from './platform.ts';
import { XEN_QUIRKS } from './quirks.ts';
import {
  ARGUMENTS,
  DOM0_RAM,
  GUEST_MFN,
  GUEST_RAM_GFN,
  HOST_RAM,
  Host,
  NotingHardware,
  struct,
} from './testing.ts';
import { Xen } from './xen.ts';

const ram = (frame: number, machine: number, frames: number) => ({
  gfn: gfn(frame),
  mfn: mfn(machine),
  frames,
});
const range = (from: number, to: number) => ({ from: mfn(from), to: mfn(to) });

describe('building a domain', () => {
  test('a direct-mapped one sees its RAM where it is, others where they are told', () => {
    const { xen } = new Host();
    for (const frame of [DOM0_RAM.from, DOM0_RAM.to - 1])
      expect(xen.translate(0, gfn(frame))?.mfn).toBe(frame);
    expect(xen.translate(0, gfn(DOM0_RAM.to))).toBeUndefined();
    expect(xen.translate(1, gfn(GUEST_RAM_GFN + 3))).toEqual({
      mfn: GUEST_MFN[1] + 3,
      type: 'p2m_ram_rw',
      writable: true,
    });
  });

  test.each([
    ['its number is reserved', { domid: 0x7ff0, ram: [] }, /0x7fef/],
    ['it exists', { domid: 1, ram: [] }, /domain 1 exists/],
    [
      'direct mapped, but not 1:1',
      { domid: 3, directMapped: true, ram: [ram(0x60000, 0x60001, 1)] },
      /direct mapped/,
    ],
    ['no such RAM', { domid: 3, ram: [ram(0x40000, 0x90000, 1)] }, /not in one range/],
    ['RAM of dom0', { domid: 3, ram: [ram(0x40000, DOM0_RAM.to - 1, 2)] }, /overlap those of domain 0/],
    ['a guest frame beyond its p2m', { domid: 3, ram: [ram(2 ** 36, 0x60000, 1)] }, /beyond its p2m/],
    ['a frame of a grant table', { domid: 3, ram: [ram(0x40000, 0x13fffe, 2)] }, /is in use/],
  ])('not where %s', (_name, spec, message) => {
    expect(() => new Host().xen.createDomain(spec)).toThrow(message);
  });

  test('a domain that does not exist is an error of the caller', () => {
    expect(() => new Host().xen.translate(9, gfn(0))).toThrow(/no domain 9/);
  });
});

describe('a domain dies', () => {
  test('its memory is erased before another domain gets it', () => {
    const host = new Host();
    host.xen.destroyDomain(1);
    expect(host.xen.hasDomain(1)).toBe(false);
    host.takeLog();
    host.poke(2, ARGUMENTS, struct(32, [0, 8, ARGUMENTS + 64], [8, 8, 1], [24, 2, 0x7ff0]));
    host.poke(2, (ARGUMENTS + 64) as never, struct(8, [0, 8, 0x60000]));
    expect(host.xen.hypercall(2, 'memory_op', 6, ARGUMENTS)).toBe(1);
    const frame = host.xen.translate(2, gfn(0x60000))?.mfn ?? mfn(0);
    const log = host.takeLog();
    expect(log.slice(0, 2)).toEqual([`owner ${frame.toString(16)}`, `scrub ${frame.toString(16)}`]);
    expect(log).toContain(`cleanInvalidate ${(frame * 4096).toString(16)} 4096`);
  });

  test('a page that others map stays theirs to use until they unmap it', () => {
    const host = new Host();
    host.writeGrant(1, 9, struct(8, [0, 2, 1], [4, 4, GUEST_RAM_GFN + 5]));
    host.grantTableOp(0, 0, struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]));
    host.xen.destroyDomain(1);
    const frame = mfn(GUEST_MFN[1] + 5);
    expect(host.xen.hasDomain(1)).toBe(true);
    expect(host.xen.translate(0, gfn(0x90000))?.mfn).toBe(frame);
    expect(host.xen.frame(frame)).toMatchObject({ owner: 1, count: 1 });
    host.grantTableOp(0, 1, struct(24, [0, 8, 0x90000 * 4096]));
    expect(host.xen.frame(frame)).toMatchObject({ owner: undefined, needScrub: true });
    expect(host.xen.bugs).toEqual([]);
  });

  test('its own mappings end', () => {
    const host = new Host();
    host.writeGrant(1, 9, struct(8, [0, 2, 1], [2, 2, 2], [4, 4, GUEST_RAM_GFN + 5]));
    host.grantTableOp(2, 0, struct(32, [0, 8, 0x90000 * 4096], [8, 4, 2], [12, 4, 9], [16, 2, 1]));
    expect(host.xen.activeGrant(1, 9)?.pins.hstw).toBe(1);
    host.xen.destroyDomain(2);
    expect(host.xen.activeGrant(1, 9)).toBeUndefined();
    expect(host.readGrant(1, 9)[0]).toBe(1);
    expect(host.xen.frame(mfn(GUEST_MFN[1] + 5))?.count).toBe(1);
  });
});

describe('boot modules', () => {
  test('are erased before a domain gets their memory, unless by quirk', () => {
    for (const quirks of [[], ['boot-modules-not-scrubbed']] as const) {
      const hardware = new NotingHardware();
      const modules = range(0x60000, 0x60002);
      const xen = new Xen({
        platform: xenPlatform({ quirks }),
        hardware,
        ram: HOST_RAM,
        bootModules: [modules],
      });
      expect(() => xen.createDomain({ domid: 3, ram: [ram(0x40000, 0x60000, 1)] })).toThrow(/overlap/);
      xen.discardBootModules();
      hardware.log.length = 0;
      // The grant table's frame is the next one that the heap gives out.
      xen.createDomain({ domid: 1, ram: [] });
      const [frame] = xen.grantFrames(1);
      expect(frame).toBe(0x60001);
      expect(hardware.log[0]).toBe('owner 60001');
      expect(hardware.log.indexOf('scrub 60001') < hardware.log.indexOf('barrier')).toBe(quirks.length === 0);
    }
  });
});

describe('features', () => {
  const told = (version: readonly [number, number], domid: number, quirks: 'grant-map-identity'[] = []) => {
    const host = new Host({ platform: xenPlatform({ version, quirks }) });
    // xen_feature_info, 8 bytes: submap_idx u32@0, submap u32@4.
    host.poke(domid, ARGUMENTS, struct(8, [4, 4, 0xffffffff]));
    expect(host.xen.hypercall(domid, 'xen_version', 6, ARGUMENTS)).toBe(0);
    const word = new DataView(host.peek(domid, ARGUMENTS, 8).buffer).getUint32(4, true);
    return [...Array(32).keys()].filter((bit) => Math.floor(word / 2 ** bit) % 2 === 1);
  };
  const [auto_translated_physmap, dom0, grant_map_identity, not_direct_mapped, direct_mapped] = [
    2, 11, 12, 16, 17,
  ];

  test('dom0 is told that it is, and since 4.16 how it is mapped', () => {
    expect(told([4, 20], 0)).toEqual(expect.arrayContaining([auto_translated_physmap, dom0, direct_mapped]));
    expect(told([4, 20], 0)).not.toContain(not_direct_mapped);
    expect(told([4, 15], 0)).not.toContain(direct_mapped);
  });

  test('a guest is not direct mapped', () => {
    expect(told([4, 20], 1)).toEqual(expect.arrayContaining([auto_translated_physmap, not_direct_mapped]));
    for (const bit of [dom0, direct_mapped]) expect(told([4, 20], 1)).not.toContain(bit);
  });

  test('no release has grant_map_identity', () => {
    expect(told([4, 5], 0)).not.toContain(grant_map_identity);
    expect(told([4, 5], 0, ['grant-map-identity'])).toContain(grant_map_identity);
    expect(told([4, 5], 1, ['grant-map-identity'])).not.toContain(grant_map_identity);
  });

  test('there is one submap, one command, and memory has to be accessible', () => {
    const host = new Host();
    host.poke(0, ARGUMENTS, struct(8, [0, 4, 1]));
    expect(host.xen.hypercall(0, 'xen_version', 6, ARGUMENTS)).toBe(-22);
    expect(host.xen.hypercall(0, 'xen_version', 0, ARGUMENTS)).toBe(-38);
    expect(host.xen.hypercall(0, 'xen_version', 6, 0 as never)).toBe(-14);
  });
});

describe('extended regions', () => {
  const regions = (spec: {
    version?: readonly [number, number];
    arch?: 'arm32';
    iommu?: boolean;
    directMapped?: boolean;
  }) => {
    const { iommu = false, directMapped = true, ...platform } = spec;
    const host = new Host({
      platform: xenPlatform(platform),
      mmio: [range(0, 0x1000)],
      dom0: { iommu, directMapped },
    });
    return host.xen.extendedRegions(0);
  };

  test("without an IOMMU: host RAM that is not dom0's", () => {
    expect(regions({})).toEqual([range(0x48000, 0x80000), range(0x100000, 0x140000)]);
  });

  test('with one: holes between RAM and devices', () => {
    expect(regions({ iommu: true })).toEqual([
      range(0x1000, 0x40000),
      range(0x80000, 0x100000),
      range(0x140000, 2 ** 36),
    ]);
  });

  test('none before 4.16, on 32-bit Arm, for a dom0 that is not direct mapped and has no IOMMU, and for guests', () => {
    expect(regions({ version: [4, 15] })).toEqual([]);
    expect(regions({ arch: 'arm32' })).toEqual([]);
    expect(regions({ directMapped: false })).toEqual([]);
    expect(new Host().xen.extendedRegions(1)).toEqual([]);
  });

  test('whole blocks of 2 MiB, at least 64 MiB', () => {
    const hardware = new NotingHardware();
    const xen = new Xen({
      platform: xenPlatform(),
      hardware,
      ram: [range(0x1003, 0x6003), range(0x10000, 0x14000), range(0x20001, 0x24001)],
    });
    xen.createDomain({ domid: 0, hardware: true, directMapped: true, ram: [] });
    expect(xen.extendedRegions(0)).toEqual([range(0x1200, 0x6000), range(0x10000, 0x14000)]);
  });
});

test('cache-flush-range-wraps: a page at the top of the 32-bit address space is given out unflushed', () => {
  for (const quirks of [[], ['cache-flush-range-wraps']] as const) {
    const hardware = new NotingHardware();
    const platform = xenPlatform({ arch: 'arm32', quirks });
    const xen = new Xen({ platform, hardware, ram: [range(0x7fff0, 0x80000)] });
    xen.createDomain({ domid: 1, ram: [] });
    expect(xen.grantFrames(1)).toEqual([0x7ffff]);
    expect(hardware.log.includes('cleanInvalidate 7ffff000 4096')).toBe(quirks.length === 0);
  }
});

test('set/way: an invalidate by a guest discards nothing, unless by quirk', () => {
  for (const quirks of [[], ['set-way-invalidate-discards']] as const) {
    const host = new Host({ platform: xenPlatform({ quirks }) });
    host.xen.guestSetWayInvalidate();
    expect(host.takeLog()).toEqual(quirks.length > 0 ? ['invalidate set/way'] : []);
  }
});

test('every quirk says where it comes from and what it does', () => {
  for (const { source, says, ...versions } of Object.values(XEN_QUIRKS)) {
    expect(source.length).toBeGreaterThan(5);
    expect(says).toMatch(/^[A-Z].*\.$/);
    if ('from' in versions && 'before' in versions)
      expect(versions.from[0] * 100 + versions.from[1]).toBeLessThan(
        versions.before[0] * 100 + versions.before[1],
      );
  }
});
