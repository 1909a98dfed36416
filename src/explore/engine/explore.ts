/**
 * Exploring every interleaving without executing those that cannot differ: dynamic partial-order reduction with sleep sets.
 *
 * Which algorithm. That of Flanagan and Godefroid (Dynamic partial-order reduction for model checking software, POPL
 * 2005): execute some interleaving, find in it pairs of dependent events of different agents that could have come in the
 * other order (races), and have at the state before the earlier one another agent act, too. Joined with sleep sets
 * (Godefroid 1996), so that of equivalent executions at most one is completed. From Abdulla, Aronis, Jonsson and
 * Sagonas (Optimal dynamic partial order reduction, POPL 2014) come: races are sought when an event has been executed,
 * since only then its footprint is known; only the direct ones count; and who is chosen must be able to act first among
 * all that has to come before.
 *
 * Where it differs, because atomics touch many cells, other ones depending on what they find, and can be blocked:
 * - all direct races of an event are reversed, not only the last one (an event reordered may touch less, and the race with
 *   the event before it would never be seen);
 * - an event with a condition may have been kept waiting by events that lie further back than the direct ones (q locks, q
 *   unlocks, p locks): all writes of what its condition looks at are reversed too, unless the agent could not have acted
 *   there (as a wait before its signal), nobody else having written what it waits for;
 * - agents still blocked at the end of an execution, complete or abandoned, are treated like that too.
 *
 * Why it is sound. Let E be a state with its sleepers, w a sequence from E in which no sleeper can be moved to the front.
 * Claim: some execution explored from E begins, up to commuting, with w. By induction from the longest E down. If a chosen q
 * can be moved to the front of w, or commutes with all of it, the claim for E.q (q the first explored such) gives it.
 * Otherwise let x, of agent p, be the first event of w that conflicts with what some chosen q does at E (before it none
 * can be a chosen agent's). w = w1.x.w2, and q commutes with w1. If p can still act after q.w1, what it does there, x',
 * conflicts with q directly: else they would commute, and x = x'. No sleeper of E.q can be moved to the front of
 * w1.x', so by induction an execution beginning with q.w1.x' was explored and the race seen. If p is blocked
 * there, q wrote what p's condition looks at, and any execution explored that begins with q.w1 has p execute its atomic later,
 * or fall asleep after executing it, or stay blocked to the end: in each case the pair is seen. Seen, it makes
 * somebody chosen at E who has an event in w1.x, or shows there is no such w: contradiction, for w1.x has
 * no chosen agents. (What must happen before p's previous event, and directly before x', is in w1: choose who is first in
 * it; if he sleeps, there is no such w. If there is nothing, p stands at E before x: choose p. If p sleeps at E or is
 * blocked there, then w1 has an event that wakes it or writes what it waits for; those that the execution shows are taken one
 * by one, and if it need not show them all, everybody is chosen.) A maximal w from the beginning, with no
 * sleepers, is thus executed up to commuting.
 *
 * What it rests on: footprints tell all (contract.ts). If what should commute is seen not to, it throws.
 */
import { NO_FOOTPRINT } from '../../machine/index.ts';
import type { Bounds } from '../../scenario/index.ts';
import { exploreAlone } from './alone.ts';
import type { Exploration, Program, Visit } from './contract.ts';
import { Explorer } from './explorer.ts';

/**
 * Executes one of every class of equivalent interleavings of a program. Equivalent are those that differ in the order of
 * neighbouring transitions of different agents that touch no common cell, or only read those that both touch.
 * @param bounds executions counts abandoned ones too; transitions counts repeated ones too.
 * @param visit is given every complete execution.
 * @throws ProgramError if the program breaks the rules of contract.ts in a way that shows.
 */
export function explore<World>(program: Program<World>, bounds: Bounds, visit: Visit<World>): Exploration {
  const instance = program.make(NO_FOOTPRINT);
  if (instance.agents.length <= 1) return exploreAlone(instance, bounds, visit);

  const explorer = new Explorer(program, instance.agents.length, bounds.transitions);
  let executions = 0;
  let abandoned = 0;
  const result = (outcome: Exploration['outcome']): Exploration => ({
    outcome,
    executions,
    abandoned,
    transitions: explorer.transitions,
  });
  do {
    if (executions + abandoned === bounds.executions) return result('executions');
    const { run, ended } = explorer.execute();
    if (ended === 'transitions') return result('transitions');
    if (ended === 'complete') {
      executions += 1;
      if (visit(run.execution()) === 'stop') return result('stopped');
    } else {
      abandoned += 1;
    }
  } while (explorer.prepareNext());
  return result('complete');
}
