/** What was compiled of a kernel’s source, as reports are told. */

/** Paths in the tree and in the folder of shims; headers by the names under which they are included. */
export interface KernelSourceReport {
  readonly folder: string;
  /** "6.12". */
  readonly release: string;
  /** Name of the design that it became. */
  readonly design: string;
  readonly compiler: string;
  readonly configurations: readonly string[];
  readonly files: readonly string[];
  readonly ownHeaders: readonly string[];
  readonly shims: readonly string[];
  readonly empty: readonly string[];
}
