/**
 * What the adversarial machine keeps of a byte, in one number (so that runs compare and join cheaply): its may-set and what
 * was found out about its value.
 */
import type { Node } from '../../coherence/index.ts';

declare const byteBrand: unique symbol;
export type ByteInfo = number & { readonly [byteBrand]: 'ByteInfo' };

/** Facts about the byte's current value, until the next store to it. */
export interface Facts {
  /** A read of it went wrong, or it was destroyed: what follows is a consequence. */
  readonly wrong: boolean;
  /** It is a copy of a value that was wrong: every fault of it is a consequence. */
  readonly tainted: boolean;
  /** Nobody stored to it, in no execution: whatever it holds will do. */
  readonly undefined: boolean;
  /** Fewest moves with which a wrong read through the windows that are open has been told of; UNTOLD: of none. */
  readonly told: number;
}

/** As many moves, or more, are told of once only. */
export const UNTOLD = 7;
const BOTH = [false, true] as const;
const FACTS: readonly Facts[] = BOTH.flatMap((wrong) =>
  BOTH.flatMap((tainted) =>
    BOTH.flatMap((nobodys) =>
      Array.from({ length: UNTOLD + 1 }, (_, told) => ({ wrong, tainted, undefined: nobodys, told })),
    ),
  ),
);
const numberOf = ({ wrong, tainted, undefined: nobodys, told }: Facts): number =>
  (((wrong ? 2 : 0) + (tainted ? 1 : 0)) * 2 + (nobodys ? 1 : 0)) * (UNTOLD + 1) + told;

/** A value somebody stored, of which nothing bad is known. */
export const DEFINED: Facts = { wrong: false, tainted: false, undefined: false, told: UNTOLD };

export function infoOf(node: Node, facts: Facts): ByteInfo {
  return (node * FACTS.length + numberOf(facts)) as ByteInfo;
}
export function nodeOf(info: ByteInfo): Node {
  return Math.floor(info / FACTS.length) as Node;
}
export function factsOf(info: ByteInfo): Facts {
  return FACTS[info % FACTS.length] as Facts;
}
