/**
 * One line of judgement through a trace: the recorded maintenance, or that of a design.
 *
 * A track keeps over the whole trace what it found, what it cost and, for the kernel's own design, how its predictions compare with the recording.
 */
import { type Design, Direction, type Tables } from '../linux/index.ts';
import type { Total } from './charge.ts';
import { Conformance } from './conformance.ts';
import { Findings } from './findings.ts';
import type { Lane } from './lane.ts';
import type { LiveMapping } from './live.ts';
import { countedTables, type TableCost } from './tables.ts';

export interface Cost extends TableCost, Total {
  bouncedBytes: number;
}

export interface Inconclusive {
  readonly line: number;
  readonly device: string;
  readonly because: string;
}
const MOST_INCONCLUSIVE = 10_000;

export class Track {
  readonly name: string;
  /** Undefined for the recorded maintenance. */
  readonly design: Design | undefined;
  readonly findings = new Findings();
  readonly cost: Cost = {
    hypercalls: 0,
    linesCleaned: 0,
    linesInvalidated: 0,
    linesCleanInvalidated: 0,
    bouncedBytes: 0,
    indexInserts: 0,
    indexRemoves: 0,
    indexLookups: 0,
    indexPeak: 0,
  };
  /** What the design keeps in the kernel from call to call. */
  readonly tables: Tables = countedTables(this.cost);
  readonly conformance: Conformance | undefined;
  readonly inconclusive: Inconclusive[] = [];
  inconclusiveCount = 0;

  constructor(name: string, design: Design | undefined, conforms: boolean) {
    this.name = name;
    this.design = design;
    this.conformance = conforms ? new Conformance() : undefined;
  }

  /** The mapping is over: report what was found on it. */
  finish(mapping: LiveMapping, lane: Lane): void {
    const { hindrance } = lane;
    const uncertain = mapping.uncertain ?? (hindrance?.kind === 'unknown' ? hindrance.because : undefined);
    if (uncertain !== undefined) this.cannotSay(mapping.line, mapping.device.name, uncertain);
    else if (lane.isDamaged) this.findings.add(mapping, lane, this.design === undefined);
  }

  cannotSay(line: number, device: string, because: string): void {
    this.inconclusiveCount++;
    if (this.inconclusive.length < MOST_INCONCLUSIVE) this.inconclusive.push({ line, device, because });
  }
}

/** Bytes copied by a bounce: into the slot in every direction, back where the device writes. */
export function bouncedBytes(size: number, direction: Direction, back: boolean): number {
  return back && direction === Direction.toDevice ? 0 : size;
}
