/** Platform, domains and devices of a case, with every default filled in. */
import type { DeviceTree } from '../devicetree/index.ts';
import { FIRST_ON_ARM64 } from '../linux/index.ts';
import { FIRST_ON_ARM, XEN_QUIRKS } from '../xen/index.ts';
import { deviceFactsOfBoard, platformFacts } from './board.ts';
import { overlap, placeRam, reserved } from './places.ts';
import { hex, type Report } from './report.ts';
import type { ScenarioFile } from './schema.ts';
import type { BufferSpec, DeviceSpec, DomainSpec, PlatformSpec } from './types.ts';
import { isAtMost, type Version } from './values.ts';

/** First release of Xen with GNTTABOP_cache_flush. */
const CACHE_FLUSH_SINCE = [4, 5] as const;
/** First releases with extended regions, and with a Linux that uses them on Arm. */
const REGIONS_SINCE = { xen: [4, 16], linux: [5, 17] } as const;
/** The quirk with which CPUs must be told apart. */
const LOCAL = 'maintenance-on-local-cpu-only';

export function platformOf(
  { platform = {}, agents = {} }: Pick<ScenarioFile, 'platform' | 'agents'>,
  tree: DeviceTree | undefined,
  report: Report,
): PlatformSpec {
  const board = platformFacts(tree);
  const architecture = platform.architecture ?? board.architecture ?? 'arm64';
  const outerCache = platform.outerCache ?? board.outerCache ?? false;
  const xen = platform.xen === 'none' ? undefined : platform.xen;
  checkReleases(architecture, platform, report);
  const lineSizes =
    typeof platform.lineSize === 'object' ? platform.lineSize : ([platform.lineSize ?? 64] as const);
  const believed = platform.believedLineSizes ?? [];
  const cpus =
    platform.cpus ?? Math.max(believed.length, ...Object.values(agents).map(({ cpu = 0 }) => cpu + 1), 1);
  if (believed.length > cpus)
    report(
      ['platform', 'believedLineSizes'],
      `found ${believed.length} line sizes, expected at most one a core: there are ${cpus}`,
    );
  for (const [name, { cpu = 0 }] of Object.entries(agents))
    if (cpu >= cpus) report(['agents', name, 'cpu'], `found ${cpu}, expected a core from 0 to ${cpus - 1}`);
  checkModel(lineSizes, outerCache, (platform.quirks ?? []).includes(LOCAL), cpus, report);
  if (platform.lpae === false && architecture !== 'arm')
    report(['platform', 'lpae'], `found false, expected true: ${architecture} has 64-bit addresses`);
  for (const [index, quirk] of (platform.quirks ?? []).entries())
    if (!xen && Object.hasOwn(XEN_QUIRKS, quirk))
      report(['platform', 'quirks', index], `found ${quirk}, a bug of Xen, expected a platform with Xen`);
  if (platform.foreignPages === 'extended-region') {
    const has = (found: Version, first: Version, what: string) => {
      if (!isAtMost(first, found))
        report(
          ['platform', 'foreignPages'],
          `found extended-region with ${what} ${found.join('.')}, expected ${first.join('.')} or later`,
        );
    };
    if (architecture !== 'arm64' || xen === undefined)
      report(['platform', 'foreignPages'], 'found extended-region, expected a platform with Xen on arm64');
    else {
      has(xen, REGIONS_SINCE.xen, 'Xen');
      has(platform.linux ?? [6, 12], REGIONS_SINCE.linux, 'Linux');
    }
  }
  const hasFlush = xen !== undefined && architecture !== 'x86' && isAtMost(CACHE_FLUSH_SINCE, xen);
  return {
    architecture,
    linux: platform.linux ?? [6, 12],
    xen,
    lineSizes,
    believedLineSizes: believed,
    cpus,
    outerCache,
    outerCacheDriver: platform.outerCacheDriver ?? 'linux',
    smmu: platform.smmu ?? false,
    preemption: platform.preemption ?? true,
    explicitBarriers: platform.explicitBarriers ?? false,
    lpae: platform.lpae ?? true,
    pfnValid: platform.pfnValid,
    foreignPages: platform.foreignPages ?? 'balloon',
    p2mEntries: platform.p2mEntries,
    scrubDomheap: platform.scrubDomheap ?? false,
    swiotlb: { force: platform.swiotlb?.force ?? false, slots: platform.swiotlb?.slots ?? 32_768 },
    cacheFlush: platform.cacheFlush ?? hasFlush,
    quirks: platform.quirks ?? [],
  };
}

/** dom0 or the host first. */
export function domainsOf(
  file: Pick<ScenarioFile, 'domains'>,
  platform: PlatformSpec,
  report: Report,
): DomainSpec[] {
  const own = platform.xen ? 'dom0' : 'host';
  const given = file.domains ?? {};
  if (!platform.xen)
    for (const name of Object.keys(given).filter((name) => name !== own))
      report(
        ['domains', name],
        `found the domain ${JSON.stringify(name)}, expected only host: there is no hypervisor (platform: xen: 4.20)`,
        'key',
      );
  const names = [own, ...Object.keys(given).filter((name) => name !== own)];
  const drivers = names.filter((name) => given[name]?.hardware ?? name === own);
  if (drivers.length !== 1)
    report(
      ['domains', drivers[1] ?? own, 'hardware'],
      `found ${drivers.length === 0 ? 'no domain' : drivers.join(' and ')} with hardware: true, expected one`,
    );
  const rams = placeRam(names.map((name) => given[name]?.ram));
  for (const [index, ram] of rams.entries()) {
    const other = rams.findIndex((one, i) => i < index && overlap(one, ram));
    if (other >= 0)
      report(
        ['domains', names[index] ?? '', 'ram'],
        `found RAM of ${names[index]} from ${hex(ram.at)} to ${hex(ram.at + ram.size)}, expected none of ${names[other]}\u2019s in it`,
      );
    const least = reserved(platform);
    if (ram.size < least)
      report(
        ['domains', names[index] ?? '', 'ram'],
        `found ${ram.size} bytes of RAM for ${names[index]}, expected at least ${least}: its kernel keeps bounce buffers there (platform: { swiotlb: { slots } })`,
      );
  }
  return names.map((name, index) => ({
    name,
    directMapped: given[name]?.directMapped ?? (name === own && (!platform.xen || isDirectMapped(platform))),
    hardware: given[name]?.hardware ?? name === own,
    ram: rams[index] ?? { at: 0, size: 0 },
  }));
}

export function devicesOf(
  { devices = {}, platform }: Pick<ScenarioFile, 'devices' | 'platform'>,
  tree: DeviceTree | undefined,
  report: Report,
): DeviceSpec[] {
  return Object.entries(devices).map(([name, device]) => {
    const facts = deviceFactsOfBoard(name, device, tree, platform?.dtb !== undefined, report);
    const coherent = device.coherent ?? facts.coherent ?? false;
    return {
      name,
      coherent,
      believedCoherent: device.believedCoherent ?? facts.coherent ?? coherent,
      maskBits: device.maskBits ?? facts.maskBits ?? 52,
      busOffset: device.busOffset ?? facts.busOffset ?? 0,
      behaves: device.behaves ?? 'any-time',
    };
  });
}

/** Every byte of memory has an address on every device's bus. */
export function checkBuses(
  devices: readonly DeviceSpec[],
  domains: readonly DomainSpec[],
  buffers: readonly BufferSpec[],
  report: Report,
): void {
  const lowest = Math.min(...domains.map(({ ram }) => ram.at), ...buffers.flatMap(({ at }) => at ?? []));
  for (const { name, busOffset } of devices)
    if (lowest + busOffset < 0)
      report(
        ['devices', name, 'busOffset'],
        `found ${busOffset}, expected at least ${-lowest}: memory begins at ${hex(lowest)}`,
      );
}

/** The domain that drives the devices: dom0, the host, or the one that says so. */
export function hardwareDomain(domains: readonly DomainSpec[]): DomainSpec {
  const found = domains.find(({ hardware }) => hardware) ?? domains[0];
  if (found === undefined) throw new RangeError('no domain: there is always dom0 or the host');
  return found;
}

/** Whether there is a model of such a cache: cores differ, an outer cache, or maintenance of one core only; one of them. */
function checkModel(
  [small, big]: PlatformSpec['lineSizes'],
  outerCache: boolean,
  localOnly: boolean,
  cpus: number,
  report: Report,
): void {
  const path = ['platform'];
  if (big !== undefined && big !== 2 * small)
    report(
      [...path, 'lineSize'],
      `found ${small} and ${big}, expected one size, or the second twice the first`,
    );
  if (big !== undefined && outerCache)
    report([...path, 'outerCache'], 'found an outer cache beside two line sizes, expected one of the two');
  if (localOnly && cpus > 1 && (big !== undefined || outerCache))
    report([...path, 'quirks'], `found ${LOCAL} beside two line sizes or an outer cache, expected it alone`);
  if (localOnly && cpus > 2)
    report([...path, 'cpus'], `found ${cpus} cores with ${LOCAL}, expected at most 2`);
}

/** dom0: on Arm without an SMMU. A PV dom0 of x86 never is. */
function isDirectMapped({ architecture, smmu }: PlatformSpec): boolean {
  return architecture !== 'x86' && !smmu;
}

/** Neither Linux nor Xen ran on every architecture from the beginning. */
function checkReleases(
  architecture: PlatformSpec['architecture'],
  { linux, xen }: NonNullable<ScenarioFile['platform']>,
  report: Report,
): void {
  if (architecture === 'arm64' && linux && !isAtMost(FIRST_ON_ARM64, linux))
    report(
      ['platform', 'linux'],
      `found ${linux.join('.')}, expected ${FIRST_ON_ARM64.join('.')} or later: before there is no arm64`,
    );
  if (architecture !== 'x86' && xen && xen !== 'none' && !isAtMost(FIRST_ON_ARM, xen))
    report(
      ['platform', 'xen'],
      `found ${xen.join('.')}, expected ${FIRST_ON_ARM.join('.')} or later: before it does not run on Arm`,
    );
}
