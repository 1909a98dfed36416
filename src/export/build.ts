/** A recording as a model. */
import { describeStep } from '../explore/index.ts';
import type { Case } from '../scenario/index.ts';
import { type Beginning, Cache, type Needs } from './cache.ts';
import { type Effect, effectOf, type Surroundings } from './effects.ts';
import { type ByteClass, covers, linesOf, type ModelLine } from './lines.ts';
import {
  type AgentProcess,
  type AgentStep,
  assign,
  type Condition,
  is,
  type Model,
  not,
  type Statement,
  set,
  type Variable,
} from './model.ts';
import { Identifiers } from './names.ts';
import type { Action, Operation, Synchronisation } from './operations.ts';
import type { Recording } from './record.ts';
import { CannotExport } from './refusal.ts';
import { Windows } from './windows.ts';

const NOBODY = 'NOBODY';
const TURN = 'turn';

/** @param most lines that the model may have. @throws CannotExport where it cannot be said, or not with so few. */
export function buildModel(one: Case, recording: Recording, preface: readonly string[], most: number): Model {
  const [lineSize] = one.platform.lineSizes;
  const operations = recording.agents.flatMap((actions) => actions.flatMap((action) => action.operations));
  const lines = withRest(linesOf(recording, lineSize, one.platform.explicitBarriers), operations);
  if (lines.length > most)
    throw new CannotExport(
      `${lines.length} cache lines differ in what happens to them, a model may have ${most} (--lines ${lines.length} allows it)`,
    );
  refuseSharedBeginnings(operations, lines);
  const needs = needsOf(one, recording, operations);
  const cache = new Cache(needs);
  const windows = new Windows(operations, lines);
  const surroundings: Surroundings = { cache, lines, lineSize, windows };
  const names = new Identifiers();
  const agents = one.agents.map((spec, agent) => ({
    name: names.of(spec.name),
    batches: batchesOf(one, agent, recording.agents[agent] ?? [], surroundings),
  }));
  const takesTurns = agents.length > 1 && agents.some(({ batches }) => batches.some(({ last }) => !last));
  return {
    preface: [...preface, ...aboutLines(lines)],
    variables: [
      ...lines.flatMap((line) => cache.variables(line, (bytes) => beginningOf(recording, bytes))),
      ...windows.variables,
      ...flagsOf(recording),
      ...(takesTurns ? [turnOf(agents.map(({ name }) => name))] : []),
    ],
    procedures: lines.flatMap((line) => cache.procedures(line)),
    hardware: lines.flatMap((line) => cache.moves(line)),
    devices: windows.moves(cache),
    agents: agents.map(({ name, batches }) => processOf(name, batches, takesTurns)),
  };
}

/** Set/way operations reach all memory: one line stands for what the scenario does not mention. */
function withRest(lines: readonly ModelLine[], operations: readonly Operation[]): readonly ModelLine[] {
  if (!operations.some((operation) => operation.do === 'invalidate-all')) return lines;
  const index = lines.length;
  const classes = lines.reduce((sum, line) => sum + line.classes.length, 0);
  const rest: ByteClass = { index: classes, line: index, pieces: [], name: 'the rest of memory' };
  return [...lines, { index, at: undefined, classes: [rest], standsFor: 1 }];
}

/**
 * That a buffer is to be received into means that its owner may have stored to it. Where others share its line and a device
 * writes theirs, it would have to be said whether that store came: the scenario then must say so.
 */
function refuseSharedBeginnings(operations: readonly Operation[], lines: readonly ModelLine[]): void {
  const pastTheCache = operations.flatMap((operation) => {
    if (operation.do === 'device-write') return operation.snoops ? [] : [operation.span];
    if (operation.do === 'open') return operation.writes && !operation.snoops ? [operation.span] : [];
    const uncached = (operation.do === 'cpu-write' || operation.do === 'copy') && !operation.cacheable;
    return uncached ? [operation.span] : [];
  });
  for (const operation of operations) {
    if (operation.do !== 'begin') continue;
    for (const { classes } of lines) {
      const begun = classes.filter((bytes) => covers(operation.span, bytes));
      const others = classes.filter((bytes) => !begun.includes(bytes));
      const other = others.find((bytes) => pastTheCache.some((span) => covers(span, bytes)));
      if (begun.length > 0 && other)
        throw new CannotExport(
          `${begun[0]?.name} and ${other.name} share a line and both are received into, so it matters who stored to it before`,
        );
    }
  }
}

function needsOf(one: Case, { beginning }: Recording, operations: readonly Operation[]): Needs {
  return {
    barriers: one.platform.explicitBarriers,
    owners:
      operations.some((operation) => operation.do === 'new-owner') ||
      [...beginning, ...operations].some(
        (operation) => operation.do === 'begin' && operation.initial === 'anothers',
      ),
    copies: operations.some((operation) => operation.do === 'copy'),
  };
}

function beginningOf({ beginning }: Recording, bytes: ByteClass): Beginning {
  const said = beginning.findLast((operation) => operation.do === 'begin' && covers(operation.span, bytes));
  return said?.do === 'begin' ? said.initial : 'written';
}

/** What happens at once: operations of one action that reach different lines. */
interface Batch {
  readonly comment: string;
  readonly synchronisation: Synchronisation | undefined;
  readonly statements: readonly Statement[];
  /** The last of its action. */
  readonly last: boolean;
}

function batchesOf(
  one: Case,
  agent: number,
  actions: readonly Action[],
  surroundings: Surroundings,
): Batch[] {
  return actions.flatMap((action) => {
    const step = one.agents[agent]?.steps[action.step];
    const where = step ? `line ${step.line}: ${describeStep(step)}` : '';
    const parts = disjoint(
      action.operations.map((operation) => ({
        ...effectOf(operation, surroundings),
        does: operation.do === 'maintain' ? operation.whole : operation.do.replace('-', ' '),
      })),
    );
    const failures = action.failures.map(
      ({ rule, what }): Statement => ({ check: { any: [] }, rule, about: what }),
    );
    const batches: Omit<Batch, 'last'>[] = parts.map(({ statements, does }) => ({
      comment: `${where} (${[...new Set(does)].join(', ')})`,
      synchronisation: undefined,
      statements,
    }));
    if (action.synchronisation)
      batches.unshift({ comment: where, synchronisation: action.synchronisation, statements: [] });
    if (failures.length > 0)
      batches.push({ comment: where, synchronisation: undefined, statements: failures });
    return batches.map((batch, i) => ({ ...batch, last: i === batches.length - 1 }));
  });
}

interface NamedEffect extends Effect {
  readonly does: string;
}

/** Operations that follow each other and reach different lines, together: what caches do in between changes neither. */
function disjoint(effects: readonly NamedEffect[]): { statements: Statement[]; does: string[] }[] {
  const parts: { statements: Statement[]; does: string[]; lines: number[] }[] = [];
  for (const { lines, statements, does } of effects) {
    if (statements.length === 0) continue;
    const last = parts.at(-1);
    if (last && !lines.some((line) => last.lines.includes(line))) {
      last.statements.push(...statements);
      last.lines.push(...lines);
      last.does.push(does);
    } else parts.push({ statements: [...statements], does: [does], lines: [...lines] });
  }
  return parts;
}

function processOf(name: string, batches: readonly Batch[], takesTurns: boolean): AgentProcess {
  const steps = batches.map((batch, i): AgentStep => {
    const isFirst = batches[i - 1]?.last ?? true;
    const free = takesTurns && isFirst ? [is(TURN, NOBODY)] : [];
    const sync = batch.synchronisation && synchronised(batch.synchronisation);
    const conditions = [...free, ...(sync?.when ? [sync.when] : [])];
    const does = [...(sync?.does ?? []), ...batch.statements];
    if (takesTurns && isFirst && !batch.last) does.push(assign(TURN, turnName(name)));
    if (takesTurns && !isFirst && batch.last) does.push(assign(TURN, NOBODY));
    return {
      comment: batch.comment,
      when: conditions.length === 0 ? undefined : { all: conditions },
      does,
    };
  });
  return { name, steps };
}

function synchronised({ do: what, name }: Synchronisation): { when?: Condition; does: Statement[] } {
  const flag = flagName(what, name);
  switch (what) {
    case 'signal':
      return { does: [assign(flag, 'TRUE')] };
    case 'wait':
      return { when: set(flag), does: [] };
    case 'lock':
      return { when: not(set(flag)), does: [assign(flag, 'TRUE')] };
    case 'unlock':
      return { does: [assign(flag, 'FALSE')] };
  }
}

function flagsOf({ agents }: Recording): Variable[] {
  const flags = new Map<string, Variable>();
  for (const { synchronisation } of agents.flat()) {
    if (!synchronisation) continue;
    const { do: what, name } = synchronisation;
    const flag = flagName(what, name);
    const about = what === 'signal' || what === 'wait' ? `${name} was signalled` : `${name} is locked`;
    flags.set(flag, { name: flag, type: 'boolean', initially: false, about });
  }
  return [...flags.values()];
}

/** Every name of a scenario is letters, digits, dashes and underscores; dashes become double underscores. */
function flagName(what: Synchronisation['do'], name: string): string {
  const kind = what === 'signal' || what === 'wait' ? 'signal' : 'lock';
  return `${kind}_${name.replaceAll('-', '__').replaceAll(/[^A-Za-z0-9_]/g, (found) => `_${found.charCodeAt(0)}_`)}`;
}

const turnName = (agent: string): string => `TURN_OF_${agent}`;

function turnOf(agents: readonly string[]): Variable {
  return {
    name: TURN,
    type: [NOBODY, ...agents.map(turnName)],
    typeName: 'Turn',
    initially: NOBODY,
    about: 'who is within something that others see whole or not at all',
  };
}

function aboutLines(lines: readonly ModelLine[]): string[] {
  const stands = lines.some(({ standsFor }) => standsFor > 1);
  return [
    ...lines.map(
      ({ index, at, classes, standsFor }) =>
        `line${index}: ${at === undefined ? '' : `0x${at.toString(16)}, `}${classes.map(({ name }) => name).join(' | ')}${standsFor > 1 ? ` (stands for ${standsFor} lines)` : ''}`,
    ),
    ...(stands
      ? [
          '',
          'A line that stands for others: the same operations reach all of them in the same way. Caches treat lines',
          'independently of each other, no agent acts upon what it reads, and every assertion is about one byte, so what',
          'can go wrong in one of them can go wrong in this one, with the same order of events.',
        ]
      : []),
  ];
}
