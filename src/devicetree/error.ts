/** Why a device tree cannot be used: one error, with the place and what was expected there. */

/** Kinds of refusal, for callers that handle one of them (an overlay in a list of boards) differently. */
export type DeviceTreeErrorKind =
  | 'not-a-device-tree'
  | 'compressed'
  | 'overlay'
  | 'fit-image'
  | 'version'
  | 'truncated'
  | 'malformed'
  | 'too-large';

/** What a DeviceTreeError is made from; `hint` says what to do about it, where that is known. */
export interface DeviceTreeErrorFacts {
  readonly kind: DeviceTreeErrorKind;
  /** Byte offset in the file, in [0, file size]. */
  readonly offset: number;
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** The file is no usable flattened device tree. `message` holds all the facts in one line. */
export class DeviceTreeError extends Error {
  override readonly name = 'DeviceTreeError';
  readonly kind: DeviceTreeErrorKind;
  /** Byte offset in the file, in [0, file size]. */
  readonly offset: number;
  readonly found: string;
  readonly expected: string;
  readonly hint: string | undefined;

  constructor(facts: DeviceTreeErrorFacts) {
    const hint = facts.hint === undefined ? '' : ` (${facts.hint})`;
    super(
      `at offset 0x${facts.offset.toString(16)}: found ${facts.found}, expected ${facts.expected}${hint}`,
    );
    this.kind = facts.kind;
    this.offset = facts.offset;
    this.found = facts.found;
    this.expected = facts.expected;
    this.hint = facts.hint;
  }
}

/** Something wrong that does not prevent reading: where it is, and what the reader (as Linux) made of it. */
export interface DeviceTreeWarning {
  /** Byte offset in the file. */
  readonly offset: number;
  readonly message: string;
}

/** Shorthand for the commonest kind. */
export function malformed(offset: number, found: string, expected: string, hint?: string): DeviceTreeError {
  return new DeviceTreeError({
    kind: 'malformed',
    offset,
    found,
    expected,
    ...(hint === undefined ? {} : { hint }),
  });
}
