/** Buffers of a case. Those that begin where another one ends get a place next to it. */
import { PAGE_SIZE } from '../address/index.ts';
import { extent, overlap, type Placed, type Ram, reserved, unplaced, within } from './places.ts';
import { hardwareDomain } from './platform.ts';
import { hex, type Report, unknownName } from './report.ts';
import type { ScenarioFile } from './schema.ts';
import type { BufferSpec, DomainSpec, PlatformSpec } from './types.ts';

type Given = NonNullable<ScenarioFile['buffers']>;

/** Bytes from one buffer that others follow to the next such. */
const SLOT = 2 ** 20;

export function buffersOf(
  file: ScenarioFile,
  domains: readonly DomainSpec[],
  platform: PlatformSpec,
  report: Report,
): BufferSpec[] {
  const given = file.buffers ?? {};
  const leaders = [...new Set(Object.values(given).flatMap(({ after }) => after ?? []))];
  const placed = new Map<string, Pick<BufferSpec, 'at' | 'offset'>>();
  const buffers: BufferSpec[] = [];
  for (const name of Object.keys(given)) {
    const chain = chainOf(name, given, report);
    const domain = domainOf(chain, given, domains, report);
    for (const one of chain)
      if (!placed.has(one)) placed.set(one, place(one, given, domain, leaders.indexOf(one), placed));
    const {
      size = PAGE_SIZE,
      contiguous = true,
      compound = false,
      initially = 'written',
    } = given[name] ?? {};
    if (compound && !contiguous)
      report(
        ['buffers', name, 'compound'],
        'found a compound page whose frames do not follow each other, expected a contiguous buffer',
      );
    const { at, offset } = placed.get(name) ?? { at: undefined, offset: 0 };
    buffers.push({ name, domain: domain.name, offset, size, at, contiguous, compound, initially });
  }
  checkPlaces(buffers, domains, platform, report);
  return buffers;
}

/** The buffers that this one follows, the first of them first, and itself; alone, and a problem, if that cannot be. */
function chainOf(name: string, given: Given, report: Report): string[] {
  const chain = [name];
  for (let at = given[name]; at?.after !== undefined; at = given[at.after]) {
    const path = ['buffers', chain[0] ?? name, 'after'];
    const known = Object.keys(given).filter((other) => !chain.includes(other));
    if (!known.includes(at.after)) {
      report(path, unknownName('another buffer that does not follow this one', at.after, known));
      return [name];
    }
    if (at.at !== undefined || at.offset !== undefined)
      report(path, 'found after beside at or offset, expected one of them');
    if (given[at.after]?.contiguous === false)
      report(path, `found ${at.after}, whose frames do not follow each other, expected a contiguous buffer`);
    chain.unshift(at.after);
  }
  return chain;
}

/** That of the first of the chain, where the last says nothing; the one that drives devices, and a problem, if there is no such. */
function domainOf(
  chain: readonly string[],
  given: Given,
  domains: readonly DomainSpec[],
  report: Report,
): DomainSpec {
  const hardware = hardwareDomain(domains);
  const [first = '', name = ''] = [chain[0], chain.at(-1)];
  const inherited = given[first]?.domain ?? hardware.name;
  const found = given[name]?.domain ?? inherited;
  const path = ['buffers', name, 'domain'];
  const domain = domains.find((one) => one.name === found);
  if (domain === undefined)
    report(
      path,
      unknownName(
        'a domain',
        found,
        domains.map((one) => one.name),
      ),
    );
  else if (found !== inherited) report(path, `found ${found}, expected ${inherited}, as ${first} has it`);
  return domain ?? hardware;
}

/**
 * The runner takes free pages from the beginning of RAM. Buffers that others follow must have a known place: from its middle
 * on. @param leader which of those it is, or -1.
 */
function place(
  name: string,
  given: Given,
  { ram }: DomainSpec,
  leader: number,
  placed: ReadonlyMap<string, Pick<BufferSpec, 'at' | 'offset'>>,
): Pick<BufferSpec, 'at' | 'offset'> {
  const { at, offset = 0, after } = given[name] ?? {};
  const before = after === undefined ? undefined : placed.get(after);
  if (before?.at !== undefined && after !== undefined) {
    const end = before.at + before.offset + (given[after]?.size ?? PAGE_SIZE);
    const page = Math.floor(end / PAGE_SIZE) * PAGE_SIZE;
    return { at: page, offset: end - page };
  }
  if (at !== undefined || leader < 0) return { at, offset };
  const middle = ram.at + Math.floor(ram.size / 2 / PAGE_SIZE) * PAGE_SIZE;
  return { at: middle + leader * SLOT, offset };
}

/** Buffers have no byte in common, and lie where the machine can have them. */
function checkPlaces(
  buffers: readonly BufferSpec[],
  domains: readonly DomainSpec[],
  platform: PlatformSpec,
  report: Report,
): void {
  for (const { name, ram } of domains) {
    const own = buffers.filter(({ domain }) => domain === name);
    const last = own.findLast(({ at }) => at === undefined);
    const space = ram.size - reserved(platform);
    if (last && unplaced(own) > space)
      report(
        ['buffers', last.name],
        `found buffers that need ${unplaced(own)} bytes of the RAM of ${name}, expected at most ${Math.max(space, 0)}`,
      );
  }
  const placed = buffers.filter(isPlaced);
  const pieces = placed.map(piecesOf);
  for (const [index, buffer] of placed.entries()) {
    const path = ['buffers', buffer.name];
    const wrong = misplaced(buffer, buffers, domains, platform);
    if (wrong !== undefined) report(path, `found ${buffer.name} ${span(extent(buffer))}, ${wrong}`);
    const other = placed.find(
      (one, i) =>
        i < index &&
        (one.domain === buffer.domain
          ? pieces[i]?.some((a) => pieces[index]?.some((b) => overlap(a, b)))
          : overlap(pages(one), pages(buffer))),
    );
    if (other) {
      const what = other.domain === buffer.domain ? 'bytes' : 'pages';
      report(path, `found ${what} of ${buffer.name} that ${other.name} has too, expected buffers apart`);
    }
  }
}

/** What is wrong with a place: RAM of another domain, or what its own keeps for others. undefined if nothing is. */
function misplaced(
  buffer: BufferSpec & Placed,
  buffers: readonly BufferSpec[],
  domains: readonly DomainSpec[],
  platform: PlatformSpec,
): string | undefined {
  const where = extent(buffer);
  const hit = domains.find(({ ram }) => overlap(ram, where));
  if (hit === undefined) return undefined;
  if (hit.name !== buffer.domain) return `expected it outside the RAM of ${hit.name}, ${span(hit.ram)}`;
  const head = unplaced(buffers.filter(({ domain }) => domain === hit.name));
  const free = { at: hit.ram.at + head, size: hit.ram.size - head - reserved(platform) };
  return within(where, free)
    ? undefined
    : `expected it ${span(free)}, where the RAM of ${hit.name} is free, or outside of it`;
}

function span({ at, size }: Ram): string {
  return `from ${hex(at)} to ${hex(at + size)}`;
}

/** All its pages, whole. */
function pages(buffer: Placed): Ram {
  const { at, size } = extent(buffer);
  return { at, size: Math.ceil(size / PAGE_SIZE) * PAGE_SIZE };
}

function isPlaced(buffer: BufferSpec): buffer is BufferSpec & { readonly at: number } {
  return buffer.at !== undefined;
}

/** The buffer's bytes: in one piece, or page by page where only every second frame is its own. */
function piecesOf({
  at,
  offset,
  size,
  contiguous,
}: Placed): { readonly at: number; readonly size: number }[] {
  if (contiguous) return [{ at: at + offset, size }];
  const pages = Math.ceil((offset + size) / PAGE_SIZE);
  return Array.from({ length: pages }, (_, page) => {
    const from = page === 0 ? offset : 0;
    const to = Math.min(offset + size - page * PAGE_SIZE, PAGE_SIZE);
    return { at: at + 2 * page * PAGE_SIZE + from, size: to - from };
  });
}
