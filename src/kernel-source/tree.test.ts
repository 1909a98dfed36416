import { expect, it } from 'vitest';
import { configurationOf } from './design.ts';
import { CONFIGURATIONS, headerPath, releaseOf } from './tree.ts';

it('reads the release from the Makefile at the top', () => {
  expect(releaseOf('# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 107\n')).toEqual([6, 12]);
});

it.each(['', 'VERSION = 6\n', 'VERSION = six\nPATCHLEVEL = 1\n', 'XVERSION = 6\nPATCHLEVEL = 1\n'])(
  'finds no release in %j',
  (makefile) => {
    expect(releaseOf(makefile)).toBeUndefined();
  },
);

it('finds headers of asm/ in the architecture\u2019s folder', () => {
  const paths = CONFIGURATIONS.map((one) => [
    headerPath('asm/xen/page.h', one),
    headerPath('xen/page.h', one),
  ]);
  expect(new Set(paths.flat())).toEqual(
    new Set(['arch/arm64/include/asm/xen/page.h', 'arch/arm/include/asm/xen/page.h', 'include/xen/page.h']),
  );
});

it('tells configurations by architecture and by the width of an address', () => {
  expect(configurationOf({ architecture: 'arm64', physBits: 64 })).toBe('arm64');
  expect(configurationOf({ architecture: 'arm', physBits: 64 })).toBe('arm-lpae');
  expect(configurationOf({ architecture: 'arm', physBits: 32 })).toBe('arm');
  expect(() => configurationOf({ architecture: 'x86', physBits: 64 })).toThrow('runs on arm and arm64');
});
