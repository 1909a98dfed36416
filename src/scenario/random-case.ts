/** Random cases that are right, for tests: every kind of platform. */
import fc from 'fast-check';
import { Choices } from './choices.ts';
import { randomAgents } from './random-steps.ts';
import type { BufferSpec, Case, DeviceSpec, DomainSpec, PlatformSpec } from './types.ts';

/** Shrinks to few and simple ones. */
export function arbitraryCase(): fc.Arbitrary<Case> {
  return fc
    .array(fc.nat({ max: 2 ** 20 }), { maxLength: 250, size: 'max' })
    .map((tape) => randomCase(new Choices(tape)));
}

const MIB = 2 ** 20;

function randomCase(choose: Choices): Case {
  const platform = randomPlatform(choose);
  const domains = randomDomains(choose, platform);
  const devices = randomDevices(choose);
  const buffers = randomBuffers(choose, domains);
  const agents = randomAgents(choose, { platform, domains, devices, buffers });
  const schedule = choose.maybe(() => choose.list(5, () => choose.of(agents).name));
  return { name: '', platform, domains, devices, buffers, agents, ...(schedule ? { schedule } : {}) };
}

/** Of every series one that runs on all architectures, and the newest. */
const RELEASES = [
  [3, 13],
  [3, 19],
  [4, 20],
  [5, 4],
  [5, 19],
  [6, 0],
  [6, 12],
  [7, 3],
] as const;

function randomPlatform(choose: Choices): PlatformSpec {
  const xen = choose.number(0, 3) > 0 ? ([4, choose.number(4, 23)] as const) : undefined;
  const architecture = choose.of(['arm64', 'arm', 'x86'] as const);
  const cpus = choose.number(1, 5);
  const linux = choose.of(RELEASES);
  const regions = architecture === 'arm64' && linux[0] >= 6 && xen !== undefined && xen[1] >= 16;
  const lineSizes = choose.of([[64], [32], [128], [32, 64], [64, 128]] as const);
  return {
    architecture,
    linux,
    xen,
    lineSizes,
    believedLineSizes: Array.from({ length: choose.number(0, cpus + 1) }, () => choose.of([32, 64, 128])),
    cpus,
    outerCache: choose.flag() && lineSizes.length === 1,
    outerCacheDriver: choose.of(['linux', 'none'] as const),
    smmu: choose.flag(),
    preemption: choose.flag(),
    explicitBarriers: choose.flag(),
    lpae: architecture === 'arm' ? choose.flag() : true,
    pfnValid: choose.of([undefined, 'exact', 'pageblock', 'section', 'always', 'never'] as const),
    foreignPages: regions && choose.flag() ? 'extended-region' : 'balloon',
    p2mEntries: choose.maybe(() => choose.number(1, 9)),
    scrubDomheap: choose.flag(),
    swiotlb: { force: choose.flag(), slots: choose.of([32_768, 128]) },
    cacheFlush: choose.flag(),
    quirks: choose.list(3, () =>
      choose.of(['dsb-missing', 'slot-not-cleared', ...(xen ? ['no-keep-allocated'] : [])]),
    ),
  };
}

function randomDomains(choose: Choices, { xen }: PlatformSpec): DomainSpec[] {
  const names = xen ? ['dom0', ...choose.list(3, (index) => `guest${index}`)] : ['host'];
  // With gaps, or where the parser would put them.
  const usual = choose.flag();
  const driver = choose.of(names);
  return names.map((name, index) => ({
    name,
    directMapped: choose.flag(),
    hardware: name === driver,
    ram: usual
      ? { at: (index === 0 ? 1024 : 1792 + 256 * index) * MIB, size: 256 * MIB }
      : { at: (index + 1) * 8192 * MIB + choose.number(0, 16) * 4096, size: choose.number(128, 256) * MIB },
  }));
}

function randomDevices(choose: Choices): DeviceSpec[] {
  return Array.from({ length: choose.number(1, 4) }, (_, index) => ({
    name: `device${index}`,
    coherent: choose.flag(),
    believedCoherent: choose.flag(),
    maskBits: choose.number(1, 53),
    busOffset: (choose.number(0, 5) - 1) * 2 ** 30,
    behaves: choose.of(['any-time', 'scripted'] as const),
  }));
}

function randomBuffers(choose: Choices, domains: readonly DomainSpec[]): BufferSpec[] {
  return Array.from({ length: choose.number(1, 5) }, (_, index) => {
    const domain = choose.of(domains);
    const contiguous = choose.flag();
    return {
      name: `buffer${index}`,
      domain: domain.name,
      offset: choose.number(0, 4096),
      size: choose.number(1, 20_000),
      // Far enough from each other.
      at: choose.maybe(() => domain.ram.at + (index + 1) * MIB),
      contiguous,
      compound: contiguous && choose.flag(),
      initially: choose.of(['written', 'anything', 'clean', 'anothers'] as const),
    };
  });
}
