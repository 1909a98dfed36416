/**
 * What the adversarial machine keeps of a byte, in one number (so that runs compare and join cheaply): its may-set and what
 * was found out about its value.
 */
import type { Node } from '../coherence/index.ts';

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
}

const FACTS: readonly Facts[] = [false, true].flatMap((wrong) =>
  [false, true].flatMap((tainted) => [false, true].map((value) => ({ wrong, tainted, undefined: value }))),
);
const numberOf = (facts: Facts): number =>
  (facts.wrong ? 4 : 0) + (facts.tainted ? 2 : 0) + (facts.undefined ? 1 : 0);

/** A value somebody stored, of which nothing bad is known. */
export const DEFINED: Facts = { wrong: false, tainted: false, undefined: false };

export function infoOf(node: Node, facts: Facts): ByteInfo {
  return (node * FACTS.length + numberOf(facts)) as ByteInfo;
}
export function nodeOf(info: ByteInfo): Node {
  return Math.floor(info / FACTS.length) as Node;
}
export function factsOf(info: ByteInfo): Facts {
  return FACTS[info % FACTS.length] as Facts;
}
