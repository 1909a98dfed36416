/** Addresses and frames: branded kinds, sentinels, page and line arithmetic, ranges. Depends on nothing. */
export { ADDRESS_LIMIT, isAddress } from './brand.ts';
export { hex } from './hex.ts';
export { bfnToPfn, busToPhys, dmaToMachine, machineToDma, pfnToBfn, physToBus } from './identity.ts';
export type { AnyAddr, AnyFrame, DmaAddr, Gfn, MachineAddr, Mfn, Pfn, PhysAddr } from './kinds.ts';
export { dmaAddr, gfn, machineAddr, mfn, pfn, physAddr } from './kinds.ts';
export {
  ceilTo,
  dmaPage,
  floorTo,
  lowBits,
  machineAddrOf,
  mfnOf,
  offsetBy,
  PAGE_SIZE,
  pageOffset,
  pfnOf,
  physAddrOf,
} from './page.ts';
export type { ByteRange } from './range.ts';
export { commonRanges, joinRanges, RangeSet, rangesWithout } from './range.ts';
export { DMA_MAPPING_ERROR, INVALID_P2M_ENTRY, NO_SLOT } from './sentinel.ts';
