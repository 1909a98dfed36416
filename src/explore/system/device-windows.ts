/** Which memory devices may use at any time: what is handed over and not taken back, piece by piece. */
import { type MachineAddr, type Mfn, mfnOf, offsetBy } from '../../address/index.ts';
import type { Footprint } from '../../machine/index.ts';
import type { Mapping, MappingEntry } from './mapping.ts';
import type { MachineRange } from './places.ts';

/** Contiguous memory behind a part of a mapping's entry. */
export interface OpenPiece {
  readonly mapping: Mapping;
  readonly entry: MappingEntry;
  /** Its first byte, in bytes of the entry's buffer. */
  readonly at: number;
  /** Where the device reached it when it was handed over. */
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

/** All methods are called within atomic actions. */
export class DeviceWindows {
  readonly #footprint: Footprint;
  #open: OpenPiece[] = [];

  constructor(footprint: Footprint) {
    this.#footprint = footprint;
  }

  open(piece: OpenPiece): void {
    this.#touch(piece);
    this.#open.push(piece);
  }

  /**
   * Bytes [from, to) of the entry's buffer are taken back.
   * @returns the memory that was open of them; none where the device had not been given it.
   */
  close(mapping: Mapping, entry: MappingEntry, from: number, to: number): MachineRange[] {
    this.#footprint.touch(`windows:${mapping.name}`, false);
    const closed: MachineRange[] = [];
    const left: OpenPiece[] = [];
    for (const piece of this.#open) {
      const end = piece.at + (piece.to - piece.from);
      const [low, high] = [Math.max(piece.at, from), Math.min(end, to)];
      if (piece.entry !== entry || low >= high) {
        left.push(piece);
        continue;
      }
      this.#touch(piece);
      const first = offsetBy(piece.from, low - piece.at);
      const last = offsetBy(piece.from, high - piece.at);
      closed.push([first, last]);
      if (piece.at < low) left.push({ ...piece, to: first });
      if (high < end) left.push({ ...piece, at: high, from: last });
    }
    this.#open = left;
    return closed;
  }

  /** What is open of a frame. */
  over(frame: Mfn): OpenPiece[] {
    this.#footprint.touch(`device frame:${frame}`, false);
    return this.#open.filter(({ from, to }) => mfnOf(from) <= frame && frame <= mfnOf(offsetBy(to, -1)));
  }

  #touch({ mapping, from, to }: OpenPiece): void {
    this.#footprint.touch(`windows:${mapping.name}`, true);
    for (let frame: number = mfnOf(from); frame <= mfnOf(offsetBy(to, -1)); frame++)
      this.#footprint.touch(`device frame:${frame}`, true);
  }
}
