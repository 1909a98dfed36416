/** Traces that are damaged or strange in part: what can be read is judged, what cannot is counted and said. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  BOARD,
  dmalab,
  event,
  exampleText,
  file,
  NATIVE,
  replayJson,
  rightLines,
  TRACE,
  traceFile,
} from './testing.ts';

const text = exampleText();
const lines = text.split('\n');
const withLine = (at: number, line: string) => [...lines.slice(0, at), line, ...lines.slice(at)].join('\n');

/** The report on a trace as it should be, to compare with. */
const { document: whole } = await replayJson(TRACE, BOARD);
type Finding = (typeof whole)['designs'][number]['findings'][number];
/** linux-3.17 has errors everywhere, also on what is inconclusive around a damaged place. */
const errorsOf = ({ designs }: typeof whole) =>
  designs.filter(({ name }) => name !== 'linux-3.17').map(({ findings }) => findings);

describe('gzip data', () => {
  const packed = readFileSync(TRACE);

  it('that is cut: everything before the cut is judged, exit 2', async () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const length = Math.floor(packed.length * share);
      const name = file('cut.gz', packed.subarray(0, length));
      const { document, exit, errors } = await replayJson(name, BOARD);
      expect(exit).toBe(2);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatch(
        new RegExp(
          `cut.gz: line ${document.trace.lines}: the gzip data is cut at byte ${length} of the file`,
        ),
      );
      // What is before the cut, as plain text.
      const before = text.split('\n').slice(0, document.trace.lines - 1);
      const plain = await replayJson(file('before.txt', `${before.join('\n')}\n`), BOARD);
      expect(document.trace.lines - plain.document.trace.lines).toBe(1);
      expect(document.trace.events - plain.document.trace.events).toBeLessThanOrEqual(1);
      expect(errorsOf(document)).toEqual(errorsOf(plain.document));
    }
  });

  it('that is cut: the report for people says so, --exit-zero does not hide it', async () => {
    const name = file('cut.gz', packed.subarray(0, 100_000));
    const { exit, out } = await dmalab(['replay', name, ...BOARD, '--exit-zero']);
    expect(exit).toBe(2);
    expect(out).toMatch(/could have been corrupted on 8 mappings\n {2}the gzip data is cut at byte 100000/);
  });

  it('with garbage behind: all of it is judged, exit 2', async () => {
    const name = file('garbage.gz', Buffer.concat([packed, Buffer.from('garbage\n'.repeat(1000))]));
    const { document, exit, errors } = await replayJson(name, BOARD);
    expect(document).toEqual(whole);
    expect(exit).toBe(2);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`from byte ${packed.length} on, is no gzip data`);
  });

  it('in many members is one trace, whatever its name', async () => {
    const members = [lines.slice(0, 5000), lines.slice(5000)].map((part, i) =>
      gzipSync(part.join('\n') + (i === 0 ? '\n' : '')),
    );
    const { document, exit } = await replayJson(file('members.txt', Buffer.concat(members)), BOARD);
    expect(document).toEqual(whole);
    expect(exit).toBe(1);
  });
});

describe('the same trace', () => {
  it('plain, from standard input, with CRLF, without its last newline: the same document', async () => {
    for (const content of [text, text.replaceAll('\n', '\r\n'), text.trimEnd()]) {
      expect((await replayJson(file('same.txt', content), BOARD)).document).toEqual(whole);
      const bytes = Buffer.from(content);
      const input = [bytes.subarray(0, 1), bytes.subarray(1, 70_000), bytes.subarray(70_000)];
      expect((await replayJson('-', BOARD, input)).document).toEqual(whole);
    }
    const packed = readFileSync(TRACE);
    const input = [packed.subarray(0, 1), packed.subarray(1, 1000), packed.subarray(1000)];
    expect((await replayJson('-', BOARD, input)).document).toEqual(whole);
  });

  it('longer than what is looked at before judging: nothing is lost of it', async () => {
    const comments = '# a comment\n'.repeat(150_000);
    const { document } = await replayJson(file('long.txt', comments + text), BOARD);
    expect(document.trace).toEqual({ ...whole.trace, lines: whole.trace.lines + 150_000 });
  });

  it('whose first DMA event is far behind: Xen and the release are inferred all the same', async () => {
    const comments = '# a comment\n'.repeat(400_000);
    const renamed = text
      .replaceAll('dma_map_page', 'dma_map_phys')
      .replaceAll('dma_unmap_page', 'dma_unmap_phys');
    const name = file('far.txt', comments + renamed);
    const { document } = await replayJson(name, []);
    expect(document.platform).toMatchObject({ xen: true, ownDesign: 'linux-7.3' });
    expect(document.platform.xenBecause).toMatch(/^line \d+ of the trace is an event of a kernel on Xen$/);
  });
});

describe('a line that cannot be read', () => {
  const mapOf = (dma: string) =>
    event(`dma_map_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=${dma} size=64 phys_addr=1000 attrs=`);

  it('with an address past 2^53 or past 64 bits: counted as unparsed, said once', async () => {
    for (const address of ['20000000000000', 'fffffffffffff000', '1ffffffffffffffff']) {
      const { document, errors } = await replayJson(file('far.txt', withLine(20, mapOf(address))), BOARD);
      expect(document.trace.unparsed).toBe(1);
      // The same findings, one line further down.
      const moved = (finding: Finding) => ({
        ...finding,
        line: finding.line + 1,
        explanation: expect.any(String),
      });
      expect(errorsOf(document)).toEqual(errorsOf(whole).map((findings) => findings.map(moved)));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatch(
        new RegExp(`far.txt: line 21: dma_map_page: found dma_addr "${address}", which is past 2\\^53 - 1`),
      );
    }
  });

  it('more than one: the first is shown, all are counted', async () => {
    const many = traceFile('many.txt', [mapOf('20000000000000'), mapOf('x'), ...rightLines()]);
    const { document, errors, exit } = await replayJson(many, NATIVE);
    expect(document.trace.unparsed).toBe(2);
    expect(errors[0]).toMatch(/many.txt: line 3: .*; 2 events are counted as unparsed/);
    expect(exit).toBe(3);
  });

  it('of 10 MB: the rest is judged', async () => {
    for (const line of ['x'.repeat(10_000_000), `${mapOf('1000')}${'A'.repeat(10_000_000)}`]) {
      const { document, errors, exit } = await replayJson(file('huge.txt', withLine(20, line)), BOARD);
      expect(document.trace).toMatchObject({ unparsed: 1, mappings: whole.trace.mappings });
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatch(/huge.txt: line 21: .*longer than 1048576 bytes, expected a shorter one/);
      expect(exit).toBe(1);
    }
  });

  it('in the middle of a mapping: that mapping is inconclusive, exit 3', async () => {
    const broken = rightLines();
    broken.splice(2, 0, event('dma_unmap_page: 0000:00:03.0 dir=SIDEWAYS dma_addr=1 size=1 attrs='));
    const { document, exit } = await replayJson(traceFile('broken.txt', broken), NATIVE);
    expect(document.designs[0]).toMatchObject({
      verdict: 'inconclusive',
      inconclusive: [{ line: 4, device: '0000:00:03.0', because: expect.stringContaining('line 5') }],
    });
    expect(exit).toBe(3);
  });
});

it('binary garbage in the middle of a trace costs only what it hits', async () => {
  const bytes = Buffer.from(text);
  const at = text.indexOf('\n', 900_000) + 1;
  const garbage = Buffer.from(Uint8Array.from({ length: 3000 }, (_, i) => (i * i * 31 + i * 7 + 5) % 256));
  const content = Buffer.concat([bytes.subarray(0, at), garbage, Buffer.from('\n'), bytes.subarray(at)]);
  const { document, exit } = await replayJson(file('spoilt.txt', content), BOARD);
  expect(document.trace.mappings).toBe(whole.trace.mappings);
  expect(exit).toBe(1);
});
