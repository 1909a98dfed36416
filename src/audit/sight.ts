/** What of a board's memory devices with the same windows reach: worked out once for all devices of a bus. */
import { type ByteRange, commonRanges, type MachineAddr, rangesWithout } from '../address/index.ts';
import type { DmaWindow } from '../devicetree/index.ts';
import type { Board } from './board.ts';
import { type Reach, reachOf } from './reach.ts';

export interface Sight extends Reach {
  /** Whether it reaches any memory that dom0 has or can have; undefined where nothing is known of that. */
  readonly reachesOwn: boolean | undefined;
  /** RAM that is out of reach. */
  readonly far: readonly ByteRange<MachineAddr>[];
}

const EVERYTHING: Sight = { ...reachOf([]), reachesOwn: true, far: [] };
const known = new WeakMap<Board, Map<readonly DmaWindow[], Sight>>();

export function sightOf(board: Board, windows: readonly DmaWindow[]): Sight {
  if (windows.length === 0) return EVERYTHING;
  const sights = known.get(board) ?? new Map<readonly DmaWindow[], Sight>();
  known.set(board, sights);
  let sight = sights.get(windows);
  if (sight === undefined) {
    const reach = reachOf(windows);
    const own = ownMemory(board)?.memory;
    const { memory = [] } = reach;
    sight = {
      ...reach,
      reachesOwn: own && commonRanges(own, memory).length > 0,
      far: rangesWithout(board.ram, memory),
    };
    sights.set(windows, sight);
  }
  return sight;
}

/** Where dom0's own pages and bounce buffers can be; undefined where neither the tree nor dom0_mem tells. */
export function ownMemory({ setup, ram }: Board) {
  const memory = setup.dom0Memory;
  if (memory !== null && 'banks' in memory) return { memory: memory.banks, what: 'dom0\u2019s memory' };
  return ram.length === 0 ? undefined : { memory: ram, what: 'RAM' };
}
