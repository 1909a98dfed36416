/** One finding in full: made when somebody reads it, for of a long trace thousands are kept and few are read. */
import { type ByteRange, type DmaAddr, joinRanges, offsetBy } from '../address/index.ts';
import type { Direction } from '../linux/index.ts';
import { type Act, explain } from './explain.ts';
import type { Damage, Rule, Severity } from './judge.ts';
import type { Lane } from './lane.ts';
import type { LiveMapping } from './live.ts';

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

/** What a finding is made of. Nothing of it changes after the end of the mapping. */
export interface Found {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly mapping: LiveMapping;
  readonly lane: Lane;
  /** The operations are the trace's, and have lines. */
  readonly recorded: boolean;
}

/** The finding, with the history that it comes from and the damage that takes the fewest moves. */
export function findingOf({ rule, severity, mapping, lane, recorded }: Found): {
  readonly finding: Finding;
  readonly acts: readonly Act[];
  readonly damage: Damage;
} {
  const { errors, hazards } = lane.damageRules();
  const rules = severity === 'error' ? errors : hazards;
  const ofSeverity = lane.damages().filter((d) => d.severity === severity && rules.includes(d.rule));
  const damages = ofSeverity.filter((damage) => damage.rule === rule);
  const acts = lane.acts();
  const hardwareMoves = fewest(damages);
  const finding: Finding = {
    rule,
    severity,
    hardwareMoves,
    device: mapping.device.name,
    line: mapping.line,
    dma: lane.dma,
    size: mapping.size,
    direction: mapping.direction,
    missed: ranges(
      lane,
      ofSeverity.filter(({ inside }) => inside),
    ),
    touched: ranges(
      lane,
      ofSeverity.filter(({ inside }) => !inside),
    ),
    explanation: explain(rule, damages, acts, lane, recorded),
    foreign: mapping.mappingClass === 'foreign',
  };
  const damage = damages.find(({ moves }) => moves === hardwareMoves) ?? (damages[0] as Damage);
  return { finding, acts, damage };
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
