/**
 * Domains are kept apart under load: grants revoked, given again and given twice while disks work, pages that change hands. Every byte
 * that a domain reads must be its own, its disk's, or the wire's; the property is checked on every read of every domain.
 */
import { expect, test } from 'vitest';
import { offsetBy, PAGE_SIZE, type Pfn, pfn, physAddrOf } from '../address/index.ts';
import { linux54 } from '../designs/linux-5.4.ts';
import { repaired } from '../designs/repaired.ts';
import type { Design } from '../linux/index.ts';
import { balloonIn, balloonOut } from '../linux/simulated/index.ts';
import { Random } from '../machine/concrete/index.ts';
import type { DomId } from '../xen/index.ts';
import type { Blkfront } from './block/blkfront.ts';
import { connectDisk } from './block/disk-stack.ts';
import { GUEST_FIRST } from './host/host.ts';
import type { Party } from './host/party.ts';
import { diskHost } from './testing.ts';

const _DOM0 = 0 as DomId;
const SEEDS = Number(process.env['DMALAB_SEEDS'] ?? 8);
const PAGES = 6;
const SECTORS = 256;
const SECTOR = 512;

interface Tenant {
  readonly guest: Party;
  readonly front: Blkfront;
  /** Pages that a request is using. */
  readonly busy: Map<Pfn, number>;
}

/** Bytes that a domain has read and that are not its own, by whose they are. */
type Leaks = Map<string, number>;

/** A few things done at random by two guests on one host; what each read that was another's. */
function live(
  design: Design,
  seed: number,
  steps: number,
): { readonly leaks: Leaks; readonly reads: number; readonly twice: number } {
  const random = new Random(seed * 7919);
  const disk = diskHost({ alice: PAGES, bob: PAGES }, { design, machine: 'concrete', seed, rate: 0.2 });
  const { host } = disk;
  const leaks: Leaks = new Map();
  let reads = 0;
  let twice = 0;
  const note = (what: string, name: string, mark: number) => {
    const { owner } = host.journal.store(mark);
    const leak = `${what} ${owner}`;
    if (owner !== name && owner !== 'disk') leaks.set(leak, (leaks.get(leak) ?? 0) + 1);
  };
  host.onRead = ({ name }, { marks }) => {
    reads++;
    for (const mark of marks) note(`${name} reads`, name, mark);
  };
  const tenants = host.guests.map((guest, i): Tenant => {
    // Everybody has used all its memory.
    for (let n = 0; n < PAGES; n++) fill(guest, pfn(GUEST_FIRST + n), seed);
    const spec = { guest, driver: disk.driver, pool: disk.pool, first: i * SECTORS, sectors: SECTORS };
    return { guest, front: connectDisk(host, spec).front, busy: new Map() };
  });
  const act = (tenant: Tenant) => {
    const { guest, front, busy } = tenant;
    const first = random.choose(PAGES);
    const page = pfn(GUEST_FIRST + first);
    switch (random.choose(5)) {
      case 0:
      case 1: {
        // A request, on pages that another one may be using: their frames are granted twice.
        const offset = random.choose(8) * SECTOR;
        const size =
          SECTOR * (1 + random.choose(Math.min(24, ((PAGES - first) * PAGE_SIZE - offset) / SECTOR)));
        const pages = Array.from({ length: Math.ceil((offset + size) / PAGE_SIZE) }, (_, n) => pfn(page + n));
        if (pages.some((each) => (busy.get(each) ?? 0) > 0)) twice++;
        for (const each of pages) busy.set(each, (busy.get(each) ?? 0) + 1);
        const phys = offsetBy(physAddrOf(page), offset);
        front.submit(random.choose(2) === 0, random.choose(SECTORS - 24), [{ phys, size }], (ok) => {
          expect(ok).toBe(true);
          for (const each of pages) busy.set(each, (busy.get(each) ?? 0) - 1);
          guest.read(phys, size, 'what came');
        });
        return;
      }
      case 2:
        // Granted, and revoked without having been used.
        guest.grants.endAccess(
          guest.grants.grant(0 as Parameters<typeof guest.grants.grant>[0], page, true) as number,
        );
        return;
      case 3: {
        // A page of each goes back to Xen, scrubbed as guests must, and each gets the other one's.
        const given = tenants.map((each) => ({ each, page: pfn(GUEST_FIRST + random.choose(PAGES)) }));
        if (given.some((one) => (one.each.busy.get(one.page) ?? 0) > 0)) return;
        for (const one of given) {
          const zeroes = new Uint8Array(PAGE_SIZE);
          one.each.guest.write(physAddrOf(one.page), zeroes, 'zeroes before it is given back');
          balloonOut(one.each.guest.kernel, [one.page]);
        }
        for (const one of given) {
          expect(balloonIn(one.each.guest.kernel, [one.page])).toBe(1);
          fill(one.each.guest, one.page, seed);
        }
        return;
      }
      default:
        guest.read(physAddrOf(page), PAGE_SIZE, 'its own page');
    }
  };
  for (let i = 0; i < steps; i++) {
    act(tenants[random.choose(2)] as Tenant);
    for (let j = random.choose(4); j > 0; j--) host.agenda.step();
  }
  host.agenda.run();
  for (const { guest } of tenants)
    for (let n = 0; n < PAGES; n++) guest.read(physAddrOf(pfn(GUEST_FIRST + n)), PAGE_SIZE, 'its own page');
  for (const [i, { guest }] of tenants.entries())
    for (const mark of disk.disk.contents(i * SECTORS, SECTORS).marks)
      note(`${guest.name}'s disk has`, guest.name, mark);
  return { leaks, reads, twice };
}

function fill(guest: Party, page: Pfn, seed: number): void {
  guest.write(physAddrOf(page), new Uint8Array(PAGE_SIZE).fill(seed % 256), 'its own data');
}

test('in the repaired design no domain ever reads a byte of another one, and no disk gets one', {
  timeout: 60_000 + SEEDS * 3000,
}, () => {
  let reads = 0;
  let twice = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const lived = live(repaired, seed, 40);
    expect([seed, [...lived.leaks]]).toEqual([seed, []]);
    reads += lived.reads;
    twice += lived.twice;
  }
  expect(reads).toBeGreaterThan(150);
  expect(twice).toBeGreaterThan(4);
});

test('and the watch sees what there is to see: a device given the wrong frames, a flush that destroys what a page holds now', {
  timeout: 60_000,
}, () => {
  const leaksOf = (design: Design) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 6; seed++) for (const [leak] of live(design, seed, 40).leaks) found.add(leak);
    return found;
  };
  const others = ['alice reads bob', 'bob reads alice'];
  expect([...leaksOf(linux54)].filter((leak) => others.includes(leak))).not.toEqual([]);
});
