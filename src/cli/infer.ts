/** What kernel a trace is of, from its events and the device tree, before anything is judged. */
import { designOfRelease } from '../designs/index.ts';
import { type Design, LINUX_RELEASES, type Release } from '../linux/index.ts';
import { XEN_EVENTS } from '../replay/index.ts';
import { EventKind, FtraceReader, type TraceEvent } from '../trace/index.ts';
import { parseRelease } from './release.ts';

/** As much of a trace is looked at, in bytes, before it is taken not to be of Xen. */
const LOOKED_AT = 4 * 2 ** 20;

/** Looks at the beginning of a trace. */
export class FirstLook {
  /** Line of the first event that only a kernel on Xen has. */
  xenLine: number | undefined;
  /** The names of map and unmap events: dma_map_phys, or dma_map_page. */
  byPhys: boolean | undefined;
  readonly #reader = new FtraceReader({ event: (event) => this.#event(event), unparsed: () => {} });
  readonly #needXen: boolean;
  #bytes = 0;

  /** @param xenKnown the device tree says that it is Xen. */
  constructor(xenKnown: boolean) {
    this.#needXen = !xenKnown;
  }

  /** @returns true when enough was seen. */
  push(chunk: Uint8Array): boolean {
    this.#reader.push(chunk);
    this.#bytes += chunk.length;
    const xenTold = !this.#needXen || this.xenLine !== undefined;
    return (xenTold && this.byPhys !== undefined) || this.#bytes >= LOOKED_AT;
  }

  /** The trace is shorter than what is looked at. */
  end(): void {
    this.#reader.end();
  }

  #event(event: TraceEvent): void {
    if (event.kind === EventKind.map || event.kind === EventKind.unmap) this.byPhys ??= event.byPhys;
    if (XEN_EVENTS.has(event.kind)) this.xenLine ??= event.line;
  }
}

export interface OwnDesign {
  readonly design: Design | undefined;
  readonly because: string;
  /** As given, or the release that the names of events stand for. */
  readonly kernel: string;
}

/** The first release with dma_map_phys events (include/trace/events/dma.h), and one before it that has events. */
const WITH_MAP_PHYS: Release = [7, 3];
const WITH_MAP_PAGE: Release = [6, 12];

/** The kernel's own design. @param given --kernel. */
export function ownDesign(given: string | undefined, xen: boolean, byPhys: boolean | undefined): OwnDesign {
  if (given !== undefined) {
    const release = parseRelease(given);
    return {
      design: release && designOfRelease(release, xen),
      because: `--kernel ${given}${release && isLater(release) ? `, which is later than ${NEWEST.join('.')}, the last release that is known here` : ''}`,
      kernel: given,
    };
  }
  const release = byPhys ? WITH_MAP_PHYS : WITH_MAP_PAGE;
  const because =
    byPhys === undefined
      ? 'no map event near the beginning tells the release'
      : `inferred from ${byPhys ? 'dma_map_phys' : 'dma_map_page'} events`;
  return {
    design: designOfRelease(release, xen),
    because: xen ? because : 'not on Xen',
    kernel: `linux-${release.join('.')}`,
  };
}

const NEWEST = LINUX_RELEASES.at(-1)?.[1] ?? WITH_MAP_PHYS;
const isLater = ([major, minor]: Release) => (major !== NEWEST[0] ? major > NEWEST[0] : minor > NEWEST[1]);
