/** Which maintenance instructions a call executes on a line. Source: the loops of arch/arm64/mm/cache.S, Linux 6.12. */
import type { LineEffect, Operation } from './operations.ts';

type Maintenance = Extract<Operation, { readonly do: 'maintain' }>;

/**
 * A call executes one instruction every `stride` bytes, from the beginning of the block that its first byte is in. A block
 * that it covers in part may hold somebody else's bytes.
 * @param line first byte of the line of `size` bytes.
 * @returns what the line gets, in order; nothing where the call steps over it.
 */
export function instructionsOn(call: Maintenance, line: number, size: number): LineEffect[] {
  const stride = call.stride ?? size;
  const [from, to] = call.span;
  const first = Math.floor(from / stride) * stride;
  const effects: LineEffect[] = [];
  const begin = Math.max(first, Math.ceil(line / stride) * stride);
  for (let at = begin; at < to && at < line + size; at += stride) {
    const effect = at >= from && at + stride <= to ? call.whole : call.partial;
    if (effects.at(-1) !== effect) effects.push(effect);
  }
  return effects;
}

/** First byte of every line that a call can reach, ascending. */
export function linesReached(call: Maintenance, size: number): number[] {
  const block = Math.max(call.stride ?? size, size);
  const lines: number[] = [];
  for (let line = Math.floor(call.span[0] / block) * block; line < call.span[1]; line += size)
    if (instructionsOn(call, line, size).length > 0) lines.push(line);
  return lines;
}
