/**
 * Points at which another agent may come between.
 *
 * A call of a design, of the kernel or of a hypervisor is synchronous code. Whatever in it touches shared state goes
 * through atomic(); an explorer that wants to let another agent run between two of them ends the call there (by throwing) and
 * later calls it again from its beginning, with the recorded answers of the atomics that are already done.
 * So what stands between two atomics must be deterministic and must change nothing but the call's own locals,
 * and must not catch what it does not know.
 */
export interface Scheduler {
  /**
   * Do something that others see whole or not at all.
   * @param what for people: "pin grant 8", "clean [0x1000, 0x1040)".
   * @param ready false: it cannot be done yet (a lock is held, a signal not yet given); another agent must run first.
   *   It must not touch anything, and what it looks at belongs to the footprint of the action.
   */
  atomic<Answer>(what: string, action: () => Answer, ready?: () => boolean): Answer;
}

/** Nobody comes between; what is not ready never will be. */
export const AT_ONCE: Scheduler = {
  atomic: (what, action, ready) => {
    if (ready && !ready()) throw new Error(`deadlock: ${what}`);
    return action();
  },
};
