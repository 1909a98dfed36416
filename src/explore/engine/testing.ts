/** Small programs over a few cells, at random or written down, and what tells two executions of them apart. */
import fc from 'fast-check';
import type { Footprint, Scheduler } from '../../machine/index.ts';
import type { Execution, Program } from './contract.ts';

/** One atomic. Cells are numbers that begin at 0. */
export type Atom =
  | { readonly do: 'read'; readonly cell: number }
  | { readonly do: 'write' | 'add'; readonly cell: number; readonly value: number }
  /** Touches the second cell only if the first is not 0; 'Unless': is 0. */
  | { readonly do: 'readIf' | 'readUnless' | 'writeIf'; readonly cell: number; readonly other: number }
  /** May go on when the cell is 0, and sets it to 1. */
  | { readonly do: 'lock'; readonly cell: number }
  | { readonly do: 'unlock'; readonly cell: number }
  /** Waits until the cell is not 0. `take` takes one away. */
  | { readonly do: 'wait' | 'take'; readonly cell: number }
  | { readonly do: 'waitEither' | 'waitBoth'; readonly cell: number; readonly other: number }
  /** Throws if the cell is not 0. */
  | { readonly do: 'throwIf'; readonly cell: number }
  /** Ends the call if what the agent has read so far is odd. */
  | { readonly do: 'leaveIfOdd' };

/** By agent, by call. */
export type Code = readonly (readonly (readonly Atom[])[])[];

/** What happened, with all that was touched. */
interface Happened {
  readonly agent: number;
  readonly cells: Map<number, boolean>;
}

export interface CellWorld {
  readonly cells: number[];
  /** What each agent has read, hashed. */
  readonly seen: number[];
  readonly log: Happened[];
}

export interface Options {
  /** Conditions name their cells. */
  readonly named?: boolean;
  /** Planted error: what the explorer is not told of. */
  readonly hide?: (cell: number, write: boolean, atom: Atom) => boolean;
}

export function programOf(code: Code, options: Options = {}): Program<CellWorld> {
  return { make: (footprint) => instanceOf(code, options, footprint) };
}

function instanceOf(code: Code, { named = false, hide = () => false }: Options, footprint: Footprint) {
  const world: CellWorld = { cells: [0, 0, 0, 0, 0, 0], seen: code.map(() => 0), log: [] };
  const perform = (
    agent: number,
    atom: Exclude<Atom, { do: 'leaveIfOdd' }>,
    scheduler: Scheduler,
  ): number => {
    let happened: Happened = { agent, cells: new Map() };
    const touch = (cell: number, write: boolean): void => {
      happened.cells.set(cell, write || happened.cells.get(cell) === true);
      if (!hide(cell, write, atom)) footprint.touch(`cell:${cell}`, write);
    };
    const get = (cell: number): number => {
      touch(cell, false);
      return world.cells[cell] ?? 0;
    };
    const set = (cell: number, value: number): void => {
      touch(cell, true);
      world.cells[cell] = value;
    };
    const condition = conditionOf(atom);
    const action = (): number => {
      happened = { agent, cells: new Map() };
      world.log.push(happened);
      for (const cell of condition?.cells ?? []) get(cell);
      return effectOf(atom, get, set);
    };
    const ready =
      condition &&
      ((): boolean => {
        if (named) for (const cell of condition.cells) footprint.touch(`cell:${cell}`, false);
        return condition.holds(condition.cells.map((cell) => world.cells[cell] ?? 0));
      });
    return scheduler.atomic(labelOf(atom), action, ready);
  };
  const agents = code.map((calls, agent) => {
    /** What was read in all calls before this one: kept by the agent, set once more when a call is repeated. */
    const before = [0];
    return {
      calls: calls.length,
      step: (index: number, scheduler: Scheduler): void => {
        let seen = before[index] ?? 0;
        for (const atom of calls[index] ?? []) {
          if (atom.do === 'leaveIfOdd') {
            if (seen % 2 === 1) break;
          } else {
            seen = (seen * 7 + perform(agent, atom, scheduler)) % 10_007;
          }
        }
        before[index + 1] = seen;
        world.seen[agent] = seen;
      },
    };
  });
  return { world, agents };
}

const labels = new WeakMap<Atom, string>();

/** What people would read: made once, for brute force asks again and again. */
function labelOf(atom: Atom): string {
  let label = labels.get(atom);
  if (label === undefined) {
    label = JSON.stringify(atom);
    labels.set(atom, label);
  }
  return label;
}

interface Condition {
  readonly cells: readonly number[];
  readonly holds: (values: readonly number[]) => boolean;
}

function conditionOf(atom: Atom): Condition | undefined {
  const isSet = (value: number): boolean => value !== 0;
  switch (atom.do) {
    case 'lock':
      return { cells: [atom.cell], holds: ([value]) => value === 0 };
    case 'wait':
    case 'take':
      return { cells: [atom.cell], holds: ([value]) => value !== 0 };
    case 'waitEither':
      return { cells: [atom.cell, atom.other], holds: (values) => values.some(isSet) };
    case 'waitBoth':
      return { cells: [atom.cell, atom.other], holds: (values) => values.every(isSet) };
    default:
      return undefined;
  }
}

function effectOf(
  atom: Exclude<Atom, { do: 'leaveIfOdd' }>,
  get: (cell: number) => number,
  set: (cell: number, value: number) => void,
): number {
  switch (atom.do) {
    case 'read':
      return get(atom.cell) + 1;
    case 'write':
      set(atom.cell, atom.value);
      return 0;
    case 'add':
      set(atom.cell, get(atom.cell) + atom.value);
      return 0;
    case 'readIf':
      return get(atom.cell) === 0 ? 0 : get(atom.other) + 1;
    case 'readUnless':
      return get(atom.cell) !== 0 ? 0 : get(atom.other) + 1;
    case 'writeIf':
      if (get(atom.cell) !== 0) set(atom.other, 2);
      return 0;
    case 'lock':
      set(atom.cell, 1);
      return 0;
    case 'unlock':
      set(atom.cell, 0);
      return 0;
    case 'wait':
      return get(atom.cell);
    case 'take':
      set(atom.cell, get(atom.cell) - 1);
      return 0;
    case 'waitEither':
      return get(atom.cell) * 3 + get(atom.other);
    case 'waitBoth':
      return get(atom.cell) + get(atom.other);
    case 'throwIf':
      if (get(atom.cell) !== 0) throw new Error(`cell ${atom.cell}`);
      return 0;
  }
}

/** What somebody who looks only at the end can tell. */
export function outcomeOf({ world, end, blocked, crashes }: Execution<CellWorld>): string {
  const stuck = blocked.map(({ agent }) => agent);
  return JSON.stringify([end, world.cells, world.seen, stuck, crashes.map(({ agent }) => agent).sort()]);
}

/** The class of equivalent executions that this one is of: every event with the events that happen before it. */
export function classOf({ world }: Execution<CellWorld>): string {
  const events: (Happened & { readonly clock: number[] })[] = [];
  for (const { agent, cells } of world.log) {
    const clock = world.seen.map(() => 0);
    for (const other of events) {
      if (other.agent !== agent && !conflict(cells, other.cells)) continue;
      for (const [i, count] of other.clock.entries()) clock[i] = Math.max(clock[i] ?? 0, count);
    }
    clock[agent] = (clock[agent] ?? 0) + 1;
    events.push({ agent, cells, clock });
  }
  return events
    .map(({ agent, clock }) => `${agent}:${clock}`)
    .sort()
    .join(' ');
}

function conflict(one: Happened['cells'], other: Happened['cells']): boolean {
  for (const [cell, write] of one) {
    const otherWrite = other.get(cell);
    if (otherWrite !== undefined && (write || otherWrite)) return true;
  }
  return false;
}

const cell = fc.nat({ max: 3 });
const value = fc.nat({ max: 2 });
const kinds = {
  plain: fc.oneof(
    fc.record({ do: fc.constant('read' as const), cell }),
    fc.record({ do: fc.constantFrom('write' as const, 'add' as const), cell, value }),
  ),
  dependent: fc.oneof(
    fc.record({
      do: fc.constantFrom('readIf' as const, 'readUnless' as const, 'writeIf' as const),
      cell,
      other: cell,
    }),
    fc.record({ do: fc.constant('throwIf' as const), cell }),
    fc.record({ do: fc.constant('leaveIfOdd' as const) }),
  ),
  blocking: fc.oneof(
    fc.record({ do: fc.constantFrom('lock' as const, 'unlock' as const), cell }),
    fc.record({ do: fc.constantFrom('wait' as const, 'take' as const), cell }),
    fc.record({ do: fc.constantFrom('waitEither' as const, 'waitBoth' as const), cell, other: cell }),
  ),
};

/** Programs of so many atomics and agents, cut into calls anyhow. */
export function codes(agents: number, atoms: number): fc.Arbitrary<Code> {
  const atom: fc.Arbitrary<Atom> = fc.oneof(
    { weight: 4, arbitrary: kinds.plain },
    { weight: 3, arbitrary: kinds.dependent },
    { weight: 3, arbitrary: kinds.blocking },
  );
  const agent = fc.array(fc.tuple(atom, fc.boolean()), { minLength: 1, maxLength: atoms }).map((list) => {
    const calls: Atom[][] = [[]];
    for (const [one, split] of list) {
      if (split) calls.push([]);
      calls.at(-1)?.push(one);
    }
    return calls;
  });
  return fc.array(agent, { minLength: 2, maxLength: agents });
}

/** Programs without conditions, of one call of so many atomics for each of so many agents. */
export function plainCodes(agents: number, atoms: number): fc.Arbitrary<Code> {
  const cell = fc.nat({ max: 2 });
  const atom: fc.Arbitrary<Atom> = fc.oneof(
    fc.record({ do: fc.constant('read' as const), cell }),
    fc.record({ do: fc.constant('write' as const), cell, value: fc.constantFrom(1, 2) }),
    fc.record({
      do: fc.constantFrom('readIf' as const, 'readUnless' as const, 'writeIf' as const),
      cell,
      other: cell,
    }),
  );
  const agent = fc.array(atom, { minLength: 1, maxLength: atoms }).map((call) => [call]);
  return fc.array(agent, { minLength: agents, maxLength: agents });
}

/** A program whose agents make one call each. */
export function program<World>(
  make: () => World,
  ...calls: ((world: World, atomic: Scheduler['atomic'], touch: Footprint['touch']) => void)[]
): Program<World> {
  return {
    make: (footprint) => {
      const world = make();
      const touch = footprint.touch.bind(footprint);
      const agents = calls.map((call) => ({
        calls: 1,
        step: (_: number, scheduler: Scheduler) => call(world, scheduler.atomic.bind(scheduler), touch),
      }));
      return { world, agents };
    },
  };
}
