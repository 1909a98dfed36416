/** What an execution has looked at, so that a verdict on nothing is not taken for one. */
import type { Action } from '../../scenario/index.ts';

/** In one execution. */
export interface Looked {
  /** A CPU, a device or the hypervisor has read data, or a device might have at any time. */
  atData: boolean;
  /** A step was done that could have failed, used other memory, or destroyed something. */
  atAnything: boolean;
}

/** Steps at which nothing can go wrong: what they do shows, if at all, in what others do later. */
const HARMLESS: ReadonlySet<Action['do']> = new Set(['barrier', 'signal', 'wait', 'end-access']);

/** Can anything be found wrong at the step itself. */
export function canGoWrong(action: Action): boolean {
  return !HARMLESS.has(action.do) && !(action.do === 'maintain' && action.operation === 'clean');
}
