/**
 * The story as a Promela model for Spin.
 *
 * Written for speed: unrolled options instead of a chosen index, one d_step for each move, bits and bytes in place
 * of channels, two processes only (the order of CPU and device is a sequence, the hardware is beside it).
 */
import { forEachLine, type Story } from './story.ts';

export function promela(story: Story): string {
  const { lines, invalidate } = story;
  return `/* ${lines} cache lines, FROM_DEVICE, ${invalidate ? 'with' : 'without'} the invalidate of dma_unmap */
#define N ${lines}
#define ABSENT 0
#define CLEAN 1
#define DIRTY 2
byte line[N] = DIRTY;
bit memory[N], cached[N], written[N];

active proctype Hardware() {
end:  do
${forEachLine(story, hardwareMoves)}  od
}

active proctype Software() {
  byte i;
  /* dma_map: DC CVAC on each line */
  do
  :: d_step { i < N ->
       if
       :: line[i] == DIRTY -> memory[i] = cached[i]; line[i] = CLEAN
       :: else
       fi;
       i++ }
  :: atomic { i == N -> i = 0; break }
  od;
  /* the device, in any order */
  do
${forEachLine(story, (n) => `  :: d_step { written[${n}] == 0 -> written[${n}] = 1; memory[${n}] = 1 }\n`)}  :: ${Array.from({ length: lines }, (_, n) => `written[${n}]`).join(' && ')} -> break
  od;
${invalidate ? INVALIDATE : ''}  /* the CPU reads each line */
  do
  :: d_step { i < N ->
       if
       :: line[i] == ABSENT -> line[i] = CLEAN; cached[i] = memory[i]
       :: else
       fi;
       assert(cached[i] == 1);
       i++ }
  :: i == N -> break
  od
}
`;
}

/** Fill, write back, evict. */
function hardwareMoves(n: number): string {
  return `  :: d_step { line[${n}] == ABSENT -> line[${n}] = CLEAN; cached[${n}] = memory[${n}] }
  :: d_step { line[${n}] == DIRTY -> line[${n}] = CLEAN; memory[${n}] = cached[${n}] }
  :: d_step { line[${n}] == DIRTY -> line[${n}] = ABSENT; memory[${n}] = cached[${n}]; cached[${n}] = 0 }
  :: d_step { line[${n}] == CLEAN -> line[${n}] = ABSENT; cached[${n}] = 0 }
`;
}

/** DC IVAC: a dirty line is lost or written back, as the architecture allows. */
const INVALIDATE = `  /* dma_unmap: DC IVAC on each line */
  do
  :: d_step { i < N -> line[i] = ABSENT; cached[i] = 0; i++ }
  :: d_step { i < N && line[i] == DIRTY -> memory[i] = cached[i]; line[i] = ABSENT; cached[i] = 0; i++ }
  :: atomic { i == N -> i = 0; break }
  od;
`;
