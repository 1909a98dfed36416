/**
 * A page that two domains use as CPUs do: rings, descriptors. Bytes in the machine's memory, reached by each side through its
 * own stage 2; no device touches them, so caches play no part.
 */
import { PAGE_SIZE, type Pfn, physAddrOf } from '../address/index.ts';
import type { SimulatedKernel } from '../linux/simulated/index.ts';
import type { XenHardware } from '../xen/index.ts';

export interface SharedPage {
  /** A copy of bytes [offset, offset + size). */
  read(offset: number, size: number): Uint8Array;
  write(offset: number, bytes: Uint8Array): void;
}

/** Bytes of control structures, by machine frame: those that Xen sees, too. */
export type ControlBytes = Pick<XenHardware, 'readBytes' | 'writeBytes'>;

/** The page as this kernel addresses it. What is not mapped (any more) is the kernel's fault, and reads as zeroes. */
export function sharedPage(kernel: SimulatedKernel, control: ControlBytes, page: Pfn): SharedPage {
  const frame = (access: 'read' | 'write') => {
    const found = kernel.world.stage2.translate(page);
    if (found !== undefined && (access === 'read' || found.writable)) return found.frame;
    kernel.world.fault({ rule: 'fault', what: access, at: physAddrOf(page), size: PAGE_SIZE });
    return undefined;
  };
  return {
    read(offset, size) {
      const at = frame('read');
      return at === undefined ? new Uint8Array(size) : control.readBytes(at, offset, size);
    },
    write(offset, bytes) {
      const at = frame('write');
      if (at !== undefined) control.writeBytes(at, offset, bytes);
    },
  };
}
