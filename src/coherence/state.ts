/** What a byte's copies look like in the model with one merged cache. */

export type Line = 'absent' | 'clean' | 'dirty';
/** Maintenance issued and not completed by a barrier. */
export type Issued = 'none' | 'clean' | 'invalidate' | 'cleanInvalidate';

export interface ByteState {
  readonly line: Line;
  /** Memory's copy of the byte has the flag: is the current value. */
  readonly memory: boolean;
  /** The cached copy has; false where the line is absent. */
  readonly cached: boolean;
  readonly issued: Issued;
}
