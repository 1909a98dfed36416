/** What is found: one finding per mapping and rule, and each distinct problem once with its count. */
import type { Direction } from '../linux/index.ts';
import type { Act } from './explain.ts';
import { type Finding, type Found, findingOf } from './finding.ts';
import type { Damage, Rule, Severity } from './judge.ts';
import type { Lane } from './lane.ts';
import type { LiveMapping } from './live.ts';
import type { MappingClass } from './operation.ts';

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
  readonly problems: Problem[] = [];
  #kept: Found[] = [];
  readonly #keptOf: Record<Severity, number> = { error: 0, hazard: 0 };
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
    const place = isForeign(mapping) ? 'foreign' : 'local';
    if (errors.length > 0) this.#errors[place]++;
    else if (hazards.length > 0) this.#hazards[place]++;
  }

  /** The findings that are kept, in the order of the mappings' ends; made anew each time. */
  kept(): readonly Finding[] {
    return this.#kept.map((found) => findingOf(found).finding);
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
    const isUnfounded = (onForeign: boolean, rule: Rule) => onForeign === foreign && !STAYS.has(rule);
    this.#kept = this.#kept.filter(({ mapping, rule }) => !isUnfounded(isForeign(mapping), rule));
    removeIf(this.problems, (problem) => isUnfounded(problem.foreign, problem.rule));
    const left = this.#kept.filter(({ mapping }) => isForeign(mapping) === foreign);
    this.#errors[place] = new Set(left.map(({ mapping, lane }) => `${mapping.line} ${lane.dma}`)).size;
    this.#hazards[place] = 0;
  }

  #addAll(
    mapping: LiveMapping,
    lane: Lane,
    severity: Severity,
    rules: readonly Rule[],
    recorded: boolean,
  ): void {
    for (const rule of rules) {
      const key = keyOf(rule, severity, mapping);
      const problem = this.#byKey.get(key);
      if (problem) problem.mappings++;
      // Of a long trace most findings end here.
      if (problem && this.#keptOf[severity] >= KEPT) {
        this.dropped++;
        continue;
      }
      const found: Found = { rule, severity, mapping, lane, recorded };
      this.#keptOf[severity]++;
      this.#kept.push(found);
      if (problem === undefined) this.#addProblem(found, key);
    }
  }

  #addProblem(found: Found, key: number): void {
    const { rule, severity, mapping, lane } = found;
    const problem: Problem = {
      rule,
      severity,
      device: mapping.device.name,
      direction: mapping.direction,
      foreign: isForeign(mapping),
      mappings: 1,
      example: { ...findingOf(found), mapping, lane },
    };
    this.#byKey.set(key, problem);
    this.problems.push(problem);
  }
}

function isForeign({ mappingClass }: LiveMapping): boolean {
  return mappingClass === 'foreign';
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
