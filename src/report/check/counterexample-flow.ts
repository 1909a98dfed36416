/** Which way data goes in a line of a counterexample: between who acts and the copies of the byte. */
import type { Rule, TimelineStep } from '../../explore/index.ts';

/** An end of an arrow: the one who acts, or a copy by its place in the list. */
export type End = 'actor' | number;
export type Flow =
  /** Data goes from one end to the other. */
  | { readonly from: End; readonly to: End }
  /** A copy is thrown away. */
  | { readonly dropped: number };

/** @returns undefined where nothing moves. */
export function flowOf(step: TimelineStep, rule: Rule): Flow | undefined {
  const { copies, kind, action, operations } = step;
  if (copies.length === 0) return undefined;
  const memory = copies.length - 1;
  if (kind === 'wrong') return wrongFlow(step, rule, memory);
  if (kind === 'move') {
    const cache = Math.max(
      0,
      copies.findIndex(({ name }) => name !== 'cache' && action.endsWith(`(${name})`)),
    );
    return action.includes('loads') ? { from: memory, to: cache } : { from: cache, to: belowOf(step, cache) };
  }
  if (kind === 'window')
    return action.endsWith('writes the byte') ? { from: 'actor', to: memory } : { from: 'actor', to: 0 };
  for (const name of operations.toReversed()) {
    const own = name.startsWith('cpu1') && copies[1]?.name === 'CPU 1' ? 1 : 0;
    const cache = name.startsWith('outer') ? Math.max(0, memory - 1) : own;
    if (/clean/i.test(name)) return { from: cache, to: belowOf(step, cache) };
    if (/invalidate/i.test(name)) return { dropped: cache };
    const isDirect = name.startsWith('device') || name.includes('Uncached');
    if (name.includes('Write'))
      return { from: 'actor', to: isDirect || name.startsWith('snoop') ? memory : own };
    if (name.includes('Read')) return { from: isDirect ? memory : own, to: 'actor' };
  }
  return undefined;
}

/** Where a cache writes back to: CPUs' own caches to the memory beside them, an inner cache to the outer one. */
function belowOf({ copies }: TimelineStep, cache: number): number {
  return copies[cache]?.name.startsWith('CPU') ? copies.length - 1 : Math.min(cache + 1, copies.length - 1);
}

/** No copy of the byte is used where these happen. */
const NO_FLOW: ReadonlySet<Rule> = new Set([
  'lost-write',
  'fault',
  'wrong-frame',
  'kernel-bug',
  'kernel-warning',
]);

function wrongFlow({ copies }: TimelineStep, rule: Rule, memory: number): Flow | undefined {
  if (NO_FLOW.has(rule)) return undefined;
  if (rule === 'stale-device-read') return { from: memory, to: 'actor' };
  const old = copies.findIndex(({ current }) => current === false);
  return { from: old < 0 ? memory : old, to: 'actor' };
}
