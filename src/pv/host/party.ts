/** One domain as loads use it: its kernel, the pages it has to itself, bytes that its CPUs store and load. */
import {
  type MachineAddr,
  machineAddrOf,
  offsetBy,
  type Pfn,
  type PhysAddr,
  pageOffset,
  pfnOf,
} from '../../address/index.ts';
import type { GrantTable, SimulatedKernel } from '../../linux/simulated/index.ts';
import type { ReadContent } from '../../machine/concrete/index.ts';
import type { DomId } from '../../xen/index.ts';
import { type ControlBytes, type SharedPage, sharedPage } from '../shared-page.ts';
import type { ByteMachine } from './byte-machine.ts';
import type { Journal } from './journal.ts';

/** What domains stand on. */
export interface Ground {
  readonly machine: ByteMachine;
  readonly journal: Journal;
  readonly hardware: ControlBytes;
  /** Told of each read of data by the CPU of a domain. */
  readonly onRead: ((party: Party, content: ReadContent) => void) | undefined;
  /** A read of the machine's memory, with what it shows kept beside the faults. */
  judged(from: MachineAddr, to: MachineAddr, read: () => ReadContent): ReadContent;
}

export class Party {
  readonly name: string;
  readonly domid: DomId;
  readonly kernel: SimulatedKernel;
  readonly grants: GrantTable;
  readonly #ground: Ground;
  #free: Pfn[];

  constructor(
    ground: Ground,
    name: string,
    domid: DomId,
    kernel: SimulatedKernel,
    grants: GrantTable,
    free: readonly Pfn[],
  ) {
    this.name = name;
    this.domid = domid;
    this.kernel = kernel;
    this.grants = grants;
    this.#ground = ground;
    this.#free = [...free];
  }

  /** A page of its own for a ring or the like; undefined if there is none left. */
  takePage(): Pfn | undefined {
    return this.#free.shift();
  }
  givePage(page: Pfn): void {
    this.#free.push(page);
  }

  /** A page as its CPUs use it for control structures. */
  shared(page: Pfn): SharedPage {
    return sharedPage(this.kernel, this.#ground.hardware, page);
  }

  /** The machine's byte behind one of its own; undefined where there is none. */
  machineAddrOf(at: PhysAddr): MachineAddr | undefined {
    const frame = this.kernel.world.stage2.translate(pfnOf(at))?.frame;
    return frame === undefined ? undefined : offsetBy(machineAddrOf(frame), pageOffset(at));
  }

  /** Its CPU stores bytes. @param what for whoever asks where they come from. */
  write(at: PhysAddr, bytes: Uint8Array, what: string): void {
    const { machine, journal } = this.#ground;
    const marks = new Uint32Array(bytes.length).fill(journal.mark(what, this.name));
    journal.during(`${this.name} writes: ${what}`, () =>
      this.kernel.access('write', at, bytes.length, (from, to, offset) =>
        machine.cpuWrite({ cpu: 0, cacheable: true }, from, to, {
          bytes: bytes.subarray(offset, offset + (to - from)),
          marks: marks.subarray(offset, offset + (to - from)),
        }),
      ),
    );
  }

  /** memcpy() by its CPU. */
  copy(from: PhysAddr, to: PhysAddr, size: number, what: string): void {
    this.#ground.journal.during(`${this.name} copies: ${what}`, () => this.kernel.cpuCopy(from, to, size));
  }

  /** Its CPU loads bytes. */
  read(at: PhysAddr, size: number, what: string): ReadContent {
    const { journal } = this.#ground;
    const content = {
      bytes: new Uint8Array(size),
      marks: new Uint32Array(size),
      wrong: new Uint8Array(size),
    };
    journal.during(`${this.name} reads: ${what}`, () =>
      this.kernel.access('read', at, size, (from, to, offset) => {
        const piece = this.#ground.judged(from, to, () =>
          this.#ground.machine.cpuRead({ cpu: 0, cacheable: true }, from, to),
        );
        content.bytes.set(piece.bytes, offset);
        content.marks.set(piece.marks, offset);
        content.wrong.set(piece.wrong, offset);
      }),
    );
    this.#ground.onRead?.(this, content);
    return content;
  }
}
