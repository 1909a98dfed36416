/** Steps by which agents wait for each other. */
import type { Handlers } from './step.ts';

export const SIGNAL_STEPS: Handlers<'signal' | 'wait'> = {
  signal: (system, _actor, { name }) =>
    system.scheduler.atomic(`signal ${name}`, () => {
      system.footprint.touch(`signal:${name}`, true);
      system.signals.add(name);
    }),
  wait: (system, _actor, { name }) =>
    system.scheduler.atomic(
      `wait ${name}`,
      () => system.footprint.touch(`signal:${name}`, false),
      () => {
        system.footprint.touch(`signal:${name}`, false);
        return system.signals.has(name);
      },
    ),
};
