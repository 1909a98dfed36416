/**
 * Memory as the kernel's CPUs see it: through a virtual alias and stage 2 to the machine.
 *
 * A range is resolved when it is used, page by page, and what is dead by then is a fault. All of this happens inside the
 * caller's atomic action.
 */
import {
  lowBits,
  type MachineAddr,
  machineAddrOf,
  offsetBy,
  PAGE_SIZE,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../../address/index.ts';
import type { Alias } from '../kernel.ts';
import type { StructPages } from './pfn-valid.ts';
import { physBits } from './platform.ts';
import type { World } from './world.ts';

/** Contiguous bytes of the machine behind contiguous bytes of an alias. */
export interface Piece {
  /** Bytes from the beginning of the range. */
  readonly offset: number;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

export class CpuMemory {
  readonly #world: World;
  readonly #pages: StructPages;
  readonly #bits: 32 | 64;

  constructor(world: World, pages: StructPages) {
    this.#world = world;
    this.#pages = pages;
    this.#bits = physBits(world.platform);
  }

  /**
   * The machine's bytes behind `size` bytes of an alias, as few pieces as possible. What is dead is reported and left out.
   * @param what what is being done, for the fault.
   */
  pieces(alias: Alias, size: number, access: 'read' | 'write', what: string): Piece[] {
    const begin = lowBits(alias.phys, this.#bits);
    const pieces: Piece[] = [];
    for (let offset = 0; offset < size; ) {
      const at = offsetBy(begin, offset);
      const length = Math.min(size - offset, PAGE_SIZE - pageOffset(at));
      // A scratch mapping is of one page.
      const reached = alias.mapping === 'linear' || pfnOf(at) === pfnOf(begin);
      const from = reached ? this.#resolve(alias.mapping, at, access) : undefined;
      if (from === undefined)
        this.#world.fault({
          rule: 'fault',
          what: `${what} where no memory is mapped for it`,
          at,
          size: length,
        });
      else {
        const last = pieces.at(-1);
        const to = offsetBy(from, length);
        if (last !== undefined && last.to === from && last.offset + (last.to - last.from) === offset)
          pieces[pieces.length - 1] = { ...last, to };
        else pieces.push({ offset, from, to });
      }
      offset += length;
    }
    return pieces;
  }

  /** A judged read through one alias and a store through the other. */
  copy(cpu: number, source: Alias, target: Alias, size: number, what: string): void {
    const { machine } = this.#world;
    const reads = this.pieces(source, size, 'read', what);
    const writes = this.pieces(target, size, 'write', what);
    for (const read of reads)
      for (const write of writes) {
        const begin = Math.max(read.offset, write.offset);
        const end = Math.min(pieceEnd(read), pieceEnd(write));
        if (begin >= end) continue;
        const from = offsetBy(read.from, begin - read.offset);
        const at = offsetBy(write.from, begin - write.offset);
        machine.cpuCopy({ cpu, cacheable: true }, from, offsetBy(from, end - begin), at);
      }
  }

  #resolve(mapping: Alias['mapping'], at: PhysAddr, access: 'read' | 'write'): MachineAddr | undefined {
    const frame = pfnOf(at);
    if (at < 0 || (mapping === 'linear' && !this.#pages.isMapped(frame))) return undefined;
    const translation = this.#world.stage2.translate(frame);
    if (translation === undefined || (access === 'write' && !translation.writable)) return undefined;
    return offsetBy(machineAddrOf(translation.frame), pageOffset(at));
  }
}

/** Bytes from the beginning of the range to the end of the piece. */
function pieceEnd({ offset, from, to }: Piece): number {
  return offset + (to - from);
}
