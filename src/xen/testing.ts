/** A machine that notes what Xen does to it, and a host with dom0 and two guests, for the tests of this room. */
import {
  gfn,
  type MachineAddr,
  type Mfn,
  mfn,
  PAGE_SIZE,
  type PhysAddr,
  physAddr,
} from '../address/index.ts';
import type { XenHardware } from './hardware.ts';
import { xenPlatform } from './platform.ts';
import type { FrameRange } from './state.ts';
import { Xen, type XenSpec } from './xen.ts';

/** Real bytes, a page each as it is first touched, and what was done in words. */
export class NotingHardware implements XenHardware {
  readonly log: string[] = [];
  readonly #pages = new Map<Mfn, Uint8Array>();

  page(frame: Mfn): Uint8Array {
    const page = this.#pages.get(frame) ?? new Uint8Array(PAGE_SIZE);
    this.#pages.set(frame, page);
    return page;
  }
  maintain(...[op, at, size, options]: Parameters<XenHardware['maintain']>): void {
    this.log.push(
      `${op} ${at.toString(16)} ${size}${options?.stride ? ` stride ${options.stride}` : ''}${options?.localOnly ? ' local' : ''}`,
    );
  }
  barrier(): void {
    this.log.push('barrier');
  }
  copy(from: MachineAddr, to: MachineAddr, size: number): void {
    this.log.push(`copy ${from.toString(16)} ${to.toString(16)} ${size}`);
    const source = this.page(mfn(Math.floor(from / PAGE_SIZE))).slice(
      from % PAGE_SIZE,
      (from % PAGE_SIZE) + size,
    );
    this.page(mfn(Math.floor(to / PAGE_SIZE))).set(source, to % PAGE_SIZE);
  }
  scrub(frame: Mfn): void {
    this.log.push(`scrub ${frame.toString(16)}`);
    this.page(frame).fill(0);
  }
  readBytes(frame: Mfn, offset: number, size: number): Uint8Array {
    return this.page(frame).slice(offset, offset + size);
  }
  writeBytes(frame: Mfn, offset: number, bytes: Uint8Array): void {
    this.page(frame).set(bytes, offset);
  }
  tlbFlush(domain: number): void {
    this.log.push(`tlb ${domain}`);
  }
  ownerChanged(frame: Mfn): void {
    this.log.push(`owner ${frame.toString(16)}`);
  }
  invalidateSetWay(): void {
    this.log.push('invalidate set/way');
  }
}

const frames = (from: number, to: number): FrameRange => ({ from: mfn(from), to: mfn(to) });

/** RAM: 1 GiB at 1 GiB and 1 GiB at 4 GiB. dom0 has the first 128 MiB of it, 1:1. */
export const HOST_RAM = [frames(0x40000, 0x80000), frames(0x100000, 0x140000)];
export const DOM0_RAM = frames(0x40000, 0x48000);
/** Guests see their RAM at 1 GiB; the machine has it elsewhere. */
export const GUEST_RAM_GFN = 0x40000;
export const GUEST_FRAMES = 0x100;
export const GUEST_MFN: Readonly<Record<1 | 2, number>> = { 1: 0x50000, 2: 0x100100 };
/** Where every domain keeps its hypercall arguments in these tests: guest physical, in its own RAM. */
export const ARGUMENTS = physAddr((GUEST_RAM_GFN + 8) * PAGE_SIZE);

/** What tests may want to be different. */
export interface HostOptions
  extends Partial<Pick<XenSpec, 'platform' | 'footprint' | 'preempt' | 'mmio' | 'bootModules'>> {
  readonly dom0?: {
    readonly iommu?: boolean;
    readonly addressBits?: 32 | 40 | 48;
    readonly directMapped?: boolean;
  };
  readonly maxMaptrackFrames?: number;
}

/** A host as above, and short ways to do what guests do. */
export class Host {
  readonly hardware = new NotingHardware();
  readonly xen: Xen;

  constructor(options: HostOptions = {}) {
    const { dom0, maxMaptrackFrames, ...spec } = options;
    this.xen = new Xen({ platform: xenPlatform(), ...spec, hardware: this.hardware, ram: HOST_RAM });
    this.xen.createDomain({
      domid: 0,
      hardware: true,
      directMapped: true,
      ...dom0,
      ...(maxMaptrackFrames !== undefined && { maxMaptrackFrames }),
      ram: [{ gfn: gfn(DOM0_RAM.from), mfn: DOM0_RAM.from, frames: DOM0_RAM.to - DOM0_RAM.from }],
    });
    for (const domid of [1, 2] as const)
      this.xen.createDomain({
        domid,
        ram: [{ gfn: gfn(GUEST_RAM_GFN), mfn: mfn(GUEST_MFN[domid]), frames: GUEST_FRAMES }],
      });
    this.hardware.log.length = 0;
  }

  /** Write bytes at a guest physical address of the domain's RAM. */
  poke(domid: number, at: PhysAddr, bytes: Uint8Array): void {
    for (const [i, byte] of bytes.entries()) {
      const entry = this.xen.translate(domid, gfn(Math.floor((at + i) / PAGE_SIZE)));
      if (!entry) throw new Error(`domain ${domid} has nothing at ${at + i}`);
      this.hardware.page(entry.mfn)[(at + i) % PAGE_SIZE] = byte;
    }
  }

  peek(domid: number, at: PhysAddr, size: number): Uint8Array {
    return Uint8Array.from({ length: size }, (_, i) => {
      const entry = this.xen.translate(domid, gfn(Math.floor((at + i) / PAGE_SIZE)));
      if (!entry) throw new Error(`domain ${domid} has nothing at ${at + i}`);
      return this.hardware.page(entry.mfn)[(at + i) % PAGE_SIZE] ?? 0;
    });
  }

  /** Shared grant entry, 8 bytes: flags u16, domid u16, frame u32. */
  writeGrant(domid: number, ref: number, entry: Uint8Array): void {
    const frame = this.xen.grantFrames(domid)[Math.floor(ref / 512)];
    if (frame === undefined) throw new Error(`domain ${domid} has no reference ${ref}`);
    this.hardware.page(frame).set(entry, (ref % 512) * 8);
  }

  readGrant(domid: number, ref: number): Uint8Array {
    const frame = this.xen.grantFrames(domid)[Math.floor(ref / 512)];
    if (frame === undefined) throw new Error(`domain ${domid} has no reference ${ref}`);
    return this.hardware.page(frame).slice((ref % 512) * 8, (ref % 512) * 8 + 8);
  }

  /** Put an argument into the domain's memory and issue a grant_table_op on it. */
  grantTableOp(domid: number, cmd: number, argument: Uint8Array, count = 1): number {
    this.poke(domid, ARGUMENTS, argument);
    return this.xen.hypercall(domid, 'grant_table_op', cmd, ARGUMENTS, count);
  }

  memoryOp(domid: number, cmd: number, argument: Uint8Array): number {
    this.poke(domid, ARGUMENTS, argument);
    return this.xen.hypercall(domid, 'memory_op', cmd, ARGUMENTS);
  }

  /** What was done since the last call. */
  takeLog(): string[] {
    return this.hardware.log.splice(0);
  }
}

/** A structure by hand: each value at its offset and width in bytes, little endian; the rest is 0. */
export function struct(
  size: number,
  ...fields: readonly (readonly [offset: number, width: 1 | 2 | 4 | 8, value: number | bigint])[]
): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [offset, width, value] of fields) {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < width; i += 1) {
      bytes[offset + i] = Number(rest % 256n);
      rest /= 256n;
    }
  }
  return bytes;
}

/** A signed 16-bit status out of a structure. */
export function s16(bytes: Uint8Array, offset: number): number {
  const word = (bytes[offset] ?? 0) + 256 * (bytes[offset + 1] ?? 0);
  return word < 2 ** 15 ? word : word - 2 ** 16;
}
