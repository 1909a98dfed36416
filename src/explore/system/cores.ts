/**
 * Without preemption: who runs on a core runs there until its step is over, in the kernel and in the hypervisor. Those on other cores
 * go on meanwhile.
 */
import type { Footprint, Scheduler } from '../../machine/index.ts';
import type { Action } from '../../scenario/index.ts';

/** Steps of one action, which wait or keep nobody waiting. */
const SHORT: ReadonlySet<Action['do']> = new Set(['signal', 'wait']);

export class Cores {
  readonly #footprint: Footprint;
  readonly #scheduler: Scheduler;
  readonly #taken = new Set<number>();

  constructor(footprint: Footprint, scheduler: Scheduler) {
    this.#footprint = footprint;
    this.#scheduler = scheduler;
  }

  /** Do a step on this core, with nobody else there in between. */
  undisturbed(cpu: number, { do: kind }: Action, step: () => void): void {
    if (SHORT.has(kind)) {
      step();
      return;
    }
    this.#scheduler.atomic(
      `get core ${cpu}`,
      () => {
        this.#touch(cpu);
        this.#taken.add(cpu);
      },
      () => !this.#taken.has(cpu),
    );
    step();
    this.#scheduler.atomic(`give way on core ${cpu}`, () => {
      this.#touch(cpu);
      this.#taken.delete(cpu);
    });
  }

  #touch(cpu: number): void {
    this.#footprint.touch(`lock:core ${cpu}`, true);
  }
}
