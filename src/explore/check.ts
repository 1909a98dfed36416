/** A scenario against designs: every case judged, and compared with what was expected. */
import type { Design } from '../linux/index.ts';
import type { Case, Expectation, Scenario, Verdict } from '../scenario/index.ts';
import { checkCase } from './check-case.ts';
import type { CaseResult, Shrinking, Violation } from './result.ts';

/** One case of a scenario with one design: a row of `check --json`. */
export interface CheckRow {
  /** The scenario's file, with `#case` in a sweep. */
  readonly scenario: string;
  readonly design: string;
  readonly verdict: Verdict;
  /** null where nothing is written. */
  readonly expected: Verdict | null;
  readonly asExpected: boolean | null;
  /** Why it is inconclusive, or not as expected, or why it means little that it holds. */
  readonly because: string | undefined;
  readonly executions: number;
  readonly transitions: number;
  readonly ms: number;
  readonly violation: Violation | undefined;
  readonly expectation: Expectation | undefined;
  readonly case: Case;
  /** `case` and `violation` are smaller than what was checked. */
  readonly shrunk?: Shrinking;
}

/** A scenario with one design: all its cases in one. */
export interface CheckSummary {
  readonly scenario: Scenario;
  readonly design: string;
  readonly verdict: Verdict;
  readonly expected: Verdict | null;
  readonly asExpected: boolean | null;
  readonly cases: number;
  readonly violated: number;
  readonly executions: number;
  readonly transitions: number;
  readonly ms: number;
  /** The smallest case that goes wrong, else the first. */
  readonly row: CheckRow;
}

/** Judged, and not as expected. */
export function isUnmet({ verdict, asExpected }: Pick<CheckSummary, 'verdict' | 'asExpected'>): boolean {
  return asExpected === false && verdict !== 'inconclusive';
}

/** Not judged, and that was not expected: whatever was expected may be true. */
export function isOpen({ verdict, asExpected }: Pick<CheckSummary, 'verdict' | 'asExpected'>): boolean {
  return asExpected !== true && verdict === 'inconclusive';
}

/** What is checked, and how long a case may take. */
export interface CheckOptions {
  readonly now: () => number;
  /** Called before each case. */
  readonly progress?: (scenario: string, design: string) => void;
}

/** All rows of a scenario with one design, in the order of its cases. */
export function checkScenario(scenario: Scenario, design: Design, options: CheckOptions): CheckRow[] {
  const { expectedAs = design.name } = design;
  const expectation = scenario.expectations.find(({ designs }) => designs.includes(expectedAs));
  const rows = scenario.cases.map((one) => {
    options.progress?.(scenario.file, design.name);
    const begin = options.now();
    const result = checkCase(one, design, scenario.bounds, expectation?.rule);
    return rowOf(scenario, one, design, result, options.now() - begin, expectation);
  });
  return expectSome(rows, expectation);
}

function rowOf(
  scenario: Scenario,
  one: Case,
  design: Design,
  result: CaseResult,
  ms: number,
  expectation: Expectation | undefined,
): CheckRow {
  const { verdict, violation, because, executions, transitions } = result;
  const row: CheckRow = {
    scenario: one.name === '' ? scenario.file : `${scenario.file}#${one.name}`,
    design: design.name,
    verdict,
    expected: null,
    asExpected: null,
    because,
    executions,
    transitions,
    ms,
    violation,
    expectation,
    case: one,
  };
  // "violated" of a sweep is said of the sweep: of one case at least.
  if (expectation === undefined || (scenario.cases.length > 1 && expectation.verdict === 'violated'))
    return row;
  return compared(row, expectation);
}

function compared(row: CheckRow, expectation: Expectation): CheckRow {
  const { rule } = expectation;
  const sameRule = rule === undefined || row.violation === undefined || row.violation.rule === rule;
  const asExpected = row.verdict === expectation.verdict && sameRule;
  const found = `${row.verdict}${row.violation ? ` (${row.violation.rule})` : ''}`;
  return {
    ...row,
    expected: expectation.verdict,
    asExpected,
    because:
      asExpected || row.verdict === 'inconclusive'
        ? row.because
        : `expected ${expectation.verdict}${rule ? ` (${rule})` : ''}, found ${found}${row.because ? `: ${row.because}` : ''}`,
  };
}

/** In a sweep that is expected to go wrong somewhere, the smallest case that does so carries the expectation. */
function expectSome(rows: CheckRow[], expectation: Expectation | undefined): CheckRow[] {
  if (rows.length < 2 || expectation?.verdict !== 'violated') return rows;
  const { rule } = expectation;
  const wrong = rows.findIndex(
    ({ violation }) => violation && (rule === undefined || violation.rule === rule),
  );
  const carrier = Math.max(wrong, 0);
  return rows.map((row, i) => (i === carrier ? compared(row, expectation) : row));
}

/** The rows of one scenario and design in one. */
export function summarise(scenario: Scenario, rows: readonly CheckRow[]): CheckSummary {
  const first = rows[0];
  if (first === undefined) throw new RangeError(`${scenario.file} has no case`);
  const violated = rows.filter(({ verdict }) => verdict === 'violated');
  const inconclusive = rows.filter(({ verdict }) => verdict === 'inconclusive');
  const judged = rows.filter(({ asExpected }) => asExpected !== null);
  const unexpected = judged.find(({ asExpected }) => asExpected === false);
  const sum = (of: (row: CheckRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    scenario,
    design: first.design,
    verdict: violated.length > 0 ? 'violated' : inconclusive.length > 0 ? 'inconclusive' : 'holds',
    expected: first.expectation?.verdict ?? null,
    asExpected: judged.length === 0 ? null : unexpected === undefined,
    cases: rows.length,
    violated: violated.length,
    executions: sum(({ executions }) => executions),
    transitions: sum(({ transitions }) => transitions),
    ms: sum(({ ms }) => ms),
    row: unexpected ?? violated[0] ?? inconclusive[0] ?? rows.find(({ because }) => because) ?? first,
  };
}
