import { describe, expect, test } from 'vitest';
import { pfn, physAddr } from '../../address/index.ts';
import { DOM0, MIB } from '../testing.ts';
import { pfnValidGranularity, SECTION, StructPages } from './pfn-valid.ts';
import type { LinuxPlatform } from './platform.ts';

/** RAM: 64 MiB in the middle of a section; an extended region of one page elsewhere. */
const PLATFORM: LinuxPlatform = {
  ...DOM0,
  ram: [[physAddr(1024 * MIB + 32 * MIB), physAddr(1024 * MIB + 96 * MIB)]],
  structPagesToo: [[physAddr(2048 * MIB + 4096), physAddr(2048 * MIB + 8192)]],
};
const at = (bytes: number) => pfn(bytes / 4096);
const BEFORE = at(1024 * MIB);
const INSIDE = at(1024 * MIB + 32 * MIB);
const AFTER = at(1024 * MIB + SECTION - 4096);
const NEXT = at(1024 * MIB + SECTION);

describe('struct pages', () => {
  test('are there for whole sections on arm64 since 5.14, but the linear map is not', () => {
    const pages = new StructPages(PLATFORM);
    expect([BEFORE, INSIDE, AFTER, NEXT].map((frame) => pages.isValid(frame))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect([BEFORE, INSIDE, AFTER].map((frame) => pages.isMapped(frame))).toEqual([false, true, false]);
    expect([BEFORE, INSIDE, AFTER].map((frame) => pages.isRam(frame))).toEqual([false, true, false]);
  });

  test('are there for RAM exactly where pfn_valid() is exact', () => {
    const pages = new StructPages({ ...PLATFORM, pfnValid: 'exact' });
    expect([BEFORE, INSIDE, AFTER].map((frame) => pages.isValid(frame))).toEqual([false, true, false]);
  });

  test('are there for whole pageblocks of 4 MiB on 32-bit Arm since 5.14', () => {
    const ram = [[physAddr(33 * MIB), physAddr(34 * MIB)]] as const;
    const pages = new StructPages({ ...PLATFORM, architecture: 'arm', ram });
    const frames = [at(32 * MIB - 4096), at(32 * MIB), at(36 * MIB - 4096), at(36 * MIB)];
    expect(frames.map((frame) => pages.isValid(frame))).toEqual([false, true, true, false]);
  });

  test('are there for the 2 MiB around an extended region, which is mapped and no RAM', () => {
    const pages = new StructPages({ ...PLATFORM, pfnValid: 'exact' });
    const region = at(2048 * MIB + 4096);
    expect([pages.isValid(region), pages.isMapped(region), pages.isRam(region)]).toEqual([true, true, false]);
    expect([at(2048 * MIB), at(2050 * MIB)].map((frame) => pages.isValid(frame))).toEqual([true, false]);
  });

  test.each([
    ['arm64', [5, 13], 'exact'],
    ['arm64', [5, 14], 'section'],
    ['arm', [5, 13], 'exact'],
    ['arm', [7, 3], 'pageblock'],
    ['x86', [3, 13], 'section'],
  ] as const)('of %s %s are %s', (architecture, release, expected) => {
    expect(pfnValidGranularity({ ...DOM0, architecture, release })).toBe(expected);
  });
});
