/**
 * Whose operation is it: maintenance belongs to the DMA call around it, and calls nest.
 *
 * A hard interrupt's unmap can stand between another unmap and its flush, and CPUs interleave. So operations wait in the
 * context that issued them: the pid in process context, the CPU for the idle task, (CPU, level) in
 * interrupts. By CPU or by pid alone real traces give false errors.
 */
import type { DmaAddr, PhysAddr } from '../address/index.ts';
import { Context, EventKind, type TraceEvent } from '../trace/index.ts';
import type { Call } from './call.ts';
import { type Operation, withOperation } from './operation.ts';
import type { SgClosing } from './sg-closing.ts';

/** A buffer that got a slot. */
export interface Bounce {
  /** Of the buffer: its physical address, or what the device would have got. */
  readonly orig: PhysAddr | DmaAddr;
  readonly size: number;
  /** Undefined where only the kernel's own event tells of the bounce. */
  slot: PhysAddr | undefined;
  /** Trace line. */
  readonly line: number;
}

/** Calls nest this deep at most; an operation that so many events passed by belongs to a call that no event reports. */
export const DEEPEST = 4;

/** What waits in one context, innermost last: calls nest, where interrupts cannot be told from what they interrupt. */
export class ContextState {
  /** Operations outside any probed call, since the last DMA event here. */
  operations: Operation[] = [];
  /** Entries of swiotlb-xen whose DMA event is still to come. */
  calls: Call[] = [];
  /** Bounces that no DMA event has taken yet. */
  bounces: Bounce[] = [];
  /** dma_unmap_sg events whose operations follow them. */
  closings: SgClosing[] = [];
  /** The last hypercall, for its return value. */
  lastFlush: Operation | undefined;
  /** Interrupts are not told from what they interrupt: operations of an outer call may wait here too. */
  nests = false;
  /** Trace line of the last loss that this context has been told of. */
  #lossLine = 0;
  /** So many DMA events more can be of calls that began before the loss. */
  #doubtful = 0;
  /** Trace line of the event that ended the doubt: what it left waiting is of calls whose events were lost. 0: none. */
  #doubtEnd = 0;

  /** An entry of swiotlb-xen begins. @returns true if it is of a dma_unmap_sg met before. */
  enter(call: Call): boolean {
    for (let i = this.closings.length - 1; i >= 0; i--) if (this.closings[i]?.call(call)) return true;
    if (this.calls.length >= MOST_CALLS) this.calls.shift();
    this.calls.push(call);
    return false;
  }

  /** An operation waits for the DMA event it belongs to. @returns true if that was a dma_unmap_sg met before. */
  wait(operation: Operation): boolean {
    for (let i = this.closings.length - 1; i >= 0; i--) if (this.closings[i]?.take(operation)) return true;
    const innermost = this.calls.at(-1);
    if (innermost) innermost.operations = withOperation(innermost.operations, operation);
    else this.operations.push(operation);
    return false;
  }

  /** A bounce is seen: by the kernel's event, the pool's entry and its return value, in this order, or some of them. */
  bounce(orig: PhysAddr | DmaAddr, size: number, line: number): void {
    if (this.bounces.length >= MOST_BOUNCES) this.bounces.shift();
    this.bounces.push({ orig, size, slot: undefined, line });
  }

  /** The pool has answered the bounce it was last asked for. */
  answerBounce(slot: PhysAddr): void {
    const asked = this.bounces.at(-1);
    if (asked) asked.slot = slot;
  }

  /** Take the bounce of a buffer, the one with a slot where there are two reports of it. */
  takeBounce(phys: PhysAddr, dma: DmaAddr | undefined, size: number): Bounce | undefined {
    if (this.bounces.length === 0) return undefined;
    const isIt = (b: Bounce) => b.size === size && (b.orig === phys || b.orig === dma);
    const found = this.bounces.find((b) => isIt(b) && b.slot !== undefined) ?? this.bounces.find(isIt);
    if (found === undefined) return undefined;
    // The kernel's own event comes just before the pool's entry for the same buffer.
    const at = this.bounces.indexOf(found);
    const before = this.bounces[at - 1];
    const twice = before !== undefined && before.slot === undefined && before.size === size;
    this.bounces.splice(twice ? at - 1 : at, twice ? 2 : 1);
    return found;
  }

  /**
   * Can this DMA event be of a call that events were lost of? The first one after a loss can, and where calls nest
   * (a sync can be of an IOMMU's page tables, inside another call) those after it as well. What then still waits is of calls
   * whose own events were lost, and must not be taken for a later one's.
   * @param lossLine trace line of the last loss that this context may have had; 0: none.
   */
  doubts({ kind, line }: Pick<TraceEvent, 'kind' | 'line'>, lossLine: number): boolean {
    if (this.#lossLine < lossLine) {
      this.#lossLine = lossLine;
      this.#doubtful = DEEPEST;
    } else if (this.#doubtEnd > 0) this.#forgetBefore(this.#doubtEnd);
    this.#doubtEnd = 0;
    if (this.#doubtful === 0) return false;
    const inner = this.nests || kind === EventKind.syncForDevice;
    this.#doubtful = inner ? this.#doubtful - 1 : 0;
    if (this.#doubtful === 0) this.#doubtEnd = line;
    return true;
  }

  /** Forget what began to wait before a line of the trace. */
  #forgetBefore(line: number): void {
    const isLater = (waiting: { readonly line: number }) => waiting.line >= line;
    this.operations = this.operations.filter(isLater);
    this.calls = this.calls.filter(isLater);
    this.bounces = this.bounces.filter(isLater);
  }

  /** Forget what waited: it was of a call that failed. */
  clear(): void {
    this.operations = [];
    this.calls = [];
    this.bounces = [];
  }

  get isIdle(): boolean {
    return this.operations.length + this.calls.length + this.closings.length === 0;
  }
}

/** Calls and bounces of maps that failed are never taken. */
const MOST_BOUNCES = 256;
const MOST_CALLS = 4096;

export class Contexts {
  readonly #process = new Map<number, ContextState>();
  /** The process seen last: most events follow one of the same. */
  #lastPid = 0;
  #last = new ContextState();
  readonly #interrupt: ContextState[][] = [];
  /** Trace line of the last loss: on whatever CPU, on each, and where the CPU is not known. */
  #lossLine = 0;
  readonly #lossLineOf: number[] = [];
  #lossLineOfAny = 0;

  /** The context an event happened in. */
  of(event: TraceEvent): ContextState {
    if (event.context === Context.process && event.pid !== 0) {
      if (event.pid === this.#lastPid) return this.#last;
      let state = this.#process.get(event.pid);
      if (state === undefined) {
        state = new ContextState();
        this.#process.set(event.pid, state);
        this.#forgetIdle(event.pid);
      }
      this.#lastPid = event.pid;
      this.#last = state;
      return state;
    }
    let levels = this.#interrupt[event.cpu];
    if (levels === undefined) {
      levels = Array.from({ length: 4 }, () => new ContextState());
      this.#interrupt[event.cpu] = levels;
    }
    return levels[event.context] as ContextState;
  }

  /** Events of a CPU were lost before this line; CPU -1: of any. */
  lose(cpu: number, line: number): void {
    this.#lossLine = line;
    if (cpu < 0) this.#lossLineOfAny = line;
    else this.#lossLineOf[cpu] = line;
  }

  /** May a call that this DMA event belongs to lack some of its events? A process may have been on any CPU meanwhile. */
  doubts(state: ContextState, event: TraceEvent): boolean {
    if (this.#lossLine === 0) return false;
    const process = event.context === Context.process && event.pid !== 0;
    return state.doubts(
      event,
      process ? this.#lossLine : Math.max(this.#lossLineOf[event.cpu] ?? 0, this.#lossLineOfAny),
    );
  }

  /** Every context, for what is still open at the end. */
  *all(): Iterable<ContextState> {
    yield* this.#process.values();
    for (const levels of this.#interrupt) if (levels) yield* levels;
  }

  /** Threads come and go; a context with nothing waiting need not be kept. */
  #forgetIdle(current: number): void {
    if (this.#process.size < 4096) return;
    for (const [pid, state] of this.#process) if (pid !== current && state.isIdle) this.#process.delete(pid);
  }
}
