/** What the names of a case stand for: buffers, mappings, grants and signals, and which step makes them. */
import type { Draft } from './step-schema.ts';
import type { BufferSpec } from './types.ts';

/** An agent as far as it is needed to know what its steps make. */
export interface Actor {
  readonly name: string;
  readonly domain: string | undefined;
  readonly device: string | undefined;
  readonly drafts: readonly Draft[];
}

/** A step of an agent. */
export interface Maker {
  readonly agent: number;
  readonly step: number;
}
export interface Named {
  readonly name: string;
  /** The step that makes it; undefined: it is there from the beginning. */
  readonly by: Maker | undefined;
}
export interface BufferName extends Named {
  readonly domain: string | undefined;
  readonly how: 'declared' | 'allocate' | 'alloc-coherent' | 'map-grant';
  /** Bytes; undefined where that is not known. */
  readonly size: number | undefined;
}
export interface MappingName extends Named {
  /** What makes it. Coherent memory has a DMA address from the beginning. */
  readonly draft: Draft & { readonly do: 'map' | 'map-sg' | 'alloc-coherent' };
}
export interface GrantName extends Named {
  readonly domain: string | undefined;
  readonly draft: Draft & { readonly do: 'grant' };
}
export type SignalName = Named;

/** All of a kind, by name, in the order of agents and steps. */
export type ByName<N extends Named> = ReadonlyMap<string, readonly N[]>;

/** All that has a name. */
export interface Names {
  readonly buffers: ByName<BufferName>;
  readonly mappings: ByName<MappingName>;
  readonly grants: ByName<GrantName>;
  readonly signals: ByName<SignalName>;
}

export function namesOf(declared: readonly BufferSpec[], actors: readonly Actor[]): Names {
  const made = actors.flatMap(({ domain, drafts }, agent) =>
    drafts.map((draft, step) => ({ draft, domain, by: { agent, step } })),
  );
  const grants = byName(
    made.flatMap(({ draft, domain, by }): GrantName[] =>
      draft.do === 'grant' ? [{ name: draft.as, by, domain, draft }] : [],
    ),
  );
  const owned = byName<BufferName>([
    ...declared.map(({ name, domain, size }) => ({
      name,
      by: undefined,
      domain,
      how: 'declared' as const,
      size,
    })),
    ...made.flatMap(({ draft, domain, by }): BufferName[] =>
      draft.do === 'allocate' || draft.do === 'alloc-coherent'
        ? [{ name: draft.as, by, domain, how: draft.do, size: draft.size }]
        : [],
    ),
  ]);
  // What a grant shows is a buffer of its owner, never again the pages of a grant: so its size is known from the others.
  const mapped = made.flatMap(({ draft, domain, by }): BufferName[] => {
    if (draft.do !== 'map-grant') return [];
    const grant = grants.get(draft.grant)?.[0];
    const buffer = owned.get(grant?.draft.buffer ?? '')?.[0];
    return [{ name: draft.as, by, domain, how: 'map-grant', size: buffer?.size }];
  });
  const mappings = made.flatMap(({ draft, by }): MappingName[] =>
    draft.do === 'map' || draft.do === 'map-sg' || draft.do === 'alloc-coherent'
      ? [{ name: draft.as, by, draft }]
      : [],
  );
  const signals = made.flatMap(({ draft, by }): SignalName[] =>
    draft.do === 'signal' ? [{ name: draft.name, by }] : [],
  );
  return {
    buffers: byName([...[...owned.values()].flat(), ...mapped]),
    mappings: byName(mappings),
    grants,
    signals: byName(signals),
  };
}

function byName<N extends Named>(all: readonly N[]): ByName<N> {
  return Map.groupBy(all, ({ name }) => name);
}

/**
 * The one of these that the name means here: what this agent made last, else what was there from the beginning, else what
 * another agent makes. `later` where only a later step of this agent makes it; undefined where nothing has the name.
 */
export function meaning<N extends Named>(all: readonly N[], here: Maker): N | 'later' | undefined {
  const own = all.filter(({ by }) => by?.agent === here.agent && by.step < here.step);
  const others = all.filter(({ by }) => by?.agent !== here.agent);
  const found = own.at(-1) ?? others.find(({ by }) => by === undefined) ?? others[0];
  return found ?? (all.length > 0 ? 'later' : undefined);
}
