/** docs/findings.md: each of its commands shows what it says, with Linux 6.1's source. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkDocument } from '../../report/check/schema.ts';
import { dmalab, file } from '../testing.ts';
import { MISSING, TREE, treeFolder } from './testing.ts';

const text = readFileSync(new URL('../../../docs/findings.md', import.meta.url), 'utf8');
const commands = [...text.matchAll(/^ {4}npm run -s dmalab -- (check .*)$/gm)].map(
  ([, command = '']) => command,
);
const [, registers = ''] = /```yaml\n([^`]*)```/.exec(text) ?? [];

it('has commands', () => {
  expect(commands).toHaveLength(6);
});

describe.skipIf('missing' in TREE)(`shown by the source ${MISSING}`, () => {
  it.each(commands)('%s', { timeout: 60_000 }, async (command) => {
    const args = command
      .replace('TREE', treeFolder())
      .replace(/source-[\d.]+/, 'source-6.1')
      .replace('registers.yaml', file('registers.yaml', registers))
      .split(' ');
    const { out, errors } = await dmalab([...args, '--json']);
    expect(errors).toEqual([]);
    const { results } = checkDocument.parse(JSON.parse(out));
    const files = new Set(results.map(({ scenario }) => scenario.replace(/#.*/, '')));
    const wrong = results.filter(({ verdict }) => verdict === 'violated');
    expect(new Set(wrong.map(({ scenario }) => scenario.replace(/#.*/, '')))).toEqual(files);
  });
});
