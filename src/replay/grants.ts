/**
 * Grant mappings as the p2m events show them, told to the designs that keep track of them.
 *
 * A design that refuses a grant has it undone: what the trace maps for DMA there afterwards could not have been mapped. What a
 * design knows of pages that were granted before the recording, or in a trace without p2m events, is not known.
 */
import {
  hex,
  type Mfn,
  offsetBy,
  PAGE_SIZE,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
  physAddrOf,
  physToBus,
} from '../address/index.ts';
import type { Hindrance } from './hindrance.ts';
import type { ReplayKernel } from './kernel.ts';
import type { P2m } from './p2m.ts';
import type { Track } from './track.ts';

const UNKNOWN: Hindrance = {
  kind: 'unknown',
  because:
    'its page was granted before the recording began, or p2m events were not recorded: what the design\u2019s table holds is not known',
};

export class Grants {
  readonly #p2m: P2m;
  readonly #kernel: ReplayKernel;
  /** Pages that each design with a table refused and that are still granted. */
  readonly #refused = new Map<Track, Map<Pfn, Mfn>>();

  constructor(p2m: P2m, kernel: ReplayKernel, tracks: readonly Track[]) {
    this.#p2m = p2m;
    this.#kernel = kernel;
    for (const track of tracks) if (track.design?.grantMapped) this.#refused.set(track, new Map());
  }

  /** Grants were mapped at `count` pages from `first` on. */
  mapped(first: Pfn, frame: Mfn, count: number): void {
    if (this.#refused.size > 0)
      for (let i = 0; i < count; i++) this.#enter((first + i) as Pfn, (frame + i) as Mfn);
    this.#p2m.set(first, frame, count);
  }

  /** Those at `count` pages from `first` on were unmapped. */
  unmapped(first: Pfn, count: number): void {
    if (this.#refused.size > 0) for (let i = 0; i < count; i++) this.#leave((first + i) as Pfn);
    this.#p2m.remove(first, count);
  }

  #enter(page: Pfn, frame: Mfn): void {
    // Its removal was not recorded.
    this.#leave(page);
    for (const [track, refused] of this.#refused) {
      this.#kernel.begin(undefined, false, track.tables);
      if (track.design?.grantMapped?.(this.#kernel, page, frame) === false) refused.set(page, frame);
    }
  }

  #leave(page: Pfn): void {
    const frame = this.#p2m.get(page);
    if (frame === undefined) return;
    for (const [track, refused] of this.#refused) {
      if (refused.delete(page)) continue;
      this.#kernel.begin(undefined, false, track.tables);
      track.design?.grantUnmapped?.(this.#kernel, page, frame);
    }
  }

  /** What keeps the design of a track from mapping the foreign pages of a buffer; undefined: nothing. */
  hindrance(track: Track, phys: PhysAddr, size: number): Hindrance | undefined {
    const refused = this.#refused.get(track);
    if (refused === undefined) return undefined;
    let isKnown = true;
    const pages = Math.ceil((pageOffset(phys) + size) / PAGE_SIZE);
    for (let i = 0; i < pages; i++) {
      const page = (pfnOf(phys) + i) as Pfn;
      const frame = refused.get(page);
      if (frame !== undefined) {
        const from = physToBus(physAddrOf(page));
        const because = `machine frame ${hex(frame)} was mapped already, and the design refuses to map it a second time`;
        return { kind: 'refused', from, to: offsetBy(from, PAGE_SIZE), because };
      }
      isKnown &&= this.#p2m.get(page) !== undefined;
    }
    return isKnown ? undefined : UNKNOWN;
  }
}
