/** The four counters of an active grant entry. */

import { has } from './abi/bits.ts';
import { GNTMAP } from './abi/grant-table.ts';
import type { Pins } from './state.ts';

export function noPins(): Pins {
  return { hstw: 0, hstr: 0, devw: 0, devr: 0 };
}

export function pinned(pins: Pins): boolean {
  return pins.hstw + pins.hstr + pins.devw + pins.devr > 0;
}

/** Pinned by any mapping that can write. */
export function pinnedForWriting(pins: Pins): boolean {
  return pins.hstw + pins.devw > 0;
}

/** Any counter within reach of overflowing its 8 bits (act->pin & 0x80808080). */
export function nearOverflow(pins: Pins): boolean {
  return Math.max(pins.hstw, pins.hstr, pins.devw, pins.devr) >= 0x80;
}

/**
 * Count the parts of a mapping up or down.
 * @param flags GNTMAP: host_map, device_map, readonly.
 * @returns false if a counter would go below zero (it stays at zero).
 */
export function count(pins: Pins, flags: number, by: 1 | -1): boolean {
  const readonly = has(flags, GNTMAP.readonly);
  const parts: (keyof Pins)[] = [];
  if (has(flags, GNTMAP.device_map)) parts.push(readonly ? 'devr' : 'devw');
  if (has(flags, GNTMAP.host_map)) parts.push(readonly ? 'hstr' : 'hstw');
  let sound = true;
  for (const part of parts) {
    if (pins[part] + by < 0) sound = false;
    else pins[part] += by;
  }
  return sound;
}
