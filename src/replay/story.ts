/**
 * How one byte goes wrong: the judge is run once more on the history of a mapping, for that byte alone, and every step
 * that it takes is written down, so that the shortest execution can be rebuilt. The judge's own rules, not a copy.
 */
import { floorTo, type MachineAddr } from '../address/index.ts';
import {
  type Automaton,
  type Fault,
  type ModeSet,
  NEVER,
  type Node,
  Operation,
  Start,
  type Step,
  type Witness,
  witness,
} from '../coherence/index.ts';
import { Direction } from '../linux/index.ts';
import { forEachPiece } from '../machine/index.ts';
import type { Act } from './explain.ts';
import type { Example } from './findings.ts';
import { type ByteMap, type Hardware, type Landed, MappingJudge, type May, type Severity } from './judge.ts';

/** One step of the byte's history, with the call it belongs to. */
export interface StoryStep {
  readonly step: Step;
  readonly act: Act;
}
export interface Story {
  readonly byte: MachineAddr;
  /** Acts in order; those whose maintenance does not reach the byte's line are in `missedActs`. */
  readonly acts: readonly Act[];
  readonly missedActs: ReadonlySet<Act>;
  readonly start: Start;
  readonly steps: readonly StoryStep[];
  readonly fault: Fault;
  readonly witness: Witness;
}

/** Tell the story of an example's first damaged byte; undefined where no cache is involved or the history was cut. */
export function tellStory(hardware: Hardware, automaton: Automaton, example: Example): Story | undefined {
  const { damage, lane, acts, mapping } = example;
  if (damage.moves === null) return undefined;
  const byte = damage.from;
  if (!damage.inside) return outsideStory(hardware, byte, acts);
  const [first] = acts;
  if (first === undefined) return undefined;
  const log = new StepLog(automaton, damage.severity, damage.moves, first);
  const { direction } = mapping;
  const buffer = {
    from: lane.bus,
    to: (lane.bus + mapping.size) as MachineAddr,
    direction,
    hasNeighbours: !lane.bounced,
  };
  const judge = new MappingJudge(
    { automaton: log, lineSize: hardware.lineSize, keep: (_from, _to, node) => log.follow(byte, node) },
    buffer,
    mapping.device.snoops,
  );
  for (const act of acts) {
    log.act = act;
    const landed = landedOf(act);
    if (act.name === 'map') judge.map(landed, act.skipCpuSync);
    else if (act.name === 'unmap') judge.unmap(landed, act.skipCpuSync);
    else if (act.name === 'sync_for_cpu') judge.syncForCpu(act.from, act.to, landed);
    else judge.syncForDevice(act.from, act.to, landed);
    if (log.fault) break;
  }
  const start = direction === Direction.fromDevice ? Start.dontCare : Start.written;
  return log.fault && finish(byte, acts, start, log.steps, log.fault, hardware.lineSize);
}

/** A byte beside the buffer: somebody's dirty data, and the operation that destroys it. */
function outsideStory(hardware: Hardware, byte: MachineAddr, acts: readonly Act[]): Story | undefined {
  const steps: StoryStep[] = [];
  for (const act of acts)
    for (const { call, from, to } of landedOf(act))
      forEachPiece(call, from, to, hardware.lineSize, (low, high, operation) => {
        if (low <= byte && byte < high) steps.push({ step: { operation }, act });
      });
  const destroys = steps.findIndex(
    ({ step }) => 'operation' in step && step.operation === Operation.invalidate,
  );
  if (destroys < 0) return undefined;
  const only = steps.slice(destroys, destroys + 1);
  return finish(byte, acts, Start.written, only, { kind: 'lost', step: 0 }, hardware.lineSize);
}

function finish(
  byte: MachineAddr,
  acts: readonly Act[],
  start: Start,
  steps: readonly StoryStep[],
  fault: Fault,
  lineSize: number,
): Story | undefined {
  const found = witness(
    start,
    steps.map(({ step }) => step),
    fault,
  );
  if (found === undefined) return undefined;
  const line = floorTo(byte, lineSize);
  const reaches = (act: Act) => landedOf(act).some(({ from, to }) => from < line + lineSize && to > line);
  return {
    byte,
    acts,
    missedActs: new Set(acts.filter((act) => !reaches(act))),
    start,
    steps,
    fault,
    witness: found,
  };
}

function landedOf(act: Act): Landed[] {
  const landed: Landed[] = [];
  for (const { landing } of act.operations) if (landing?.kind === 'landed') landed.push(landing);
  return landed;
}

/** An automaton that writes down what one reading of one byte goes through. */
class StepLog implements May {
  readonly #automaton: Automaton;
  readonly #severity: Severity;
  readonly #moves: number;
  readonly steps: StoryStep[] = [];
  act: Act;
  fault: Fault | undefined;
  #followed = 0;
  #writing = false;

  constructor(automaton: Automaton, severity: Severity, moves: number, first: Act) {
    this.act = first;
    this.#automaton = automaton;
    this.#severity = severity;
    this.#moves = moves;
  }

  /** The judge keeps two maps, the mild reading's first; the one of the wanted severity is written down. */
  follow(byte: MachineAddr, start: Node): ByteMap {
    const wanted = (this.#severity === 'error' ? 0 : 1) === this.#followed++;
    let value = start;
    const inside = (from: MachineAddr, to: MachineAddr) => from <= byte && byte < to;
    const written = (work: () => void) => {
      this.#writing = wanted;
      work();
      this.#writing = false;
    };
    const map: ByteMap = {
      clone: () => map,
      key: () => '',
      update: (from, to, change) => {
        if (inside(from, to))
          written(() => {
            value = change(value);
          });
      },
      visit: (from, to, visit) => {
        if (inside(from, to)) written(() => visit(value, byte, (byte + 1) as MachineAddr));
      },
    };
    return map;
  }

  #push(step: Step): void {
    if (this.#writing && !this.fault) this.steps.push({ step, act: this.act });
  }

  #judge(kind: Fault['kind'], moves: number): void {
    if (this.#writing && !this.fault && moves === this.#moves)
      this.fault = { kind, step: this.steps.length - 1 };
  }

  start(start: Start, mode?: ModeSet): Node {
    return this.#automaton.start(start, mode);
  }
  modeOf(node: Node): ModeSet {
    return this.#automaton.modeOf(node);
  }
  step(node: Node, operation: Operation): Node {
    this.#push({ operation });
    return this.#automaton.step(node, operation);
  }
  withMode(node: Node, mode: ModeSet): Node {
    this.#push({ mode });
    return this.#automaton.withMode(node, mode);
  }
  staleMoves(node: Node, read: Operation): number {
    const moves = this.#automaton.staleMoves(node, read);
    if (moves === NEVER) return moves;
    this.#push({ operation: read });
    this.#judge('stale-read', moves);
    return moves;
  }
  deviceStaleMoves(node: Node): number {
    const moves = this.#automaton.deviceStaleMoves(node);
    if (moves !== NEVER) this.#judge('stale-device-window', moves);
    return moves;
  }
  lostMoves(node: Node): number {
    const moves = this.#automaton.lostMoves(node);
    if (moves !== NEVER) this.#judge('lost', moves);
    return moves;
  }
}
