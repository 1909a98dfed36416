/**
 * Hypercalls in pieces. Each is a generator that stops where Xen holds no lock, or lets go of the core, so that others
 * can run there; what lies between two stops is atomic. Run to the end without stopping, it is the plain hypercall.
 */

/** Where a hypercall stopped. */
export type XenStep =
  /** Between two elements of a batch. */
  | { readonly at: 'next-element' }
  /** GNTTABOP_map_grant_ref: the grant is pinned, the page not mapped yet. */
  | { readonly at: 'grant-pinned' }
  /** Unmap: entries are removed; TLBs may still hold them. */
  | { readonly at: 'tlb-flush-pending' }
  /** Unmap: TLBs are flushed; the pins are not dropped yet. */
  | { readonly at: 'unpin-pending' }
  /** GNTTABOP_cache_flush, by quirk: the grant was found, its lock dropped, the maintenance is about to happen. */
  | { readonly at: 'grant-looked-up' }
  /** GNTTABOP_cache_flush: one pass over the owner's entries is done. */
  | { readonly at: 'pass-done' }
  /** Memory operation, by quirk: the page is free while TLBs may still hold its translation. */
  | { readonly at: 'freed-before-tlb-flush' }
  /** Preempted: the guest issues the hypercall again, with these arguments. */
  | { readonly at: 'preempted'; readonly cmd: number; readonly arg: number; readonly count: number };

/** A hypercall, or a part of one, that can stop. */
export type Steps<Result> = Generator<XenStep, Result, void>;

const NO_STEPS: readonly XenStep[] = [];

/** A hypercall, or a part of one, that does not stop. */
export function* atomic<Result>(work: () => Result): Steps<Result> {
  yield* NO_STEPS;
  return work();
}

/** Run to the end. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
