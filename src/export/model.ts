/** A model before it is written in one language or the other: variables, procedures, processes. */
import type { Rule } from '../explore/index.ts';

export type Condition =
  /** A boolean variable. */
  | { readonly set: string }
  | { readonly variable: string; readonly is: string }
  | { readonly not: Condition }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] };

export type Statement =
  /** To another variable's value, or a constant; booleans are the constants TRUE and FALSE. */
  | { readonly assign: string; readonly value: string }
  | { readonly when: Condition; readonly then: readonly Statement[] }
  | { readonly call: string }
  /** An assertion. */
  | { readonly check: Condition; readonly rule: Rule; readonly about: string };

export type Variable =
  | { readonly name: string; readonly type: 'boolean'; readonly initially: boolean; readonly about: string }
  | {
      readonly name: string;
      readonly type: readonly string[];
      readonly typeName: string;
      readonly initially: string;
      readonly about: string;
    };

/** May happen whenever its condition holds, any number of times, all of it at once. */
export interface Move {
  readonly name: string;
  readonly when: Condition;
  readonly does: readonly Statement[];
}

/** Happens in turn. */
export interface AgentStep {
  readonly comment: string;
  /** Undefined: at any time. */
  readonly when: Condition | undefined;
  readonly does: readonly Statement[];
}

export interface AgentProcess {
  readonly name: string;
  readonly steps: readonly AgentStep[];
}

export interface Procedure {
  readonly name: string;
  readonly about: string;
  readonly does: readonly Statement[];
}

export interface Model {
  /** Lines of the comment that it begins with. */
  readonly preface: readonly string[];
  readonly variables: readonly Variable[];
  readonly procedures: readonly Procedure[];
  /** What caches do by themselves. */
  readonly hardware: readonly Move[];
  /** What devices do to what they were handed. */
  readonly devices: readonly Move[];
  readonly agents: readonly AgentProcess[];
}

export const set = (variable: string): Condition => ({ set: variable });
export const is = (variable: string, value: string): Condition => ({ variable, is: value });
export const not = (condition: Condition): Condition => ({ not: condition });
export const all = (...conditions: readonly Condition[]): Condition => ({ all: conditions });
export const any = (...conditions: readonly Condition[]): Condition => ({ any: conditions });
export const assign = (variable: string, value: string): Statement => ({ assign: variable, value });
export const when = (condition: Condition, ...then: readonly Statement[]): Statement => ({
  when: condition,
  then,
});
export const call = (name: string): Statement => ({ call: name });
