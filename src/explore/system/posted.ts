/** What devices have sent and what has not arrived in memory: posted writes, which a device's next one that is not pushes on. */
import type { MachineAddr } from '../../address/index.ts';
import type { Footprint, Port } from '../../machine/index.ts';
import type { MachineRange } from './places.ts';

/** All methods are called within atomic actions. */
export class PostedWrites {
  readonly #footprint: Footprint;
  #posted: { readonly port: Port; readonly range: MachineRange }[] = [];

  constructor(footprint: Footprint) {
    this.#footprint = footprint;
  }

  post(port: Port, from: MachineAddr, to: MachineAddr): void {
    this.#footprint.touch('posted', true);
    this.#posted.push({ port, range: [from, to] });
  }

  /** What the device has posted arrives, in the order in which it was sent. */
  arrive(port: Port): MachineRange[] {
    this.#footprint.touch('posted', false);
    const arrived = this.#posted.filter((each) => each.port === port);
    if (arrived.length > 0) this.#footprint.touch('posted', true);
    this.#posted = this.#posted.filter((each) => each.port !== port);
    return arrived.map(({ range }) => range);
  }

  /** The first range that is posted and overlaps [from, to). */
  over(from: MachineAddr, to: MachineAddr): MachineRange | undefined {
    this.#footprint.touch('posted', false);
    return this.#posted.find(({ range: [low, high] }) => low < to && from < high)?.range;
  }
}
