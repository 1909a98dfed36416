/** All of memory as runs of bytes, a frame at a time, made when a byte of it is first touched. */
import { type MachineAddr, machineAddrOf, mfnOf, PAGE_SIZE } from '../../address/index.ts';
import { Runs } from '../runs.ts';

export class Memory<Value extends number> {
  readonly #frames = new Map<number, Runs<Value>>();
  #untouched: Value;

  /** @param untouched what a byte is that nobody has mentioned. */
  constructor(untouched: Value) {
    this.#untouched = untouched;
  }

  /** Replace the value of every byte in [from, to). */
  update(from: MachineAddr, to: MachineAddr, change: (value: Value) => Value): void {
    this.#eachFrame(from, to, (runs) => runs.update(from, to, change));
  }

  /** Replace the value of every byte there is, touched or not. */
  updateAll(change: (value: Value) => Value): void {
    this.#untouched = change(this.#untouched);
    for (const [frame, runs] of this.#frames)
      runs.update((frame * PAGE_SIZE) as MachineAddr, ((frame + 1) * PAGE_SIZE) as MachineAddr, change);
  }

  /** Visit the runs in [from, to), ascending; a run ends at the latest where its frame does. */
  visit(
    from: MachineAddr,
    to: MachineAddr,
    visit: (value: Value, from: MachineAddr, to: MachineAddr) => void,
  ): void {
    this.#eachFrame(from, to, (runs) => runs.visit(from, to, visit));
  }

  /** Visit every run of every frame touched so far, frames in the order in which they were. */
  visitAll(visit: (value: Value, from: MachineAddr, to: MachineAddr) => void): void {
    for (const [frame, runs] of this.#frames)
      runs.visit((frame * PAGE_SIZE) as MachineAddr, ((frame + 1) * PAGE_SIZE) as MachineAddr, visit);
  }

  /** Equal for equal memories, whatever the order in which their frames were touched. */
  key(): string {
    const frames = [...this.#frames].sort(([a], [b]) => a - b);
    return `${this.#untouched} ${frames.map(([frame, runs]) => `${frame}:${runs.key()}`).join(' ')}`;
  }

  #eachFrame(from: MachineAddr, to: MachineAddr, visit: (runs: Runs<Value>) => void): void {
    if (from >= to) return;
    const last = mfnOf((to - 1) as MachineAddr);
    for (let frame = mfnOf(from); frame <= last; frame++) {
      let runs = this.#frames.get(frame);
      if (runs === undefined) {
        const start = machineAddrOf(frame);
        runs = new Runs(start, (start + PAGE_SIZE) as MachineAddr, this.#untouched);
        this.#frames.set(frame, runs);
      }
      visit(runs);
    }
  }
}
