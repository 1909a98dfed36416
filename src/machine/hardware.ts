/** Which byte model a machine is made of, and what an operation of one of its CPUs is called there. */
import {
  Automaton,
  type ByteModel,
  byteModel,
  type DisciplineName,
  local,
  type ModelName,
  Operation,
  onCpu,
} from '../coherence/index.ts';
import type { MachineSpec, OuterOperation } from './machine.ts';

/**
 * The byte model of a machine.
 * @throws RangeError for combinations that no model covers.
 */
export function modelOf(_spec: MachineSpec): ModelName {
  return 'inner';
}

/** A model by its name, under a discipline. */
export function byteModelOf(name: ModelName, discipline: DisciplineName): ByteModel {
  return byteModel(name as 'inner', discipline);
}

const automata = new Map<string, Automaton>();

/** The table of may-sets that all machines of a model share: it only ever grows, and only by what was met. */
export function automatonOf(name: ModelName, discipline: DisciplineName): Automaton {
  const key = `${name} ${discipline}`;
  let automaton = automata.get(key);
  if (automaton === undefined) {
    automaton = new Automaton(byteModelOf(name, discipline));
    automata.set(key, automaton);
  }
  return automaton;
}

const ISSUED: Partial<Record<Operation, Operation>> = {
  [Operation.clean]: Operation.issueClean,
  [Operation.invalidate]: Operation.issueInvalidate,
  [Operation.cleanInvalidate]: Operation.issueCleanInvalidate,
};

/** An operation as this machine's CPU executes it. */
export function executedBy(spec: MachineSpec, cpu: number, operation: Operation): Operation {
  const kind = spec.explicitBarriers ? (ISSUED[operation] ?? operation) : operation;
  return onCpu(spec.localMaintenance ? local(kind) : kind, cpu === 0 ? 0 : 1);
}

export const OUTER: Readonly<Record<OuterOperation, Operation>> = {
  clean: Operation.outerClean,
  invalidate: Operation.outerInvalidate,
  cleanInvalidate: Operation.outerCleanInvalidate,
};

/** Invalidate by set/way, as this CPU executes it: never broadcast, and complete when it returns. */
export const setWay = (cpu: number): Operation => onCpu(local(Operation.invalidate), cpu === 0 ? 0 : 1);
