/** The machine-readable report of `check`: dmalab/check@1. */
import { hex } from '../../address/index.ts';
import type { CheckRow, Copy, Violation } from '../../explore/index.ts';
import type { KernelSourceReport } from '../kernel-source-facts.ts';
import { kernelSourceMember } from '../kernel-source-json.ts';
import type { CheckDocument } from './schema.ts';

type Row = CheckDocument['results'][number];

export function checkJson(rows: readonly CheckRow[], source?: KernelSourceReport): CheckDocument {
  return { schema: 'dmalab/check@1', results: rows.map(resultRow), ...kernelSourceMember(source) };
}

function resultRow(row: CheckRow): Row {
  const { scenario, design, verdict, expected, asExpected, executions, transitions, because, violation } =
    row;
  return {
    scenario,
    design,
    verdict,
    expected,
    asExpected,
    ...(because === undefined ? {} : { because }),
    executions,
    transitions,
    ms: Math.round(row.ms * 1000) / 1000,
    ...(violation === undefined ? {} : { violation: violationRow(violation) }),
  };
}

function violationRow(violation: Violation): NonNullable<Row['violation']> {
  const { rule, hardwareMoves, explanation } = violation;
  return {
    rule,
    hardwareMoves,
    missed: violation.missed.map(([from, to]) => [hex(from), hex(to)]),
    touched: violation.touched.map(([from, to]) => [hex(from), hex(to)]),
    explanation,
    steps: violation.steps.map(({ agent, action, at, copies }) => ({
      agent,
      action,
      at,
      state: copies.map(describeCopy).join('; '),
    })),
  };
}

/** `cache: dirty, current`; `memory: old`. */
export function describeCopy({ name, line, current }: Copy): string {
  const value = current === undefined ? undefined : current ? 'current' : 'old';
  return `${name}: ${[line, value].filter((part) => part !== undefined).join(', ')}`;
}
