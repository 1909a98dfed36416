/** Release, as in 4.20. */
export type XenVersion = readonly [major: number, minor: number];
