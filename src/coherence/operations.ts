/**
 * What can happen to one byte of one cache line: the vocabulary of the coherence engine.
 *
 * Source of the rules: facts in docs/arm-caches.md (Arm ARM DDI 0487, section D7.5 "Cache support" and
 * B2.8 "Mismatched memory attributes"). The engine knows no addresses: the machine room decides which
 * bytes an operation touches, and which instruction a maintenance operation really is.
 */

/**
 * Operations on the byte or its line, in program order. The numbers are columns of the transition table.
 *
 * Every model gives every operation the meaning it has on that hardware: without an outer cache its maintenance does
 * nothing; with one line size nothing elsewhere reaches the byte; with one merged cache all CPUs are CPU 0 and local
 * maintenance reaches all there is.
 */
export const Operation = {
  /** Load of this byte through a Normal write-back mapping. Judged: the value must be the current one. */
  cpuRead: 0,
  /** Store to this byte through a Normal write-back mapping; its value is now the current one. */
  cpuWrite: 1,
  /** Store to *another* byte of the line through a write-back mapping: allocates the line and dirties it. */
  cpuWriteNeighbour: 2,
  /** Load through a non-cacheable mapping: memory's copy, never a cached one. Judged. */
  cpuReadUncached: 3,
  /** Store through a non-cacheable mapping: memory only; a cached copy stays as it is. */
  cpuWriteUncached: 4,
  /** A device that does not snoop reads this byte: memory's copy. Judged. */
  deviceRead: 5,
  /** A device that does not snoop writes this byte to memory; a cached copy stays as it is. */
  deviceWrite: 6,
  /** An I/O-coherent device reads: the cached copy if there is one, else memory's. Judged. */
  snoopRead: 7,
  /** An I/O-coherent device writes this byte: a dirty line is written back, the line dropped, memory written. */
  snoopWrite: 8,
  /** An I/O-coherent device writes another byte of the line: a dirty line is written back, the line dropped. */
  snoopWriteNeighbour: 9,
  /** Clean to the point of coherency, complete: dirty data is in memory; the line may stay (clean) or go. */
  clean: 10,
  /** Real invalidate, complete: the line is gone; dirty data is lost *or* was written back. */
  invalidate: 11,
  /** Clean and invalidate, complete. */
  cleanInvalidate: 12,
  /** The same three, issued but not completed by a barrier: they take effect at any later moment, at the latest
   * at the barrier, at the next maintenance of the line or at the next cacheable CPU access to it. */
  issueClean: 13,
  issueInvalidate: 14,
  issueCleanInvalidate: 15,
  /** DSB: what was issued is complete. */
  barrier: 16,

  /** Store of a don't-care value (a copy of bytes nobody has defined): dirties the line; whatever any copy of the byte
   * holds counts as current until the next store to it. */
  cpuWriteUndefined: 17,
  /** The page gets another owner: every copy there is now holds the old owner's data. To the new owner no value of it is
   * current or stale. Changes no line and no memory. */
  newOwner: 18,

  /** Outer cache maintenance by physical address, complete; it reaches that cache alone, and waits for nothing. */
  outerClean: 19,
  outerInvalidate: 20,
  outerCleanInvalidate: 21,

  /** Elsewhere: the other small line of this byte's big one, where there are two line sizes. */
  cpuWriteElsewhere: 22,
  /** An I/O-coherent device writes there. */
  snoopWriteElsewhere: 23,
  cleanElsewhere: 24,
  invalidateElsewhere: 25,
  cleanInvalidateElsewhere: 26,
  issueCleanElsewhere: 27,
  issueInvalidateElsewhere: 28,
  issueCleanInvalidateElsewhere: 29,

  /** Local: not broadcast, so that only the executing CPU's own cache is maintained (CPU 0). */
  localClean: 30,
  localInvalidate: 31,
  localCleanInvalidate: 32,
  issueLocalClean: 33,
  issueLocalInvalidate: 34,
  issueLocalCleanInvalidate: 35,

  /** The CPU's operations, done by CPU 1; the names above mean CPU 0 where a model tells CPUs apart. */
  cpu1Read: 36,
  cpu1Write: 37,
  cpu1WriteNeighbour: 38,
  cpu1WriteUndefined: 39,
  cpu1Clean: 40,
  cpu1Invalidate: 41,
  cpu1CleanInvalidate: 42,
  cpu1IssueClean: 43,
  cpu1IssueInvalidate: 44,
  cpu1IssueCleanInvalidate: 45,
  cpu1Barrier: 46,
  cpu1LocalClean: 47,
  cpu1LocalInvalidate: 48,
  cpu1LocalCleanInvalidate: 49,
  cpu1IssueLocalClean: 50,
  cpu1IssueLocalInvalidate: 51,
  cpu1IssueLocalCleanInvalidate: 52,

  /** Load elsewhere: may fetch the big line. */
  cpuReadElsewhere: 53,

  /** Store of a don't-care value through a non-cacheable mapping. */
  cpuWriteUncachedUndefined: 54,

  /** Invalidate by set/way in one of the caches that are merged here: it reaches the line, or another core has that. */
  invalidateOne: 55,
  /** The same, of the other small line. */
  invalidateOneElsewhere: 56,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];
export const OPERATIONS = 57;

/**
 * Modes: what else may happen at any time, between any two operations, any number of times. A bit set, part of
 * the closure, never an operation of the sequence. The machine counts windows; here they are on or off.
 */
export const Mode = {
  /** The device (not snooping) may read this byte. Every state on the way is judged. */
  deviceReads: 1,
  /** The device (not snooping) may write this byte, each time a new current value. */
  deviceWrites: 2,
  /** Another byte of the line may be stored to by a CPU (cpuWriteNeighbour; does not complete issued maintenance). */
  neighbourWrites: 4,
  /** No live cacheable alias: the line cannot be filled by speculation (default: it can). */
  noFills: 8,
  /** A CPU may store elsewhere in the big line (cpuWriteElsewhere; does not complete issued maintenance). */
  elsewhereWrites: 16,
  /** An I/O-coherent device may read this byte (snoopRead). Every state on the way is judged. */
  snoopReads: 32,
  /** An I/O-coherent device may write this byte (snoopWrite), each time a new current value. */
  snoopWrites: 64,
  /** An I/O-coherent device may write another byte of the line (snoopWriteNeighbour). */
  snoopNeighbourWrites: 128,
} as const;
/** A set of Mode bits, 0 to 255. */
export type ModeSet = number;
export const MODES = 256;

/** The set with these modes on as well. */
export const addModes = (set: ModeSet, modes: ModeSet): ModeSet => set | modes;
/** The set with these modes off. */
export const removeModes = (set: ModeSet, modes: ModeSet): ModeSet => set & ~modes;
/** Is any of these modes on. */
export const hasAnyMode = (set: ModeSet, modes: ModeSet): boolean => (set & modes) !== 0;

/** How the byte starts out. */
export const Start = {
  /** The owner has stored to the byte and nothing is known to have been cleaned: the cache has the current value, memory an older one. */
  written: 0,
  /** The line may be dirty, but whatever the byte holds will do (a receive buffer before the device writes it). */
  dontCare: 1,
  /** Nothing cached, memory current. */
  memoryOnly: 2,
} as const;
export type Start = (typeof Start)[keyof typeof Start];

/**
 * Spontaneous moves of the hardware, each counted as one in a witness:
 * - fill: an absent line is loaded from memory (speculation, prefetch), unless Mode.noFills;
 * - write back: a dirty line is written to memory and stays, clean;
 * - evict: a line is dropped; a dirty one is written back first (one move).
 * Not counted: a fill that a CPU access asks for, an issued maintenance operation taking effect, the choice
 * that the architecture leaves to clean and invalidate, and what Mode allows.
 * Hardware never makes a clean line dirty.
 */
export const HardwareMove = { fill: 0, writeBack: 1, evict: 2 } as const;
export type HardwareMove = (typeof HardwareMove)[keyof typeof HardwareMove];

/** Where a maintenance instruction is executed: it decides what DC IVAC does. */
export type Regime = 'EL1' | 'EL1-stage2' | 'EL2';
/** Data cache maintenance by VA to the point of coherency. */
export type Instruction = 'DC CVAC' | 'DC IVAC' | 'DC CIVAC';

/**
 * What an instruction does to the line. DC IVAC executed at EL1 while stage 2 translation is on (any guest of
 * Xen, dom0 included) acts as DC CIVAC (Arm ARM, HCR_EL2.VM and D7.5.9); at EL2 it is a real invalidate.
 */
export function maintenance(instruction: Instruction, regime: Regime): Operation {
  if (instruction === 'DC CVAC') return Operation.clean;
  if (instruction === 'DC CIVAC' || regime === 'EL1-stage2') return Operation.cleanInvalidate;
  return Operation.invalidate;
}
