/** A step of a scenario is done: each kind by its handler. */
import type { Action } from '../../../scenario/index.ts';
import { canGoWrong } from '../looked.ts';
import type { System } from '../system.ts';
import { COHERENT_STEPS } from './coherent.ts';
import { CPU_STEPS } from './cpu.ts';
import { DEVICE_STEPS } from './device.ts';
import { GRANT_STEPS } from './grants.ts';
import { MAINTENANCE_STEPS } from './maintenance.ts';
import { MEMORY_STEPS } from './memory.ts';
import { SIGNAL_STEPS } from './signals.ts';
import type { Actor, Handler, Handlers } from './step.ts';
import { STREAMING_STEPS } from './streaming.ts';

/** Execute one step. Whatever goes wrong is written down in the system. */
export function perform(system: System, actor: Actor, action: Action): void {
  if (canGoWrong(action)) system.looked.atAnything = true;
  (HANDLERS[action.do] as Handler<Action['do']>)(system, actor, action as never);
}

const HANDLERS: Handlers<Action['do']> = {
  ...CPU_STEPS,
  ...MAINTENANCE_STEPS,
  ...STREAMING_STEPS,
  ...COHERENT_STEPS,
  ...DEVICE_STEPS,
  ...GRANT_STEPS,
  ...MEMORY_STEPS,
  ...SIGNAL_STEPS,
};
