/** Which Xen: its version, the facts that depend on it, and the bugs it has. */
import type { XenQuirk } from './quirks.ts';
import type { XenVersion } from './version.ts';

export interface XenPlatform {
  readonly version: XenVersion;
  readonly arch: 'arm64' | 'arm32';
  readonly quirks: ReadonlySet<XenQuirk>;
  /** 'silo': domains other than the hardware domain may not grant to each other. */
  readonly xsm: 'dummy' | 'silo';
  /** Option scrub-domheap: pages freed by a living domain are scrubbed too. Off by default: the guest has to do it. */
  readonly scrubDomheap: boolean;
  /** Line size that Xen read from the boot core's CTR.DminLine, bytes. */
  readonly cacheLineBytes: number;
}

/** A platform with everything that is not said as in an arm64 build of 4.20 without quirks. */
export function xenPlatform(
  said: Partial<Omit<XenPlatform, 'quirks'>> & { readonly quirks?: Iterable<XenQuirk> } = {},
): XenPlatform {
  return {
    version: said.version ?? [4, 20],
    arch: said.arch ?? 'arm64',
    quirks: new Set(said.quirks ?? []),
    xsm: said.xsm ?? 'dummy',
    scrubDomheap: said.scrubDomheap ?? false,
    cacheLineBytes: said.cacheLineBytes ?? 64,
  };
}

/** Is the platform of this release or a later one. */
export function since(platform: XenPlatform, [major, minor]: XenVersion): boolean {
  return platform.version[0] > major || (platform.version[0] === major && platform.version[1] >= minor);
}

/** Number of frames a p2m can map: IPAs of 40 bits on 32-bit Arm, 48 on 64-bit. */
export function p2mFrames(platform: XenPlatform): number {
  return platform.arch === 'arm32' ? 2 ** 28 : 2 ** 36;
}
