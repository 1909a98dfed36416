/** What the handlers of all steps share: who executes, on what, and names of what could not be made. */
import { type Attributes, Direction, type DirectionName } from '../../../linux/index.ts';
import type { Action, AgentSpec, AttributeName } from '../../../scenario/index.ts';
import type { Kind } from '../named.ts';
import type { System } from '../system.ts';

/** Who executes a step. */
export interface Actor {
  /** Of all agents. */
  readonly index: number;
  readonly spec: AgentSpec;
  /** Its domain; a device's program has none. */
  readonly domain: string;
}

export type ActionOf<Kind extends Action['do']> = Extract<Action, { readonly do: Kind }>;
/** What a kind of step does to the system. */
export type Handler<Kind extends Action['do']> = (
  system: System,
  actor: Actor,
  action: ActionOf<Kind>,
) => void;
/** Handlers of some kinds of steps. */
export type Handlers<Kinds extends Action['do']> = { readonly [Kind in Kinds]: Handler<Kind> };

export const DIRECTIONS: Readonly<Record<DirectionName, Direction>> = {
  TO_DEVICE: Direction.toDevice,
  FROM_DEVICE: Direction.fromDevice,
  BIDIRECTIONAL: Direction.bidirectional,
};

export function attributesOf(names: readonly AttributeName[]): Attributes {
  return {
    skipCpuSync: names.includes('skip-cpu-sync'),
    mmio: names.includes('mmio'),
    requireCoherent: false,
  };
}

/** What a step would have made of something that is not there: who asks for it later comes too late, not too early. */
export function notMade(system: System, kind: Kind, name: string): void {
  system.scheduler.atomic(`no ${name}`, () => system.named.make(kind, name));
}

export function failAtomically(system: System, what: string): void {
  system.scheduler.atomic(what, () => system.fail('fault', what));
}

export function forget(system: System, name: string, before: () => void = () => {}): void {
  system.scheduler.atomic(`forget ${name}`, () => {
    before();
    system.named.forget(name);
  });
}
