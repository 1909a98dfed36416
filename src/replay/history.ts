/**
 * Histories of maintenance, judged once each.
 *
 * Real loads repeat themselves: of 100,000 mappings a few dozen differ in more than where they lie. So a history is
 * kept relative to the buffer's first line, as a node; a call leads from one node to the next, and the judge runs
 * only where no call like it was seen there before. Two histories that leave the judge in the same state are one
 * node, so a buffer that is synced a thousand times goes round in a circle.
 * Measured on a recorded PV disk load: 4 judged calls in 1,000.
 */
import { floorTo, type MachineAddr, offsetBy } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import type { MaintenanceCall } from '../machine/index.ts';
import { type Charge, chargeOfLanded, NO_CHARGE } from './charge.ts';
import type { ActName } from './explain.ts';
import { type Damage, type Hardware, type Landed, MappingJudge, type Rule, type Severity } from './judge.ts';

/** A mapping as far as its history depends on it. */
export interface Shape {
  /** Bytes. */
  readonly size: number;
  readonly direction: Direction;
  readonly device: { readonly snoops: boolean };
}

/** One operation of a call, where it landed, and the call's next one. Relative to the shape's first line. */
export interface LandedOperation {
  readonly from: number;
  readonly to: number;
  readonly call: MaintenanceCall;
  readonly next: LandedOperation | undefined;
}

/** One call, with its maintenance where it landed. All addresses relative to the shape's first line. */
export interface HistoryStep {
  readonly name: ActName;
  readonly from: number;
  readonly to: number;
  readonly skipCpuSync: boolean;
  readonly landed: LandedOperation | undefined;
  /** What the operations cost. */
  readonly charge: Charge;
}

/**
 * A call made, and the history after it. The edges of a node are a chain, and so are the operations of a step: what is
 * looked up for every call lies in few places of memory. A finding keeps steps, and no node by them.
 */
export interface HistoryEdge {
  readonly step: HistoryStep;
  readonly node: HistoryNode;
  /** What was learnt before it from the same node. */
  readonly next: HistoryEdge | undefined;
}

/** What damages come to: each rule once, as errors where it has any. */
export interface DamageRules {
  readonly errors: readonly Rule[];
  readonly hazards: readonly Rule[];
}
const NO_RULES: DamageRules = { errors: [], hazards: [] };
const NO_DAMAGES: readonly Damage[] = [];

/**
 * Where the maintenance of one call landed, relative to the shape's first line. One object is filled again for every call: most are
 * known already, and nothing of them is kept (objects for each operation took a twentieth of the time of a replay).
 */
export class LandedCalls {
  readonly froms: number[] = [];
  readonly tos: number[] = [];
  readonly calls: MaintenanceCall[] = [];
  /** Entries of the arrays that count. */
  count = 0;

  add(from: number, to: number, call: MaintenanceCall): void {
    this.froms[this.count] = from;
    this.tos[this.count] = to;
    this.calls[this.count] = call;
    this.count++;
  }
}

/** A history up to here. */
export interface HistoryNode {
  readonly judge: MappingJudge;
  /** Everything found so far, relative to the shape's first line. */
  readonly damages: readonly Damage[];
  readonly rules: DamageRules;
  /** Key of the shape, which all nodes of a history share. */
  readonly shape: number;
  /** The newest of the calls that are known from here, and their number. */
  edge: HistoryEdge | undefined;
  edges: number;
}

/** Nodes kept; when there are more, all are forgotten and learnt anew (memory stays bounded). */
const MOST_NODES = 20_000;
/** Calls kept from one node: beyond this the load does not repeat itself there. */
const MOST_EDGES = 64;

export class Histories {
  readonly #hardware: Hardware;
  #roots = new Map<number, HistoryNode>();
  #byState = new Map<string, HistoryNode>();
  #nodes = 0;

  constructor(hardware: Hardware) {
    this.#hardware = hardware;
  }

  /** First line of a buffer: what its history is relative to. */
  baseOf(bus: MachineAddr): MachineAddr {
    return floorTo(bus, this.#hardware.lineSize);
  }

  /** The empty history of a buffer. @param bounced it is a slot, which has no neighbours in its lines. */
  root(bus: MachineAddr, shape: Shape, bounced: boolean): HistoryNode {
    const { size, direction } = shape;
    const { snoops } = shape.device;
    const offset = bus - this.baseOf(bus);
    const flags = direction * 4 + (bounced ? 2 : 0) + (snoops ? 1 : 0);
    const key = (size * this.#hardware.lineSize + offset) * 16 + flags;
    const known = this.#roots.get(key);
    if (known) return known;
    this.#makeRoom();
    const from = offset as MachineAddr;
    const buffer = { from, to: offsetBy(from, size), direction, hasNeighbours: !bounced };
    const judge = new MappingJudge(this.#hardware, buffer, snoops);
    const root = nodeAt(judge, NO_DAMAGES, key);
    this.#roots.set(key, root);
    this.#nodes++;
    return root;
  }

  /** The history after one more call. Everything is relative to the shape's first line. */
  step(
    node: HistoryNode,
    name: ActName,
    from: number,
    to: number,
    skipCpuSync: boolean,
    landed: LandedCalls,
  ): HistoryEdge {
    for (let edge = node.edge; edge; edge = edge.next)
      if (isStep(edge.step, name, from, to, skipCpuSync, landed)) return edge;
    const chain = chained(landed);
    const charge = chain === undefined ? NO_CHARGE : chargeOfLanded(landedOf(chain), this.#hardware.lineSize);
    return this.#learn(node, {
      name,
      from: small(from),
      to: small(to),
      skipCpuSync,
      landed: chain,
      charge,
    });
  }

  #learn(node: HistoryNode, step: HistoryStep): HistoryEdge {
    const judge = node.judge.fork();
    run(judge, step);
    const found = judge.takeDamage() ?? [];
    const news = found.filter((d) => !node.damages.some((known) => isSame(known, d)));
    const damages = news.length === 0 ? node.damages : [...node.damages, ...news];
    const key = `${node.shape} ${judge.stateKey()} ${damages.map(damageKey).join(' ')}`;
    let after = this.#byState.get(key);
    if (after === undefined) {
      after = nodeAt(judge, damages, node.shape);
      this.#byState.set(key, after);
      this.#nodes++;
    }
    const edge: HistoryEdge = { step, node: after, next: node.edge };
    if (node.edges < MOST_EDGES) {
      node.edge = edge;
      node.edges++;
    }
    this.#makeRoom();
    return edge;
  }

  #makeRoom(): void {
    if (this.#nodes < MOST_NODES) return;
    this.#roots = new Map();
    this.#byState = new Map();
    this.#nodes = 0;
  }
}

export function rulesOf(damages: readonly Damage[]): DamageRules {
  const of = (wanted: Severity) =>
    new Set(damages.flatMap(({ rule, severity }) => (severity === wanted ? [rule] : [])));
  const errors = of('error');
  return { errors: [...errors], hazards: [...of('hazard')].filter((rule) => !errors.has(rule)) };
}

function nodeAt(judge: MappingJudge, damages: readonly Damage[], shape: number): HistoryNode {
  const rules = damages.length === 0 ? NO_RULES : rulesOf(damages);
  return { judge, damages, rules, shape, edge: undefined, edges: 0 };
}

/** The same whole number; V8 keeps it in the object that it is a field of, and not apart. */
const small = Math.floor;

function chained({ froms, tos, calls, count }: LandedCalls): LandedOperation | undefined {
  let chain: LandedOperation | undefined;
  for (let i = count - 1; i >= 0; i--)
    chain = {
      from: small(froms[i] as number),
      to: small(tos[i] as number),
      call: calls[i] as MaintenanceCall,
      next: chain,
    };
  return chain;
}

/** Where the operations of a step landed, in their order. */
export function landedOf(chain: LandedOperation | undefined): Landed[] {
  const list: Landed[] = [];
  for (let at = chain; at; at = at.next)
    list.push({ call: at.call, from: at.from as MachineAddr, to: at.to as MachineAddr });
  return list;
}

function run(judge: MappingJudge, step: HistoryStep): void {
  const landed = landedOf(step.landed);
  const from = step.from as MachineAddr;
  const to = step.to as MachineAddr;
  if (step.name === 'map') judge.map(landed, step.skipCpuSync);
  else if (step.name === 'unmap') judge.unmap(landed, step.skipCpuSync);
  else if (step.name === 'sync_for_cpu') judge.syncForCpu(from, to, landed);
  else judge.syncForDevice(from, to, landed);
}

function isStep(
  step: HistoryStep,
  name: ActName,
  from: number,
  to: number,
  skipCpuSync: boolean,
  landed: LandedCalls,
): boolean {
  if (step.name !== name || step.skipCpuSync !== skipCpuSync) return false;
  if (step.from !== from || step.to !== to) return false;
  let at = step.landed;
  for (let i = 0; i < landed.count; i++) {
    if (at === undefined || at.call !== landed.calls[i]) return false;
    if (at.from !== landed.froms[i] || at.to !== landed.tos[i]) return false;
    at = at.next;
  }
  return at === undefined;
}

function isSame(a: Damage, b: Damage): boolean {
  return damageKey(a) === damageKey(b);
}

function damageKey({ rule, severity, moves, from, to }: Damage): string {
  return `${rule}/${severity}/${moves}/${from}/${to}`;
}
