/** Exploring every interleaving. */
import type { Bounds } from '../../scenario/index.ts';
import { bruteForce } from './brute-force.ts';
import type { Exploration, Program, Visit } from './contract.ts';

/**
 * Executes every interleaving of a program.
 * @param visit is given every execution when it has ended.
 */
export function explore<World>(program: Program<World>, bounds: Bounds, visit: Visit<World>): Exploration {
  return bruteForce(program, bounds, visit);
}
