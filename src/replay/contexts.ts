/**
 * Whose operation is it: maintenance belongs to the DMA call around it, and calls nest.
 *
 * A hard interrupt's unmap can stand between another unmap and its flush, and CPUs interleave. So operations wait in the
 * context that issued them: the pid in process context, the CPU for the idle task, (CPU, level) in
 * interrupts. By CPU or by pid alone real traces give false errors.
 */
import type { DmaAddr, PhysAddr } from '../address/index.ts';
import { Context, type TraceEvent } from '../trace/index.ts';
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
}

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
  /** Value of Contexts.losses when this context was last in step with its trace. */
  losses = 0;

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
  bounce(orig: PhysAddr | DmaAddr, size: number): void {
    if (this.bounces.length >= MOST_BOUNCES) this.bounces.shift();
    this.bounces.push({ orig, size, slot: undefined });
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
  /** How often events were lost, on all CPUs and on each. */
  #losses = 0;
  readonly #lossesOf: number[] = [];
  #lossesOfAll = 0;

  /** The context an event happened in. */
  of(event: TraceEvent): ContextState {
    if (event.context === Context.process && event.pid !== 0) {
      if (event.pid === this.#lastPid) return this.#last;
      let state = this.#process.get(event.pid);
      if (state === undefined) {
        state = new ContextState();
        state.losses = 0;
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

  /** Events of a CPU were lost; -1: of any. */
  lose(cpu: number): void {
    this.#losses++;
    if (cpu < 0) this.#lossesOfAll = this.#losses;
    else this.#lossesOf[cpu] = this.#losses;
  }

  /**
   * Were events lost since the last call for this context, so that what waits in it may be incomplete? A
   * process may have been on any CPU meanwhile.
   */
  lostSince(state: ContextState, event: TraceEvent): boolean {
    if (this.#losses === 0) return false;
    const process = event.context === Context.process && event.pid !== 0;
    const now = process ? this.#losses : Math.max(this.#lossesOf[event.cpu] ?? 0, this.#lossesOfAll);
    const lost = state.losses < now;
    state.losses = now;
    return lost;
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
