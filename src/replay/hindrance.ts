/** What keeps a design from mapping what the recorded kernel mapped. */
import type { MachineAddr } from '../address/index.ts';

/** Why a design does not come to map a buffer, or may not. */
export type Hindrance =
  /** A page of it, [from, to), is one that the design refused. */
  | {
      readonly kind: 'refused';
      readonly from: MachineAddr;
      readonly to: MachineAddr;
      readonly because: string;
    }
  | { readonly kind: 'unknown'; readonly because: string };
