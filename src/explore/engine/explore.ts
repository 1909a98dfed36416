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
 * Claim: some execution explored from E begins, up to commuting, with w. By induction, the longest E first. If a chosen
 * agent's event at E can be moved to the front of w, or commutes with all of w, take the first such agent explored, q: the
 * claim for E.q gives it. Otherwise let x, of agent p, be the first event of w that conflicts with what some chosen q
 * does at E, w = w1.x.w2. Then w1.x has no chosen agents (the first such event could be moved to the front), and q
 * commutes with w1.
 * - If p can act after q.w1, what it does there, x', conflicts with q directly: else they would commute, and x = x'. No
 *   sleeper of E.q can be moved to the front of w1.x', so by the claim for E.q an execution beginning with q.w1.x' was explored,
 *   and the pair (q, x') seen.
 * - If p is blocked there, q wrote what its condition looks at. An execution that begins with q.w1 was explored, in which p
 *   executes its atomic later, or falls asleep, having executed it elsewhere, or stays blocked to the end: each time the
 *   pair is seen.
 * Seen, the pair gets somebody chosen at E who has an event in w1.x, which was said to have none; or everybody, and
 * the first event of w is somebody's; or shows that there is no such w. For p's previous event, with all that happens before it and
 * not before E, is in w1: any first one of these is chosen, and if he sleeps, there is no such w. If there are none,
 * p stands right before x at E, and is chosen. If it sleeps there, w1 has an event that wakes it, and if it is blocked, one
 * that writes what it waits for: those events that the execution shows are treated one by one, and if it need not
 * show them all (x' may touch less than what sleeps), everybody is chosen.
 * A maximal w from the beginning, where nobody sleeps, is thus executed up to commuting.
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
