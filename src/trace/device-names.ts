/** The names of devices, made into a string once each. */
import { ByteTable, hashOf } from './byte-table.ts';
import { textOf } from './bytes.ts';

/** More devices than any machine has: past it a trace is damaged, and memory must stay bounded. */
const DEVICES_KEPT = 65_536;

/** Interned device names. */
export class DeviceNames {
  /** By the index that TraceEvent.device holds. */
  readonly names: string[] = [];
  readonly #table = new ByteTable();

  /**
   * Index of the name [from, to) of `bytes`, entered if it is new; -1 if there are DEVICES_KEPT already.
   */
  intern(bytes: Uint8Array, from: number, to: number): number {
    const hash = hashOf(bytes, from, to);
    const index = this.#table.find(bytes, from, to, hash);
    if (index >= 0 || this.names.length >= DEVICES_KEPT) return index;
    this.names.push(textOf(bytes, from, to));
    return this.#table.add(bytes, from, to, hash);
  }
}
