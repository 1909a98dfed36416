/** Which byte model a machine is made of, and what the operations of its CPUs are called there. */
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
import type { CpuAccess, MachineSpec, OuterOperation } from './machine.ts';

/**
 * The byte model of a machine.
 *
 * CPUs are told apart only where it matters: while caches are coherent with each other, maintenance is broadcast and complete
 * when it returns, one merged cache does all that several can do.
 * @throws RangeError for combinations that no model covers.
 */
export function modelOf(spec: MachineSpec): ModelName {
  const [small, big = small] = spec.lineSizes;
  const apart = spec.localMaintenance || (spec.explicitBarriers && spec.cpus === 2);
  if (spec.localMaintenance && spec.cpus > 2)
    throw new RangeError(`${spec.cpus} CPUs with local maintenance: two at most are modelled`);
  const models: ModelName[] = [];
  if (small !== big) models.push('mixed');
  if (spec.outerCache) models.push('outer');
  if (apart && spec.cpus === 2 && (spec.localMaintenance || models.length === 0)) models.push('two-cpus');
  if (models.length > 1)
    throw new RangeError(`line sizes, outer cache, local maintenance: only one of ${models.join(' and ')}`);
  if (small !== big && big !== 2 * small)
    throw new RangeError(`line sizes ${small} and ${big}: the bigger one must be twice the smaller`);
  return models[0] ?? 'inner';
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
const OUTER: Readonly<Record<OuterOperation, Operation>> = {
  clean: Operation.outerClean,
  invalidate: Operation.outerInvalidate,
  cleanInvalidate: Operation.outerCleanInvalidate,
};

/** The operations of a machine's CPUs. */
export class Vocabulary {
  readonly #spec: MachineSpec;
  readonly #tellsCpusApart: boolean;

  constructor(spec: MachineSpec, model: ModelName) {
    this.#spec = spec;
    this.#tellsCpusApart = model === 'two-cpus';
  }

  load({ cpu, cacheable }: CpuAccess): Operation {
    return cacheable ? this.#on(cpu, Operation.cpuRead) : Operation.cpuReadUncached;
  }

  /** @param nobodys the value is one that nobody cares about. */
  store({ cpu, cacheable }: CpuAccess, nobodys: boolean): Operation {
    const { cpuWrite, cpuWriteUndefined, cpuWriteUncached, cpuWriteUncachedUndefined } = Operation;
    if (!cacheable) return nobodys ? cpuWriteUncachedUndefined : cpuWriteUncached;
    return this.#on(cpu, nobodys ? cpuWriteUndefined : cpuWrite);
  }

  /** What a store is to the other bytes of its lines; undefined: nothing. */
  storeNearby({ cpu, cacheable }: CpuAccess): Operation | undefined {
    return cacheable ? this.#on(cpu, Operation.cpuWriteNeighbour) : undefined;
  }

  /** Complete maintenance, as this machine executes it. */
  maintenance(cpu: number, complete: Operation): Operation {
    const { explicitBarriers, localMaintenance } = this.#spec;
    const executed = explicitBarriers ? (ISSUED[complete] ?? complete) : complete;
    return this.#on(cpu, localMaintenance ? local(executed) : executed);
  }

  barrier(cpu: number): Operation {
    return this.#on(cpu, Operation.barrier);
  }

  /** Invalidate by set/way: never broadcast, complete when it returns. */
  invalidateOwn(cpu: number): Operation {
    if (this.#tellsCpusApart) return this.#on(cpu, local(Operation.invalidate));
    // Others' caches are merged with this one, and keep what they have.
    const { cpus, lineSizes } = this.#spec;
    return cpus > 1 || lineSizes.length > 1 ? Operation.invalidateOne : Operation.invalidate;
  }

  outer(operation: OuterOperation): Operation {
    return OUTER[operation];
  }

  #on(cpu: number, operation: Operation): Operation {
    return this.#tellsCpusApart ? onCpu(operation, cpu === 0 ? 0 : 1) : operation;
  }
}
