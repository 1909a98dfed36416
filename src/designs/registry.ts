/**
 * Every design there is: releases oldest first, with what was written between them, then those that no release has had. To add
 * one: a file beside this, and its name here.
 */
import type { Design, Release } from '../linux/index.ts';
import { dmaDirect } from './dma-direct.ts';
import { foreignIndex } from './foreign-index.ts';
import { linux312 } from './linux-3.12.ts';
import { linux313 } from './linux-3.13.ts';
import { linux317 } from './linux-3.17.ts';
import { linux318Bounce } from './linux-3.18-bounce.ts';
import { linux319 } from './linux-3.19.ts';
import { linux54 } from './linux-5.4.ts';
import { linux59 } from './linux-5.9.ts';
import { linux612 } from './linux-6.12.ts';
import { linux73 } from './linux-7.3.ts';
import { repaired } from './repaired.ts';
import { seriesV7 } from './series-v7.ts';
import { smmu } from './smmu.ts';
import { vaTable } from './va-table.ts';
import { x86Pv } from './x86-pv.ts';

export const DESIGNS: readonly Design[] = [
  dmaDirect,
  linux312,
  linux313,
  linux317,
  linux318Bounce,
  seriesV7,
  linux319,
  linux54,
  linux59,
  linux612,
  linux73,
  vaTable,
  foreignIndex,
  smmu,
  x86Pv,
  repaired,
];

/** The design of that name, or undefined. */
export function findDesign(name: string): Design | undefined {
  return DESIGNS.find((design) => design.name === name);
}

/** The design that a kernel release runs, on Xen or on bare metal; undefined where none is modelled. */
export function designOfRelease(release: Release, xen: boolean): Design | undefined {
  if (!xen) return dmaDirect;
  return DESIGNS.find(
    ({ releases }) =>
      releases &&
      !isEarlier(release, releases.from) &&
      (releases.before === undefined || isEarlier(release, releases.before)),
  );
}

function isEarlier(a: Release, b: Release): boolean {
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
}
