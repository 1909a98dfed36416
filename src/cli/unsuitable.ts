/** Inputs in which there is nothing to judge: one line that says what they are instead. */
import type { TraceSummary, Unparsed } from '../trace/index.ts';
import { type FileKind, fileKind, HEAD } from './file-kind.ts';
import { UsageError } from './io.ts';
import { nameOf, refused, type Source } from './sources.ts';

const EXPECTED = 'the text of /sys/kernel/tracing/trace, or what trace-cmd report prints';
const RECORD = 'record with the events dma:* and swiotlb:* enabled, see docs/recording.md';

/**
 * Look at a trace's first bytes.
 * @returns a copy of them.
 * @throws UsageError if they are those of a file that can be no text.
 */
export function checkHead(source: Source, chunk: Uint8Array): Uint8Array {
  const head = new Uint8Array(chunk.subarray(0, HEAD));
  const kind = fileKind(head);
  if (kind && isBinary(kind)) throw refused(source, kind.what, kind.hint);
  return head;
}

/** All kinds but those that are told by their text. */
function isBinary({ role, what }: FileKind): boolean {
  return role !== 'trace' && role !== 'iomem' && what !== 'device tree source';
}

/** What was read. */
export interface Reading {
  readonly summary: TraceSummary;
  readonly head: Uint8Array;
  readonly damage: string | undefined;
  readonly unparsed: Unparsed | undefined;
}

/** @throws UsageError if there was no DMA event in it. */
export function refuseEmptyRun(source: Source, reading: Reading, dmaEvents: number): void {
  if (dmaEvents > 0) return;
  const { summary, head, damage, unparsed } = reading;
  const { lines, events, firstStrange } = summary;
  const refuse = (place: string, found: string, expected: string, hint: string) =>
    new UsageError(`${nameOf(source)}: ${place}found ${found}, expected ${expected} (${hint})`);

  if (lines === 0)
    throw refuse('', damage ? `nothing to read: ${damage}` : 'an empty file', EXPECTED, RECORD);
  if (unparsed && unparsed.event !== '')
    throw new UsageError(
      `${nameOf(source)}: line ${unparsed.line}: ${unparsed.event}: ${unparsed.reason}; none of the DMA events in ${lines} lines can be read`,
    );
  if (events === 0 && (firstStrange || unparsed)) {
    const kind = fileKind(head);
    if (kind && kind.role !== 'trace') throw refuse('', kind.what, EXPECTED, kind.hint);
    if (looksBinary(head)) throw refuse('', `binary data (${firstBytes(head)} ...)`, EXPECTED, RECORD);
    throw refuse(
      `line ${firstStrange?.line ?? unparsed?.line}: `,
      firstStrange ? JSON.stringify(firstStrange.excerpt) : 'a line without an end',
      EXPECTED,
      RECORD,
    );
  }
  const end = damage === undefined ? '' : `; ${damage}`;
  throw refuse(
    '',
    `no DMA event in ${lines} lines with ${events} events${end}`,
    'dma_map_*, dma_unmap_* and dma_sync_* events',
    `${RECORD}; kernels before 6.12 have none`,
  );
}

/** Bytes that stand in no text: control characters other than white space and escape. */
function looksBinary(head: Uint8Array): boolean {
  const odd = head.filter((byte) => byte === 127 || (byte < 32 && !(byte >= 8 && byte <= 13) && byte !== 27));
  return odd.length > head.length / 100;
}

function firstBytes(head: Uint8Array): string {
  return [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
