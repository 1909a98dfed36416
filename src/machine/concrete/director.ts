/** Who decides what happens between operations, and how each of them goes. */
import type { MachineAddr } from '../../address/index.ts';
import type { Value } from './contents.ts';
import type { Opening } from './open-windows.ts';

export interface Act<T> {
  /** What changes first, whichever way it goes: which value is the current one. */
  readonly before?: () => void;
  readonly perform: () => T;
  /** A byte of what a read returned; undefined: it did not read that one. */
  readonly returned?: (result: T, at: MachineAddr) => Value | undefined;
}

export interface Director {
  /**
   * A granule comes into being.
   * @param fill says what its bytes are, `place` puts them into the caches, `disown` gives away those that are another's.
   */
  begin(granule: MachineAddr, fill: () => void, place: () => void, disown: () => void): void;
  /** Something is done that concerns the bytes [from, to) of one granule, or that chance has no part in. */
  act<T>(from: MachineAddr, to: MachineAddr, act: Act<T>): T;
  /** A window is open, or about to close: the device may write all of it, first or last thing. */
  mayWrite(
    when: 'first' | 'last',
    window: Opening,
    write: (from: MachineAddr, to: MachineAddr) => void,
  ): void;
  /** Nothing more is done: what is still to happen. */
  finish(): void;
}
