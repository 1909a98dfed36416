/**
 * An execution of one byte, as the coherence engine rebuilds it, to be played on the concrete machine: at every step the
 * machine takes, of all ways it could go, one that leaves the byte's copies as the execution has them.
 */
import type { MachineAddr } from '../../address/index.ts';
import type { Copy, DisciplineName, Fault, ModelName, Witness, WitnessStep } from '../../coherence/index.ts';
import type { History, HistoryFault } from '../history.ts';
import { shortestExecution } from '../history.ts';
import { type TwoSizes, twoSizesKey } from './view.ts';

export interface Script {
  readonly at: MachineAddr;
  readonly model: ModelName;
  readonly discipline: DisciplineName;
  /** Steps of the history that are part of how the byte began. */
  readonly begun: number;
  /** Steps that were made before it began, and do not count. */
  readonly forgotten: number;
  readonly fault: Fault;
  readonly execution: Witness<unknown>;
}

/** The script in which a followed byte goes wrong; undefined if there is no such execution. */
export function scriptOf(history: History, fault: HistoryFault): Script | undefined {
  const execution = shortestExecution(history, fault);
  if (execution === undefined) return undefined;
  const { at, model, begun, forgotten } = history;
  return { at, model, discipline: fault.discipline, begun, forgotten, fault: fault.fault, execution };
}

/** The machine cannot do what the script says: the two machines disagree. */
export class ScriptError extends Error {}

/** What the copies of the byte look like, for comparison. */
export const copiesKey = (copies: readonly Copy[]): string =>
  copies.map(({ name, line, value, note }) => `${name}: ${line} ${value} ${note}`).join('; ');

/** Walks through a script, a step of the byte's history at a time. */
/** What is pending for the byte: by CPU, or by small line (its own first), as its model has it. */
export const issuedKey = (issued: readonly boolean[]): string =>
  issued.includes(true) ? `; pending: ${issued.join()}` : '';

type Shown = Pick<WitnessStep<unknown>, 'copies' | 'state'>;

export class Walk {
  readonly #script: Script;
  #toForget: number;
  /** Steps of the history done so far, and up to which what happens by itself has happened. */
  #done: number;
  #played: number;

  constructor(script: Script) {
    this.#script = script;
    this.#toForget = script.forgotten;
    this.#done = script.begun;
    this.#played = script.begun - 2;
  }

  /** The byte begins, with these copies, and then this happens before anybody does anything; undefined: as it likes. */
  begin(): { readonly copies: string; readonly afterwards: readonly WitnessStep<unknown>[] } | undefined {
    if (this.#toForget > 0) return undefined;
    const { begun, execution } = this.#script;
    const { steps } = execution;
    const start: Shown = { copies: execution.startCopies, state: execution.start };
    if (this.#done > begun) {
      // Once more, because of what was said of others in its granule.
      const last = steps.findLast((each) => isOperation(each) && each.step < this.#done);
      return { copies: this.key(last ?? start), afterwards: [] };
    }
    const first = steps.filter((each) => each.step < (isOperation(each) ? begun : begun - 1));
    // What others have done to its line it begins with.
    const others = first.findLastIndex(({ spontaneous }) => spontaneous === 'neighbour is written');
    return { copies: this.key(first[others] ?? start), afterwards: first.slice(others + 1) };
  }

  /** What happens by itself before the next step; once. */
  spontaneous(): WitnessStep<unknown>[] {
    if (this.#toForget > 0 || this.#played === this.#done - 1) return [];
    this.#played = this.#done - 1;
    return this.#script.execution.steps.filter((each) => !isOperation(each) && each.step === this.#done - 1);
  }

  /** How the next step is to end: copies to be left, a wrong read, or anything. Goes on to the one after it. */
  next(): { readonly copies: string } | 'wrong' | 'anything' {
    if (this.#toForget > 0) {
      this.#toForget--;
      return 'anything';
    }
    const step = this.#done;
    this.#done++;
    const { fault, execution } = this.#script;
    if (fault.kind === 'stale-read' && step === fault.step) return 'wrong';
    const wanted = execution.steps.find((each) => isOperation(each) && each.step === step);
    return wanted ? { copies: this.key(wanted) } : 'anything';
  }

  /** What the execution shows there, to be compared with what the machine shows. */
  key({ copies, state }: Shown): string {
    const shown = state as TwoSizes & { readonly issued: string | readonly string[] };
    // The copies do not tell everything: which half of a big line is modified.
    const key = this.#script.model === 'mixed' ? twoSizesKey(shown) : copiesKey(copies);
    return `${key}${issuedKey([shown.issued].flat().map((each) => each !== 'none'))}`;
  }

  /** A device's read through an open window is what goes wrong, and it is due. */
  isWindowDue(): boolean {
    const { fault } = this.#script;
    return fault.kind === 'stale-device-window' && fault.step === this.#done - 1;
  }
}

const isOperation = ({ spontaneous }: WitnessStep<unknown>): boolean => spontaneous === undefined;
