/** Maintenance that was issued and is not complete: nobody knows when it takes effect before the barrier. */
import type { MachineAddr } from '../../address/index.ts';
import type { MaintenanceKind } from './hierarchy.ts';

export interface Issued {
  readonly cpu: number;
  /** First byte of the smallest line that the instruction names. */
  readonly at: MachineAddr;
  readonly kind: MaintenanceKind;
  /** Bytes that are no loss. */
  readonly spare: readonly [from: MachineAddr, to: MachineAddr] | undefined;
}

export class Pending {
  #issued: Issued[] = [];

  add(issued: Issued): void {
    this.#issued.push(issued);
  }

  all(): readonly Issued[] {
    return this.#issued;
  }

  over(from: MachineAddr, to: MachineAddr): readonly Issued[] {
    return this.#issued.filter(({ at }) => from <= at && at < to);
  }

  /** Take out what a CPU issued, in order: for one line, or all. */
  take(cpu: number, line?: MachineAddr): Issued[] {
    const taken = this.#issued.filter((each) => each.cpu === cpu && (line === undefined || each.at === line));
    this.#issued = this.#issued.filter((each) => !taken.includes(each));
    return taken;
  }

  remove(issued: Issued): void {
    this.#issued = this.#issued.filter((each) => each !== issued);
  }

  /** The answer puts everything back as it is now. */
  snapshot(): () => void {
    const saved = this.#issued;
    return () => {
      this.#issued = saved;
    };
  }
}
