/** Release, as in 4.20. */
export type XenVersion = readonly [major: number, minor: number];

/** The first and the last that a platform may have: dom0 has driven devices on hardware like this since 4.0; the facts here were checked in 2026-08. */
export const XEN_VERSIONS: readonly (readonly [first: XenVersion, last: XenVersion])[] = [
  [
    [4, 0],
    [4, 22],
  ],
];

/** The first that runs on Arm. */
export const FIRST_ON_ARM: XenVersion = [4, 3];
