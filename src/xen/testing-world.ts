/** Three domains that do at random what domains do with grants, and what must hold whatever they did, for tests. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { gfn, type Mfn, mfn, type PhysAddr, physAddr } from '../address/index.ts';
import { type Footprint, NO_FOOTPRINT } from '../machine/index.ts';
import { ARGUMENTS, GUEST_MFN, GUEST_RAM_GFN, Host, type HostOptions, s16, struct } from './testing.ts';

/** A mapping that is in place. */
export interface Live {
  readonly by: 0 | 2;
  readonly handle: number;
  readonly at: number;
  readonly ref: number;
  readonly readonly: boolean;
  readonly frame: Mfn;
}

/** What domain 1, the granter, and the users 0 and 2 do. Small numbers, so that they meet. */
export type Action =
  | {
      readonly kind: 'grant';
      readonly ref: number;
      readonly to: 0 | 2;
      readonly page: number;
      readonly readonly: boolean;
    }
  | { readonly kind: 'revoke'; readonly ref: number }
  | { readonly kind: 'map'; readonly by: 0 | 2; readonly ref: number; readonly readonly: boolean }
  | { readonly kind: 'unmap'; readonly which: number }
  | { readonly kind: 'unmap-nothing'; readonly by: 0 | 2; readonly handle: number }
  | { readonly kind: 'copy'; readonly by: 0 | 2; readonly ref: number; readonly out: boolean }
  | { readonly kind: 'flush'; readonly by: 0 | 2; readonly page: number }
  | { readonly kind: 'balloon-out' | 'balloon-in'; readonly by: 0 | 1 | 2; readonly page: number };

export const REFS = [8, 9, 10];
export const PAGES = 4;
const user = fc.constantFrom(0 as const, 2 as const);
const ref = fc.constantFrom(...REFS);
const page = fc.nat(PAGES - 1);
export const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('grant' as const), ref, to: user, page, readonly: fc.boolean() }),
  fc.record({ kind: fc.constant('revoke' as const), ref }),
  {
    arbitrary: fc.record({ kind: fc.constant('map' as const), by: user, ref, readonly: fc.boolean() }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('unmap' as const), which: fc.nat(100) }), weight: 3 },
  fc.record({ kind: fc.constant('unmap-nothing' as const), by: user, handle: fc.nat(300) }),
  fc.record({ kind: fc.constant('copy' as const), by: user, ref, out: fc.boolean() }),
  fc.record({ kind: fc.constant('flush' as const), by: user, page }),
  fc.record({
    kind: fc.constantFrom('balloon-out' as const, 'balloon-in' as const),
    by: fc.constantFrom(0 as const, 1 as const, 2 as const),
    page,
  }),
);

/** First of the pages that a domain's actions are about, as it sees them. */
export const FIRST = { 0: 0x40200, 1: GUEST_RAM_GFN + 0x20, 2: GUEST_RAM_GFN + 0x20 } as const;
/** Where users map grants: one place a mapping, above all RAM that they have. */
export const PLACES = 0x200000;

export class World {
  readonly host: Host;
  readonly live: Live[] = [];
  /** What the last flush with its argument there returned. */
  readonly flushed = new Map<PhysAddr, number>();
  #places = PLACES;

  readonly footprint: Footprint;

  constructor(options: HostOptions) {
    this.host = new Host(options);
    this.footprint = options.footprint ?? NO_FOOTPRINT;
  }

  /** Mappings that were ever tried. */
  get tried(): number {
    return this.#places - PLACES;
  }

  /** The action as steps of its hypercall, its argument at `at` (each agent has its own), and what follows from it. */
  *start(what: Action, at: PhysAddr, place = this.#places++): Generator<unknown, void, void> {
    const { host } = this;
    switch (what.kind) {
      case 'grant':
        this.footprint.touch(`grant:1:${what.ref}`, true);
        host.writeGrant(
          1,
          what.ref,
          struct(8, [0, 2, what.readonly ? 5 : 1], [2, 2, what.to], [4, 4, FIRST[1] + what.page]),
        );
        return;
      case 'revoke':
        this.footprint.touch(`grant:1:${what.ref}`, true);
        host.writeGrant(1, what.ref, new Uint8Array(8));
        return;
      case 'map': {
        const flags = what.readonly ? 6 : 2;
        host.poke(
          what.by,
          at,
          struct(32, [0, 8, place * 4096], [8, 4, flags], [12, 4, what.ref], [16, 2, 1]),
        );
        expect(yield* host.xen.hypercallSteps(what.by, 'grant_table_op', 0, at)).toBe(0);
        const bytes = host.peek(what.by, at, 32);
        const view = new DataView(bytes.buffer);
        const frame = mfn(Number(view.getBigUint64(24, true) / 4096n));
        if (s16(bytes, 18) !== 0) {
          expect(host.xen.translate(what.by, gfn(place))).toBeUndefined();
          return;
        }
        this.live.push({
          by: what.by,
          handle: view.getUint32(20, true),
          at: place,
          ref: what.ref,
          readonly: what.readonly,
          frame,
        });
        return;
      }
      case 'unmap': {
        const one = this.live[what.which % this.live.length];
        if (!one) return;
        yield* this.unmap(one, at, what.which % 2 === 1);
        return;
      }
      case 'unmap-nothing':
        if (this.live.some(({ by, handle }) => by === what.by && handle === what.handle)) return;
        host.poke(what.by, at, struct(24, [0, 8, PLACES * 4096 - 4096], [16, 4, what.handle + 2 ** 20]));
        expect(yield* host.xen.hypercallSteps(what.by, 'grant_table_op', 1, at)).toBe(0);
        expect(s16(host.peek(what.by, at, 24), 20)).toBe(-4);
        return;
      case 'copy': {
        const [granted, own] = what.out ? [16, 0] : [0, 16];
        const argument = struct(
          40,
          [granted, 8, what.ref],
          [granted + 8, 2, 1],
          [own, 8, FIRST[what.by] + 1],
          [own + 8, 2, 0x7ff0],
          [32, 2, 64],
          [34, 2, what.out ? 2 : 1],
        );
        host.poke(what.by, at, argument);
        expect(yield* host.xen.hypercallSteps(what.by, 'grant_table_op', 5, at)).toBe(0);
        return;
      }
      case 'flush':
        host.poke(
          what.by,
          at,
          struct(16, [0, 8, (GUEST_MFN[1] + 0x20 + what.page) * 4096], [10, 2, 64], [12, 4, 3]),
        );
        this.flushed.set(at, yield* host.xen.hypercallSteps(what.by, 'grant_table_op', 12, at));
        return;
      case 'balloon-out':
      case 'balloon-in': {
        const list = physAddr(at + 64);
        host.poke(what.by, list, struct(8, [0, 8, FIRST[what.by] + what.page]));
        host.poke(what.by, at, struct(32, [0, 8, list], [8, 8, 1], [24, 2, 0x7ff0]));
        const op = what.kind === 'balloon-out' ? 1 : 6;
        // Populating what is there already would leak the old page; kernels do not.
        if (op === 6 && host.xen.translate(what.by, gfn(FIRST[what.by] + what.page))) return;
        yield* host.xen.hypercallSteps(what.by, 'memory_op', op, at);
        return;
      }
    }
  }

  /** The mapping ends. @param bus its machine address is given as well. */
  *unmap(one: Live, at: PhysAddr, bus: boolean): Generator<unknown, void, void> {
    const { host } = this;
    this.live.splice(this.live.indexOf(one), 1);
    const argument = struct(
      24,
      [0, 8, one.at * 4096],
      [8, 8, bus ? one.frame * 4096 : 0],
      [16, 4, one.handle],
    );
    host.poke(one.by, at, argument);
    expect(yield* host.xen.hypercallSteps(one.by, 'grant_table_op', 1, at)).toBe(0);
    expect(s16(host.peek(one.by, at, 24), 20)).toBe(0);
  }

  run(what: Action): void {
    for (const _ of this.start(what, ARGUMENTS));
  }

  /** While no call is under way. */
  check(): void {
    const { xen } = this.host;
    expect(xen.bugs).toEqual([]);
    // Pins are the mappings, and the entries they are of are those that they were made from.
    for (const one of REFS) {
      const mine = this.live.filter((mapping) => mapping.ref === one);
      const active = xen.activeGrant(1, one);
      const writers = mine.filter((mapping) => !mapping.readonly).length;
      expect(active?.pins ?? { hstw: 0, hstr: 0, devw: 0, devr: 0 }).toEqual({
        hstw: writers,
        hstr: mine.length - writers,
        devw: 0,
        devr: 0,
      });
      expect(active === undefined).toBe(mine.length === 0);
      for (const mapping of mine) expect([active?.mfn, active?.domid]).toEqual([mapping.frame, mapping.by]);
    }
    for (const { by, at, frame, readonly } of this.live)
      expect(xen.translate(by, gfn(at))).toEqual({
        mfn: frame,
        writable: !readonly,
        type: `p2m_grant_map_${readonly ? 'ro' : 'rw'}`,
      });
    // References are the owner's and the mappings'.
    for (const frame of this.frames()) {
      const state = xen.frame(frame);
      const mappings = this.live.filter((mapping) => mapping.frame === frame).length;
      expect(state?.count).toBe((state?.allocated ? 1 : 0) + mappings);
      expect(state?.owner === undefined).toBe(state?.count === 0);
    }
    // A domain's RAM is its own, and a direct-mapped one's is 1:1.
    for (const domid of [0, 1, 2] as const)
      for (let i = 0; i < PAGES; i += 1) {
        const entry = xen.translate(domid, gfn(FIRST[domid] + i));
        if (!entry) continue;
        expect(entry.type).toBe('p2m_ram_rw');
        expect(xen.frame(entry.mfn)?.owner).toBe(domid);
        if (domid === 0) expect(entry.mfn).toBe(FIRST[0] + i);
      }
    for (let i = 0; i < PAGES; i += 1) expect(xen.frame(mfn(FIRST[0] + i))?.owner).toBe(0);
  }

  /** The frames that actions are about. */
  *frames(): Generator<Mfn> {
    for (let i = 0; i < PAGES; i += 1) {
      yield mfn(FIRST[0] + i);
      yield mfn(GUEST_MFN[1] + 0x20 + i);
      yield mfn(GUEST_MFN[2] + 0x20 + i);
    }
  }

  /** Unmap everything: then nothing is pinned, held or reported. */
  end(): void {
    while (this.live.length > 0) this.run({ kind: 'unmap', which: 0 });
    this.check();
    for (const one of REFS) {
      const flags = this.host.readGrant(1, one)[0] ?? 0;
      expect(Math.floor(flags / 8) % 4).toBe(0);
    }
    for (let at = PLACES; at < this.#places; at += 1)
      for (const by of [0, 2]) expect(this.host.xen.translate(by, gfn(at))).toBeUndefined();
  }
}
