/** A program of one agent: nothing to interleave, nothing to note. */
import type { Bounds } from '../../scenario/index.ts';
import type { Exploration, Instance, Visit } from './contract.ts';
import { Run } from './run.ts';

/** Executes the only execution there is. */
export function exploreAlone<World>(
  instance: Instance<World>,
  bounds: Bounds,
  visit: Visit<World>,
): Exploration {
  const result = (outcome: Exploration['outcome'], executions: number, transitions: number): Exploration => ({
    outcome,
    executions,
    abandoned: 0,
    transitions,
  });
  if (bounds.executions < 1) return result('executions', 0, 0);

  let transitions = 0;
  let cut = false;
  const run: Run<World> = new Run(instance, {
    before: () => {},
    after: () => {
      transitions += 1;
    },
    goesOn: (agent): boolean => {
      cut = transitions >= bounds.transitions;
      return !cut && run.isEnabled(agent);
    },
  });
  run.begin();
  if (cut) return result('transitions', 0, transitions);
  return result(visit(run.execution()) === 'stop' ? 'stopped' : 'complete', 1, transitions);
}
