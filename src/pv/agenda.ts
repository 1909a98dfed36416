/** What is still to happen: interrupts, devices at work. One thing at a time, in an order that chance decides or none. */

/** Picks one of so many that could come next: a number in [0, options). */
export type Pick = (options: number) => number;

/** In the order in which they were asked for. */
export const IN_ORDER: Pick = () => 0;

export class Agenda {
  readonly #pick: Pick;
  #tasks: (() => void)[] = [];

  constructor(pick: Pick = IN_ORDER) {
    this.#pick = pick;
  }

  later(task: () => void): void {
    this.#tasks.push(task);
  }

  /** Do one thing. False: there is nothing to do. */
  step(): boolean {
    const [task] = this.#tasks.splice(this.#tasks.length > 1 ? this.#pick(this.#tasks.length) : 0, 1);
    task?.();
    return task !== undefined;
  }

  /**
   * Until nothing is left.
   * @param bound things done at most.
   * @throws RangeError if it does not end by then.
   */
  run(bound = 1_000_000): void {
    for (let i = 0; i < bound; i++) if (!this.step()) return;
    throw new RangeError(`still busy after ${bound} events`);
  }
}

/** One end of an event channel: events sent before the handler has run are one event. */
export class EventPort {
  readonly #agenda: Agenda;
  readonly #handler: () => void;
  #pending = false;

  constructor(agenda: Agenda, handler: () => void) {
    this.#agenda = agenda;
    this.#handler = handler;
  }

  /** EVTCHNOP_send by the other end. */
  notify(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.#agenda.later(() => {
      this.#pending = false;
      this.#handler();
    });
  }
}
