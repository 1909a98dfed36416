/**
 * The story that all three checkers are asked about: a receive buffer of n whole cache lines, a device that does
 * not snoop.
 *
 * At first any line may be dirty with bytes nobody needs. dma_map cleans each line; the device then writes every
 * line once, in any order; dma_unmap invalidates each line, or forgets to; the CPU reads each line and must see
 * what the device wrote. At any moment the hardware may fill an absent line, write a dirty one back, evict one
 * (src/coherence/operations.ts). All bytes of a line have one history here, so a line holds one value: 0 before the
 * device wrote it, 1 after. Every text below is that, line by line, and nothing is told to a checker that another
 * does not know.
 */

export interface Story {
  /** Cache lines of the buffer. */
  readonly lines: number;
  /** With it the story holds, without it the CPU can read stale. */
  readonly invalidate: boolean;
}

export type Verdict = 'holds' | 'violated';

/** What every checker must say. */
export function expectedVerdict(story: Story): Verdict {
  return story.invalidate ? 'holds' : 'violated';
}

/** One text for each line, by its number. */
export function forEachLine(story: Story, text: (line: number) => string): string {
  return Array.from({ length: story.lines }, (_, line) => text(line)).join('');
}
