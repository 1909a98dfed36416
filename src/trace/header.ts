/**
 * The part of a line before the event's name: task, pid, CPU, context, time.
 *
 * Sources: trace_print_context, lat_print_generic and trace_print_lat_fmt in kernel/trace/trace_output.c of
 * Linux 6.12 and 7.3; `trace-cmd report` 3.1 with and without -l. A task's name holds at most 15 bytes of
 * anything at all, also " [001] " or "-1", but the kernel pads it to 16 (8 in the latency format), so the dash
 * before the pid is looked for there first. Text whose blanks were trimmed is searched for "[CPU]".
 */
import { Context } from './event.ts';

const UNKNOWN_FLAG = 9;

/** Context by the letter of the third flags column, UNKNOWN_FLAG for letters that never stand there. */
const CONTEXT_OF_FLAG = new Uint8Array(256).fill(UNKNOWN_FLAG);
for (const [letters, context] of [
  ['.', Context.process],
  ['s', Context.softirq],
  ['hH', Context.hardirq],
  ['zZ', Context.nmi],
] as const) {
  for (const letter of letters) CONTEXT_OF_FLAG[letter.charCodeAt(0)] = context;
}

/** Trimmed headers are searched this far: 15 bytes of name, pid, thread group, CPU. */
const SEARCH_LIMIT = 96;

/** What a header says. */
export class Header {
  pid = 0;
  cpu = -1;
  context: Context = Context.process;
  /** The flags column was there. */
  hasFlags = false;
  /** Where the time begins. */
  time = 0;

  /**
   * Read the header of the line at `start`, which ends with a newline.
   * @returns where the event's name begins, or -1 if this is no header.
   */
  read(bytes: Uint8Array, start: number): number {
    const dash = start + 16;
    let p = start;
    while (p < dash && bytes[p] !== 10) p++;
    if (p === dash && bytes[dash] === 45) {
      const name = this.#pidAndRest(bytes, dash + 1);
      if (name >= 0) return name;
    }
    return p - start >= 8 ? this.#unusual(bytes, start) : -1;
  }

  /** "1234    [000] d..1. 12.345678: name" from the pid on, perhaps with a "(   1234) " before the CPU. */
  #pidAndRest(bytes: Uint8Array, at: number): number {
    let p = at;
    let pid = 0;
    let digit = (bytes[p] as number) - 48;
    while (digit >= 0 && digit <= 9) {
      pid = pid * 10 + digit;
      digit = (bytes[++p] as number) - 48;
    }
    if (p === at || p - at > 10 || bytes[p] !== 32) return -1;
    while (bytes[p] === 32) p++;
    if (bytes[p] === 40) {
      p = endOfThreadGroup(bytes, p);
      if (p < 0) return -1;
    }
    if (bytes[p] !== 91) return -1;
    this.pid = pid;
    return this.#cpuAndRest(bytes, p + 1);
  }

  /** "000] d..1. 12.345678: name" */
  #cpuAndRest(bytes: Uint8Array, at: number): number {
    let p = at;
    let cpu = 0;
    let digit = (bytes[p] as number) - 48;
    while (digit >= 0 && digit <= 9) {
      cpu = cpu * 10 + digit;
      digit = (bytes[++p] as number) - 48;
    }
    if (p === at || p - at > 6 || bytes[p] !== 93 || bytes[p + 1] !== 32) return -1;
    this.cpu = cpu;
    p += 2;
    while (bytes[p] === 32) p++;
    // A time begins with a digit and flags do not: their first letter is one of . d D b X.
    digit = (bytes[p] as number) - 48;
    if (digit >= 0 && digit <= 9) {
      this.hasFlags = false;
      this.context = Context.process;
      return this.#endOfTime(bytes, p);
    }
    return this.#flagsAndRest(bytes, p);
  }

  /** "d..1. 12.345678: name" */
  #flagsAndRest(bytes: Uint8Array, at: number): number {
    let p = at;
    while ((bytes[p] as number) > 32) p++;
    if (p - at < 3 || p - at > 8 || bytes[p] !== 32) return -1;
    const context = CONTEXT_OF_FLAG[bytes[at + 2] as number] as number;
    if (context === UNKNOWN_FLAG) return -1;
    this.context = context as Context;
    this.hasFlags = true;
    while (bytes[p] === 32) p++;
    return this.#endOfTime(bytes, p);
  }

  #unusual(bytes: Uint8Array, start: number): number {
    if (bytes[start + 8] === 45) {
      const name = this.#latencyFormat(bytes, start + 9);
      if (name >= 0) return name;
    }
    // "name-123 [000] ..." with its blanks trimmed: the first dash that a pid and the rest follow.
    const limit = start + SEARCH_LIMIT;
    for (let p = start + 1; p < limit && bytes[p] !== 10; p++) {
      if (bytes[p] !== 45) continue;
      const name = this.#pidAndRest(bytes, p + 1);
      if (name >= 0) return name;
    }
    return -1;
  }

  /** "1234      0d..1. 12.345678: name", the kernel's "latency-format" and trace-cmd report -l. */
  #latencyFormat(bytes: Uint8Array, at: number): number {
    let p = at;
    let pid = 0;
    for (let c = bytes[p] as number; c >= 48 && c <= 57; c = bytes[++p] as number) pid = pid * 10 + (c - 48);
    if (p === at || p - at > 10 || bytes[p] !== 32) return -1;
    while (bytes[p] === 32) p++;
    const digits = p;
    let cpu = 0;
    for (let c = bytes[p] as number; c >= 48 && c <= 57; c = bytes[++p] as number) cpu = cpu * 10 + (c - 48);
    if (p === digits || p - digits > 6) return -1;
    this.pid = pid;
    this.cpu = cpu;
    return this.#flagsAndRest(bytes, p);
  }

  /**
   * "12.345678: ", "123456789: " (a clock that counts something else) or "123us+: " (latency format).
   * The time itself is not needed. Returns where the name begins.
   */
  #endOfTime(bytes: Uint8Array, at: number): number {
    let p = at;
    let c = bytes[p] as number;
    while (c >= 48 && c <= 57) c = bytes[++p] as number;
    if (p === at) return -1;
    this.time = at;
    if (c === 46) {
      c = bytes[++p] as number;
      while (c >= 48 && c <= 57) c = bytes[++p] as number;
    } else if (c === 117 && bytes[p + 1] === 115) {
      p += 2; // us, and a mark for long delays
      if (bytes[p] !== 58 && bytes[p] !== 10) p++;
      c = bytes[p] as number;
    }
    if (c !== 58 || bytes[p + 1] !== 32) return -1;
    p += 2;
    while (bytes[p] === 32) p++;
    return p;
  }
}

/** "(   1234) " or "(-------) ": position after it, -1 if it is something else. */
function endOfThreadGroup(bytes: Uint8Array, at: number): number {
  let p = at + 1;
  for (let c = bytes[p] as number; c === 32 || c === 45 || (c >= 48 && c <= 57); ) c = bytes[++p] as number;
  return bytes[p] === 41 && bytes[p + 1] === 32 ? p + 2 : -1;
}
