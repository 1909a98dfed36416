/**
 * What no event of a real machine says, though each number in it can be read: a range that reaches past 2^53, a
 * mapping of more than 4 GiB (sg lengths have 32 bits), DMA_MAPPING_ERROR where it cannot stand. Such a line is damaged,
 * and whoever takes it for real counts pages for hours.
 */
import { EventKind, type TraceEvent } from './event.ts';
import { Field } from './vocabulary.ts';

/** Bytes of the largest mapping that is believed. */
export const LARGEST_SIZE = 2 ** 32;
const MOST_PAGES = LARGEST_SIZE / 4096;
const PAST = Number.MAX_SAFE_INTEGER;
const PAST_FRAME = PAST / 4096;

const SIZE = 1 << Field.size;
const DMA_ADDR = 1 << Field.dmaAddr;
const PHYS_ADDR = 1 << Field.physAddr;
const SLOT = 1 << Field.slot;
const BUS = 1 << Field.machineAddr;
const PFN = 1 << Field.pfn;
const DMA_ADDRS = 1 << Field.dmaAddrs;
const SIZES = 1 << Field.sizes;
const WITH_RANGES = SIZE | SLOT | BUS | PFN | SIZES;

/** What is out of bounds, in words; '' if nothing is. `seen` has a bit for each field of the event. */
export function outOfBounds(seen: number, event: TraceEvent): string {
  if ((seen & WITH_RANGES) === 0) return '';
  if ((seen & SIZE) !== 0) {
    const { size } = event;
    if (size > LARGEST_SIZE) return tooLarge('size', size);
    if ((seen & DMA_ADDR) !== 0) {
      if (event.dmaAddr < 0 && event.kind !== EventKind.map && event.kind !== EventKind.mapResource)
        return 'found dma_addr DMA_MAPPING_ERROR (all ones), expected an address that was mapped';
      if (event.dmaAddr + size > PAST) return tooFar('dma_addr', event.dmaAddr, size);
    }
    if ((seen & PHYS_ADDR) !== 0 && event.physAddr + size > PAST)
      return tooFar('phys_addr', event.physAddr, size);
  }
  if ((seen & SLOT) !== 0 && event.physAddr + LARGEST_SIZE > PAST)
    return tooFar('slot', event.physAddr, LARGEST_SIZE);
  if ((seen & BUS) !== 0 && event.machineAddr + event.offset + event.length > PAST)
    return tooFar('bus', event.machineAddr, event.offset + event.length);
  if ((seen & PFN) !== 0) {
    if (event.count > MOST_PAGES) return tooLarge('nr', event.count);
    if (event.pfn + event.count > PAST_FRAME) return tooFar('pfn', event.pfn, event.count);
    if (event.mfn + event.count > PAST_FRAME) return tooFar('mfn', event.mfn, event.count);
  }
  return (seen & SIZES) !== 0 ? listOutOfBounds(seen, event) : '';
}

function listOutOfBounds(seen: number, event: TraceEvent): string {
  const addresses = (seen & DMA_ADDRS) !== 0 ? event.dmaCount : 0;
  for (let i = 0; i < event.sizeCount; i++) {
    const size = event.sizeAt(i);
    if (i < addresses && event.dmaAt(i) < 0)
      return 'found DMA_MAPPING_ERROR (all ones) in dma_addrs, expected addresses that were mapped';
    if (i < addresses && event.dmaAt(i) + size > PAST) return tooFar('dma_addrs', event.dmaAt(i), size);
  }
  // Where an IOMMU merged entries, their physical pieces have other sizes: each is within one of them.
  for (let i = 0; i < event.physCount; i++)
    if (event.physAt(i) + LARGEST_SIZE > PAST) return tooFar('phys_addrs', event.physAt(i), LARGEST_SIZE);
  return '';
}

function tooLarge(field: string, found: number): string {
  return `found ${field} ${found}, expected at most ${field === 'nr' ? MOST_PAGES : LARGEST_SIZE}`;
}

function tooFar(field: string, from: number, length: number): string {
  return `found ${field} 0x${from.toString(16)} with 0x${length.toString(16)} behind it, expected a range that ends below 2^53`;
}

/**
 * Up to which value a number of this field is within all bounds, whatever the other fields hold up to theirs: half of
 * the whole range where ranges are added to it.
 */
export function safeLimit(field: Field): number {
  switch (field) {
    case Field.direction:
      return 3;
    case Field.count:
      return MOST_PAGES;
    case Field.pfn:
    case Field.mfn:
      return 2 ** 40;
    case Field.dmaAddr:
    case Field.physAddr:
    case Field.slot:
    case Field.machineAddr:
    case Field.dmaAddrs:
    case Field.physAddrs:
      return 2 ** 52;
    default:
      return LARGEST_SIZE;
  }
}

/** Whether all ones in this field is a value as good as others: of a mapping that failed, of no slot, of no frame. */
export function mayBeOnes(field: Field, kind: EventKind): boolean {
  if (field === Field.dmaAddr) return kind === EventKind.map || kind === EventKind.mapResource;
  return field === Field.slot || field === Field.mfn;
}
