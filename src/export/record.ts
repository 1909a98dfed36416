/**
 * From a case and a design to what each agent does to the machine.
 *
 * The case is explored with a machine that only writes down. Memory is then no shared state, so what remains of
 * interleavings is what the software can tell: locks, tables, allocators. If every agent does the same in all of them, its
 * list of actions with its signals, waits and locks is all there is to say; if not, there is no such list.
 */
import { type MachineAddr, offsetBy, PAGE_SIZE } from '../address/index.ts';
import { explore, machineSpec, makeProgram, type Program, type System } from '../explore/index.ts';
import type { Design } from '../linux/index.ts';
import type { Footprint, Scheduler } from '../machine/index.ts';
import type { Bounds, Case } from '../scenario/index.ts';
import type { Action, Failure, Operation, Synchronisation } from './operations.ts';
import { RecordingMachine } from './recording-machine.ts';
import { CannotExport } from './refusal.ts';

/** Where a name of the scenario lies in machine memory. */
export interface NamedBytes {
  readonly name: string;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

export interface Recording {
  /** How memory begins; what is not mentioned was written. */
  readonly beginning: readonly Operation[];
  /** By agent. */
  readonly agents: readonly (readonly Action[])[];
  /** Buffers, in the order of the scenario; then what agents made. */
  readonly names: readonly NamedBytes[];
  readonly isSlot: (from: MachineAddr, to: MachineAddr) => boolean;
}

/** @throws CannotExport where it cannot be said. */
export function record(one: Case, design: Design, bounds: Bounds): Recording {
  if (one.schedule) throw new CannotExport('only some interleavings of it are to be looked at (schedule)');
  let first: Recording | undefined;
  const program = recordingProgram(one, design);
  const { outcome } = explore(program, bounds, ({ world, end, crashes, blocked }) => {
    for (const { error, message, agent } of crashes)
      throw error instanceof CannotExport ? error : new Error(`${one.agents[agent]?.name}: ${message}`);
    if (end === 'deadlock') {
      const who = blocked.map(({ agent, what }) => `${one.agents[agent]?.name}: ${what}`);
      throw new CannotExport(`in some order nobody can go on (${who.join('; ')})`);
    }
    const { beginning, agents } = world;
    first ??= { beginning, agents, names: namesOf(one, world.system), isSlot: slotsOf(world.system) };
    for (const [agent, actions] of agents.entries())
      requireSame(one, agent, first.agents[agent] ?? [], actions);
    return undefined;
  });
  if (outcome !== 'complete' || first === undefined)
    throw new CannotExport(
      `what agents do could not be found out within ${bounds[BOUND[outcome]]} ${outcome}`,
    );
  return { ...first, agents: withoutOwnLocks(first.agents) };
}

const BOUND = {
  executions: 'executions',
  transitions: 'transitions',
  stopped: 'executions',
  complete: 'executions',
} as const;

/** One run of the system, and what it did. */
interface RecordedWorld {
  readonly system: System;
  readonly beginning: readonly Operation[];
  readonly agents: Action[][];
}

function recordingProgram(one: Case, design: Design): Program<RecordedWorld> {
  return {
    make: (footprint) => {
      let machine: RecordingMachine | undefined;
      let cells: string[] = [];
      const watched: Footprint = {
        touch: (cell, write) => {
          cells.push(cell);
          footprint.touch(cell, write);
        },
      };
      const made = makeProgram(one, design, (platform) => {
        machine = new RecordingMachine(machineSpec(platform));
        return machine;
      }).make(watched);
      const system = made.world;
      const take = () => machine?.take() ?? [];
      const world: RecordedWorld = { system, beginning: take(), agents: made.agents.map(() => []) };
      const watch = (agent: number, step: number, scheduler: Scheduler): Scheduler => {
        let depth = 0;
        return {
          atomic: (what, action, ready) =>
            scheduler.atomic(
              what,
              () => {
                if (depth > 0) return action();
                depth++;
                cells = [];
                const before = system.found.length;
                try {
                  return action();
                } finally {
                  depth--;
                  const failures = system.found
                    .slice(before)
                    .map(({ rule, what }) => ({ rule, what }) as Failure);
                  const synchronisation = synchronisationOf(one, agent, step, cells, ready !== undefined);
                  const operations = take();
                  if (operations.length > 0 || failures.length > 0 || synchronisation)
                    world.agents[agent]?.push({ step, operations, failures, synchronisation });
                }
              },
              ready,
            ),
        };
      };
      const agents = made.agents.map((program, agent) => ({
        calls: program.calls,
        step: (index: number, scheduler: Scheduler) => program.step(index, watch(agent, index, scheduler)),
      }));
      return { world, agents };
    },
  };
}

/** @throws CannotExport for what waits, and is neither a wait of the scenario nor for a lock. */
function synchronisationOf(
  one: Case,
  agent: number,
  step: number,
  cells: readonly string[],
  waits: boolean,
): Synchronisation | undefined {
  const action = one.agents[agent]?.steps[step];
  if (action?.do === 'signal' || action?.do === 'wait') return { do: action.do, name: action.name };
  const [lock, ...others] = new Set(cells.filter((cell) => cell.startsWith('lock:')));
  if (lock === undefined ? waits : others.length > 0)
    throw new CannotExport(`${one.agents[agent]?.name}, line ${action?.line} waits for more than a lock`);
  return lock === undefined ? undefined : { do: waits ? 'lock' : 'unlock', name: lock.slice('lock:'.length) };
}

function requireSame(one: Case, agent: number, first: readonly Action[], now: readonly Action[]): void {
  const text = (action: Action | undefined) => JSON.stringify(action);
  const length = Math.max(first.length, now.length);
  for (let i = 0; i < length; i++) {
    if (text(first[i]) === text(now[i])) continue;
    const spec = one.agents[agent];
    const line = spec?.steps[(now[i] ?? first[i])?.step ?? 0]?.line;
    throw new CannotExport(
      `what ${spec?.name} does at line ${line} depends on the order of the agents: on state of the software, of which the models have none but signals and locks`,
    );
  }
}

/** A lock that one agent alone takes keeps nobody waiting. */
function withoutOwnLocks(agents: readonly (readonly Action[])[]): Action[][] {
  const takers = new Map<string, Set<number>>();
  agents.forEach((actions, agent) => {
    for (const { synchronisation } of actions)
      if (synchronisation?.do === 'lock') {
        const all = takers.get(synchronisation.name) ?? new Set();
        takers.set(synchronisation.name, all.add(agent));
      }
  });
  const needed = ({ synchronisation }: Action): boolean =>
    synchronisation === undefined ||
    synchronisation.do === 'signal' ||
    synchronisation.do === 'wait' ||
    (takers.get(synchronisation.name)?.size ?? 0) > 1;
  return agents.map((actions) =>
    actions.flatMap((action) => {
      if (needed(action)) return [action];
      const rest = { ...action, synchronisation: undefined };
      return rest.operations.length > 0 || rest.failures.length > 0 ? [rest] : [];
    }),
  );
}

function namesOf(one: Case, system: System): NamedBytes[] {
  const order = one.buffers.map(({ name }) => name);
  const places = [...system.named.places.values()].sort(
    (a, b) =>
      (order.indexOf(a.name) + 1 || order.length + 1) - (order.indexOf(b.name) + 1 || order.length + 1),
  );
  return places.flatMap((place) =>
    place.pages.map(({ machine }, i) => {
      const from = i === 0 ? place.offset : 0;
      const to = Math.min(PAGE_SIZE, place.offset + place.size - i * PAGE_SIZE);
      return { name: place.name, from: offsetBy(machine, from), to: offsetBy(machine, to) };
    }),
  );
}

const slotsOf =
  (system: System) =>
  (from: MachineAddr, to: MachineAddr): boolean =>
    system.isSlot([[from, to]]);
