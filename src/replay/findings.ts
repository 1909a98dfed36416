/** What is found: one finding per mapping and rule, and each distinct problem once with its count. */
import type { DmaAddr } from '../address/index.ts';
import { type ByteRange, joinRanges, offsetBy } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import { type Act, explain } from './explain.ts';
import type { Damage, Rule, Severity } from './judge.ts';
import type { Lane } from './lane.ts';
import type { LiveMapping } from './live.ts';
import type { MappingClass } from './operation.ts';

export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  /** Fewest spontaneous hardware moves; null where no cache is involved. */
  readonly hardwareMoves: number | null;
  readonly device: string;
  /** Line of the map event. */
  readonly line: number;
  readonly dma: DmaAddr;
  readonly size: number;
  readonly direction: Direction;
  /** Bytes of the buffer whose maintenance is missing. */
  readonly missed: readonly ByteRange<DmaAddr>[];
  /** Bytes outside the buffer that were destructively maintained, or the wrong frame's. */
  readonly touched: readonly ByteRange<DmaAddr>[];
  readonly explanation: string;
  /** On a foreign page. */
  readonly foreign: boolean;
}

/** A distinct problem: findings of one rule, severity, device and direction. */
export interface Problem {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly device: string;
  readonly direction: Direction;
  readonly foreign: boolean;
  mappings: number;
  /** The first such mapping, with its history. */
  readonly example: Example;
}
export interface Example {
  readonly finding: Finding;
  readonly mapping: LiveMapping;
  readonly lane: Lane;
  readonly acts: readonly Act[];
  readonly damage: Damage;
}

/** What does not depend on maintenance that was not recorded. */
const STAYS: ReadonlySet<Rule> = new Set(['wrong-frame', 'fault', 'kernel-bug', 'kernel-warning']);

/** Findings kept for JSON, of each severity; more are counted only (memory stays flat on long traces). */
const KEPT = 10_000;

export class Findings {
  readonly kept: Finding[] = [];
  readonly problems: Problem[] = [];
  readonly #kept: Record<Severity, number> = { error: 0, hazard: 0 };
  readonly #byKey = new Map<number, Problem>();
  /** Mappings with an error, and mappings with a hazard and no error: of foreign pages, and of others. */
  readonly #errors = { foreign: 0, local: 0 };
  readonly #hazards = { foreign: 0, local: 0 };
  /** Findings that were counted and not kept. */
  dropped = 0;

  /** Everything found on one mapping, at its end. @param recorded the operations are the trace's, and have lines. */
  add(mapping: LiveMapping, lane: Lane, recorded: boolean): void {
    const { errors, hazards } = lane.damageRules();
    this.#addAll(mapping, lane, 'error', errors, recorded);
    this.#addAll(mapping, lane, 'hazard', hazards, recorded);
    const place = mapping.mappingClass === 'foreign' ? 'foreign' : 'local';
    if (errors.length > 0) this.#errors[place]++;
    else if (hazards.length > 0) this.#hazards[place]++;
  }

  get errorMappings(): number {
    return this.#errors.foreign + this.#errors.local;
  }
  get hazardMappings(): number {
    return this.#hazards.foreign + this.#hazards.local;
  }

  /**
   * Take back what was found missing on foreign pages, or on the others: their maintenance was not recorded at all. What
   * landed on a wrong frame or through a dead alias was recorded, and stays.
   */
  withdraw(foreign: boolean): void {
    const place = foreign ? 'foreign' : 'local';
    const unfounded = (item: { foreign: boolean; rule: Rule }) =>
      item.foreign === foreign && !STAYS.has(item.rule);
    removeIf(this.kept, unfounded);
    removeIf(this.problems, unfounded);
    const left = this.kept.filter((finding) => finding.foreign === foreign);
    this.#errors[place] = new Set(left.map(({ line, dma }) => `${line} ${dma}`)).size;
    this.#hazards[place] = 0;
  }

  #addAll(
    mapping: LiveMapping,
    lane: Lane,
    severity: Severity,
    rules: readonly Rule[],
    recorded: boolean,
  ): void {
    let groups: readonly Group[] | undefined;
    for (const rule of rules) {
      const key = keyOf(rule, severity, mapping);
      const problem = this.#byKey.get(key);
      // Of a long trace most findings end here: what they are in full nobody asks.
      if (problem && this.#kept[severity] >= KEPT) {
        problem.mappings++;
        this.dropped++;
        continue;
      }
      groups ??= groupsOf(lane.damages(), severity, rules);
      const group = groups.find((g) => g.rule === rule);
      if (group) this.#addOne(mapping, lane, group, groups, recorded, key);
    }
  }

  #addOne(
    mapping: LiveMapping,
    lane: Lane,
    group: Group,
    all: readonly Group[],
    recorded: boolean,
    key: number,
  ): void {
    const { rule, severity, damages } = group;
    let problem = this.#byKey.get(key);
    const acts = lane.acts();
    const finding: Finding = {
      rule,
      severity,
      hardwareMoves: fewest(damages),
      device: mapping.device.name,
      line: mapping.line,
      dma: lane.dma,
      size: mapping.size,
      direction: mapping.direction,
      missed: ranges(
        lane,
        all.flatMap((g) => g.damages.filter((d) => d.inside)),
      ),
      touched: ranges(
        lane,
        all.flatMap((g) => g.damages.filter((d) => !d.inside)),
      ),
      explanation: explain(rule, damages, acts, lane, recorded),
      foreign: mapping.mappingClass === 'foreign',
    };
    if (problem) problem.mappings++;
    else {
      const damage = damages.find((d) => d.moves === finding.hardwareMoves) ?? (damages[0] as Damage);
      problem = {
        rule,
        severity,
        device: finding.device,
        direction: finding.direction,
        foreign: mapping.mappingClass === 'foreign',
        mappings: 1,
        example: { finding, mapping, lane, acts, damage },
      };
      this.#byKey.set(key, problem);
      this.problems.push(problem);
    }
    this.#kept[severity]++;
    this.kept.push(finding);
  }
}

function removeIf<T>(items: T[], unwanted: (item: T) => boolean): void {
  const left = items.filter((item) => !unwanted(item));
  items.splice(0, items.length, ...left);
}

const RULES: Readonly<Record<Rule, number>> = {
  'stale-device-read': 0,
  'stale-cpu-read': 1,
  'lost-write': 2,
  disclosure: 3,
  'wrong-frame': 4,
  fault: 5,
  'kernel-bug': 6,
  'kernel-warning': 7,
};
const CLASSES: Readonly<Record<MappingClass, number>> = { local: 0, foreign: 1, bounced: 2 };

/** What makes a problem distinct, as a number: it is asked for at the end of most mappings, and a text was measured to cost more. */
function keyOf(
  rule: Rule,
  severity: Severity,
  { device, direction, mappingClass }: Pick<LiveMapping, 'device' | 'direction' | 'mappingClass'>,
): number {
  const what = RULES[rule] * 2 + (severity === 'error' ? 1 : 0);
  return ((device.index * 4 + direction) * 4 + CLASSES[mappingClass]) * 16 + what;
}

/** The damages of one rule and severity, which are one finding. */
interface Group {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly damages: readonly Damage[];
}

function groupsOf(damages: readonly Damage[], severity: Severity, rules: readonly Rule[]): readonly Group[] {
  return rules.map((rule) => ({
    rule,
    severity,
    damages: damages.filter((d) => d.severity === severity && d.rule === rule),
  }));
}

function fewest(damages: readonly Damage[]): number | null {
  const moves = damages.map((d) => d.moves).filter((m) => m !== null);
  return moves.length > 0 ? Math.min(...moves) : null;
}

/** Machine ranges as the DMA addresses that the device uses for them. */
function ranges(lane: Lane, damages: readonly Damage[]): ByteRange<DmaAddr>[] {
  return joinRanges(
    damages.map(
      ({ from, to }): ByteRange<DmaAddr> => [
        offsetBy(lane.dma, from - lane.bus),
        offsetBy(lane.dma, to - lane.bus),
      ],
    ),
  );
}
