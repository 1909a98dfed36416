/** Why a payload could not be read, in words: what was found and what was expected. */
import { textOf } from './bytes.ts';
import type { TraceEvent } from './event.ts';
import { PAST_LIMIT } from './special-fields.ts';
import { DIRECTION_NAMES, Field, type Shape } from './vocabulary.ts';

/** Longest piece of the trace that is quoted. */
const QUOTED = 80;

/** A value that is wrong; it begins at `from`, `error` is what its reading returned. */
export function badField(
  bytes: Uint8Array,
  shape: Shape,
  index: number,
  from: number,
  error: number,
): string {
  let end = from;
  while ((bytes[end] as number) > 32 && end - from < QUOTED) end++;
  const found = `${keyName(shape, index)} "${textOf(bytes, from, end)}"`;
  if (error === PAST_LIMIT) return `found ${found}, which is past 2^53 - 1, the largest number read exactly`;
  return `found ${found}, expected ${expectation(shape, shape.fields[index] as Field)}`;
}

/** Fields that the event must have and that the line lacks; `seen` has a bit for each that it has. */
export function missingFields(shape: Shape, seen: number): string {
  const names = new Map<number, string>();
  for (const [index, field] of shape.fields.entries()) {
    const bit = 1 << field;
    // A field may have two keys; the first is the kernel's.
    if ((shape.required & bit) !== 0 && (seen & bit) === 0 && !names.has(field))
      names.set(field, keyName(shape, index));
  }
  return `missing: ${[...names.values()].join(', ')}`;
}

/** A payload that does not begin with a device's name. */
export function noDevice(shape: Shape): string {
  return `found no device name with fields behind it, expected "NAME ${keyName(shape, 0)}=..."`;
}

/** Lists of a scatterlist that contradict each other or the counts before them. */
export function badLists(event: TraceEvent): string {
  const found = `${event.physCount} phys_addrs, ${event.dmaCount} dma_addrs, ${event.sizeCount} sizes`;
  return `found ${found}, expected as many sizes as dma_addrs, and as many as nents and ents say`;
}

function keyName(shape: Shape, index: number): string {
  return textOf(shape.keys[index] as Uint8Array, 0, QUOTED).replace('=', '');
}

function expectation(shape: Shape, field: Field): string {
  if (field === Field.direction) return `one of ${DIRECTION_NAMES.join(', ')}, or 0 to 3`;
  if (field === Field.attributes) return 'names of DMA attributes, or a number';
  if (field === Field.dmaAddrs || field === Field.physAddrs || field === Field.sizes)
    return 'a list {0x...,0x...}';
  if (shape.probe) return 'a number, decimal or 0x';
  return field === Field.dmaAddr || field === Field.physAddr ? 'a hexadecimal number' : 'a number';
}
