/** Whatever is done to its inputs, the command says what it found and ends with a code of its own. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { replayDocument } from '../report/replay/schema.ts';
import { DTB, dmalab, exampleText, file, IOMEM } from './testing.ts';

const LINES = exampleText().split('\n');
const TREE = readFileSync(DTB);
const WORDS =
  '0 -1 1 4096 9007199254740991 ffffffffffffffff 0xfffffffffffff000 NONE BIDIRECTIONAL {0x1} x'.split(' ');

/** A change of one line in a list of lines. */
const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('drop', 'double', 'cut', 'value', 'byte', 'swap', 'lose' as const),
  number: fc.nat(),
  word: fc.constantFrom(...WORDS),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function apply(lines: string[], { at, how, number, word }: Change): void {
  const i = at % lines.length;
  const line = lines[i] ?? '';
  const place = number % (line.length + 1);
  if (how === 'drop') lines.splice(i, 1, '');
  else if (how === 'double') lines.splice(i, 0, line);
  else if (how === 'cut') lines[i] = line.slice(0, place);
  else if (how === 'byte') lines[i] = `${line.slice(0, place)}\u0000${line.slice(place + 1)}`;
  else if (how === 'lose') lines.splice(i, 0, `CPU:0 [LOST ${number} EVENTS]`);
  else if (how === 'swap') lines.push(line);
  else {
    const values = [...line.matchAll(/=[^ ]+/g)];
    const value = values[number % Math.max(1, values.length)];
    if (value) lines[i] = `${line.slice(0, value.index)}=${word}${line.slice(value.index + value[0].length)}`;
  }
}

it('never fails but with a line on the input', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(LINES.length - 300),
      fc.array(change, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(TREE.length - 1), fc.nat(255)), { maxLength: 3 }),
      fc.subarray(['--dtb', '--iomem', '--json', '--strict']),
      async (from, changes, flips, options) => {
        const lines = LINES.slice(from, from + 300);
        for (const each of changes) apply(lines, each);
        const tree = Buffer.from(TREE);
        for (const [at, value] of flips) tree[at] = value;
        const values: Record<string, string[]> = { '--dtb': [file('board.dtb', tree)], '--iomem': [IOMEM] };
        const args = options.flatMap((option) => [option, ...(values[option] ?? [])]);
        const { exit, out, errors } = await dmalab(['replay', '-', ...args], [Buffer.from(lines.join('\n'))]);
        expect([0, 1, 2, 3]).toContain(exit);
        expect(errors.length).toBeLessThanOrEqual(1);
        expect(errors.join()).not.toMatch(/internal error|\n/);
        expect(out === '').toBe(exit === 2);
        if (out.startsWith('{')) replayDocument.parse(JSON.parse(out));
      },
    ),
    { numRuns: 200 },
  );
});
