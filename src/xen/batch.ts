/** Arrays of operations in guest memory: read an element, work on it, write its result back. */
import { Errno } from './abi/errno.ts';
import type { Layout } from './abi/layout.ts';
import { copyFromGuest, copyToGuest } from './guest-memory.ts';
import type { Domain, XenState } from './state.ts';
import type { Steps } from './steps.ts';

/** An array as a hypercall gets it. */
export interface Batch {
  readonly caller: Domain;
  /** Guest physical address of the first element. */
  readonly at: number;
  readonly count: number;
}

/**
 * What a part of a hypercall came to: done with this result (0 or a negative error), or to be continued after `done`
 * elements, for cache_flush at a reference.
 */
export type BatchOutcome = { readonly rc: number } | { readonly done: number; readonly continueAt?: number };

export const DONE: BatchOutcome = { rc: 0 };
export const FAULT: BatchOutcome = { rc: -Errno.EFAULT };

type AnyLayout = Pick<Layout<Record<string, readonly ['u32', number]>>, 'size'>;

/**
 * Element by element: not accessible -> -EFAULT, what was done stays done. Between elements Xen may be preempted.
 * @param work gives the bytes to write back and where in the element.
 */
export function* eachElement(
  xen: XenState,
  { caller, at, count }: Batch,
  { size }: AnyLayout,
  work: (bytes: Uint8Array) => Steps<{ readonly offset: number; readonly bytes: Uint8Array }>,
): Steps<BatchOutcome> {
  for (let i = 0; i < count; i += 1) {
    if (i > 0) {
      if (xen.preempt()) return { done: i };
      yield { at: 'next-element' };
    }
    const element = at + i * size;
    const bytes = copyFromGuest(xen, caller, element, size);
    if (!bytes) return FAULT;
    const result = yield* work(bytes);
    if (!copyToGuest(xen, caller, element + result.offset, result.bytes)) return FAULT;
  }
  return DONE;
}
