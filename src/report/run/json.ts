/** The machine-readable report of `run`: dmalab/run@1. */
import { hex } from '../../address/index.ts';
import { DIRECTION_NAMES } from '../../linux/index.ts';
import type { LoadResult, RunFinding } from '../../pv/index.ts';
import type { RunDocument } from './schema.ts';

type Row = RunDocument['runs'][number];

/** One run, with what it was of. */
export interface RunRow {
  readonly design: string;
  readonly seed: number;
  readonly adversarial: boolean;
  readonly result: LoadResult;
}

export function runJson(about: Pick<RunDocument, 'load' | 'machine'>, rows: readonly RunRow[]): RunDocument {
  return { schema: 'dmalab/run@1', ...about, runs: rows.map(rowJson) };
}

export function verdictOf({ adversarial, result }: RunRow): Row['verdict'] {
  const { errors, wrong, findings } = result;
  if (findings.length > 0 || wrong.length > 0) return adversarial ? 'can-be-corrupted' : 'corrupted';
  return errors > 0 ? 'failed' : 'intact';
}

function rowJson(row: RunRow): Row {
  const { design, seed, result } = row;
  const { errors, wrong, findings, costs, mappings } = result;
  return {
    design,
    seed,
    verdict: verdictOf(row),
    errors,
    wrong: wrong.map(({ finding, ...range }) => ({ ...range, finding: finding ?? null })),
    findings: findings.map(findingJson),
    cost: { mappings, ...costs, hypercalls: { ...costs.hypercalls } },
  };
}

function findingJson({ cause, ranges, consequence }: RunFinding): Row['findings'][number] {
  const { rule, moves, line, when, had, should, mapping, flush, text } = cause;
  return {
    rule,
    consequence,
    hardwareMoves: moves,
    ranges: ranges.map(([from, to]) => [hex(from), hex(to)]),
    line: hex(line),
    when,
    had: had ?? null,
    should: should ?? null,
    device: mapping?.device.name ?? null,
    dmaAddr: mapping?.dma === undefined ? null : hex(mapping.dma),
    size: mapping?.size ?? null,
    dir: mapping ? DIRECTION_NAMES[mapping.direction] : null,
    flush: flush ? { at: flush.phase, issued: flush.issued, meant: flush.meant, landed: flush.landed } : null,
    explanation: text,
  };
}
