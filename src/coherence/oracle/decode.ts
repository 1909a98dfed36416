/** What an operation's name says, for the oracles: they read the vocabulary of operations.ts, not the engine's tables. */
import { Operation } from '../operations.ts';

export type Maintenance = 'clean' | 'invalidate' | 'clean+invalidate';

export type Act =
  | {
      readonly what: 'maintain';
      readonly kind: Maintenance;
      readonly cpu: number;
      /** Not completed yet. */
      readonly issued: boolean;
      readonly local: boolean;
      readonly elsewhere: boolean;
      /** One of several caches, which may have the line or not. */
      readonly one: boolean;
    }
  | { readonly what: 'maintain outer'; readonly kind: Maintenance }
  | {
      readonly what:
        | 'load'
        | 'store'
        | 'store neighbour'
        | 'store undefined'
        | 'load elsewhere'
        | 'store elsewhere'
        | 'barrier';
      readonly cpu: number;
    }
  | {
      readonly what:
        | 'load uncached'
        | 'store uncached'
        | 'store uncached undefined'
        | 'device reads'
        | 'device writes'
        | 'snoop reads'
        | 'snoop writes'
        | 'snoop writes neighbour'
        | 'snoop writes elsewhere'
        | 'new owner';
    };

const KINDS = {
  clean: 'clean',
  invalidate: 'invalidate',
  cleaninvalidate: 'clean+invalidate',
} as const satisfies Record<string, Maintenance>;

const CPU_ACTS = {
  Read: 'load',
  Write: 'store',
  WriteNeighbour: 'store neighbour',
  WriteUndefined: 'store undefined',
  ReadElsewhere: 'load elsewhere',
  WriteElsewhere: 'store elsewhere',
  Barrier: 'barrier',
} as const;
const OTHERS = {
  cpuReadUncached: 'load uncached',
  cpuWriteUncached: 'store uncached',
  cpuWriteUncachedUndefined: 'store uncached undefined',
  deviceRead: 'device reads',
  deviceWrite: 'device writes',
  snoopRead: 'snoop reads',
  snoopWrite: 'snoop writes',
  snoopWriteNeighbour: 'snoop writes neighbour',
  snoopWriteElsewhere: 'snoop writes elsewhere',
  newOwner: 'new owner',
} as const;

const MAINTAIN =
  /^(?<cpu1>cpu1)?(?<issue>issue)?(?<scope>local|outer)?(?<kind>clean|invalidate|cleanInvalidate)(?<one>One)?(?<elsewhere>Elsewhere)?$/i;

function has<Key extends string>(names: Readonly<Record<Key, unknown>>, name: string): name is Key {
  return Object.hasOwn(names, name);
}

function read(name: string): Act {
  if (name === 'barrier') return { what: 'barrier', cpu: 0 };
  if (has(OTHERS, name)) return { what: OTHERS[name] };
  const cpu = name.startsWith('cpu1') ? 1 : 0;
  const act = name.replace(/^cpu1?/, '');
  if (has(CPU_ACTS, act)) return { what: CPU_ACTS[act], cpu };
  const groups = MAINTAIN.exec(name)?.groups ?? {};
  const kind = groups['kind']?.toLowerCase() ?? '';
  if (!has(KINDS, kind)) throw new Error(`${name}: not understood`);
  const scope = groups['scope']?.toLowerCase();
  if (scope === 'outer') return { what: 'maintain outer', kind: KINDS[kind] };
  return {
    what: 'maintain',
    kind: KINDS[kind],
    cpu,
    issued: groups['issue'] !== undefined,
    local: scope === 'local',
    elsewhere: groups['elsewhere'] !== undefined,
    one: groups['one'] !== undefined,
  };
}

const ACTS = new Map(Object.entries(Operation).map(([name, operation]) => [operation, read(name)]));

export function decode(operation: Operation): Act {
  const act = ACTS.get(operation);
  if (act === undefined) throw new Error(`operation ${operation}: unknown`);
  return act;
}
