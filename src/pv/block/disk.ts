/** A disk as a DMA device: sectors, and commands that move bytes between them and memory. */
import type { Content } from '../../machine/concrete/index.ts';
import { SECTOR } from '../abi/blkif.ts';
import type { DeviceSpec } from '../host/device.ts';
import { DmaDevice } from '../host/device.ts';
import type { Host } from '../host/host.ts';
import type { FaultRecord, MappingRecord } from '../host/journal.ts';

/** NVME_CTRL_PAGE_SIZE: a bounced buffer keeps its offset in it. */
export const CONTROLLER_PAGE = 4096;

export interface DiskSpec extends DeviceSpec {
  readonly sectors: number;
}

/** One command of the device, as the driver puts it into its queue. */
export interface DiskCommand {
  readonly write: boolean;
  readonly sector: number;
  /** Memory, in order. */
  readonly mappings: readonly MappingRecord[];
}

interface StoredSector {
  readonly bytes: Uint8Array;
  readonly marks: Uint32Array;
  /** By byte: 1 more than the index of the fault that made it wrong; 0 where it is as it was sent. */
  readonly faults: Uint32Array;
}

export class Disk {
  readonly spec: DiskSpec;
  readonly device: DmaDevice;
  readonly #host: Host;
  readonly #sectors = new Map<number, StoredSector>();

  constructor(host: Host, spec: DiskSpec) {
    this.#host = host;
    this.spec = spec;
    this.device = new DmaDevice(host, { ...spec, minAlignMask: CONTROLLER_PAGE - 1 });
  }

  /** Carry out a command. False: it failed. */
  execute({ write, sector, mappings }: DiskCommand): boolean {
    let at = sector;
    for (const mapping of mappings) {
      const done = write ? this.#receive(mapping, at) : this.#send(mapping, at);
      if (!done) return false;
      at += mapping.size / SECTOR;
    }
    return true;
  }

  /** From memory to the disk. */
  #receive(mapping: MappingRecord, sector: number): boolean {
    const { journal } = this.#host;
    const before = journal.faults.length;
    const activity = `${this.spec.name} reads memory for sector ${sector} on`;
    const content = this.device.read(mapping, 0, mapping.size, activity);
    if (content === undefined) return false;
    for (let done = 0; done < mapping.size; done += SECTOR)
      this.#sectors.set(sector + done / SECTOR, {
        bytes: content.bytes.slice(done, done + SECTOR),
        marks: content.marks.slice(done, done + SECTOR),
        faults: new Uint32Array(SECTOR),
      });
    // Faults have machine addresses; the buffer is contiguous there.
    const [range] = mapping.buffer;
    for (let i = before; i < journal.faults.length; i++)
      if (range) this.#blame(journal.faults[i] as FaultRecord, i, sector, range[0], mapping.size);
    return true;
  }

  #blame({ from, to }: FaultRecord, index: number, sector: number, start: number, size: number): void {
    for (let at = Math.max(0, from - start); at < Math.min(size, to - start); at++) {
      const stored = this.#sectors.get(sector + Math.floor(at / SECTOR));
      if (stored) stored.faults[at % SECTOR] = index + 1;
    }
  }

  /** From the disk to memory. */
  #send(mapping: MappingRecord, sector: number): boolean {
    const content = this.contents(sector, mapping.size / SECTOR);
    return this.device.write(mapping, 0, content, `${this.spec.name} writes sector ${sector} on to memory`);
  }

  /** What the disk holds; sectors that were never written are zeroes. */
  contents(sector: number, count: number): Content {
    const bytes = new Uint8Array(count * SECTOR);
    const marks = new Uint32Array(count * SECTOR).fill(this.#host.journal.mark('an empty disk', 'disk'));
    for (let i = 0; i < count; i++) {
      const stored = this.#sectors.get(sector + i);
      if (stored === undefined) continue;
      bytes.set(stored.bytes, i * SECTOR);
      marks.set(stored.marks, i * SECTOR);
    }
    return { bytes, marks };
  }

  /** The fault that made a byte of the disk wrong, by its index; undefined: none did. */
  faultAt(sector: number, byte: number): number | undefined {
    const index = this.#sectors.get(sector)?.faults[byte];
    return index === undefined || index === 0 ? undefined : index - 1;
  }
}
