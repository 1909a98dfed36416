/** The example of docs/pv.md is what the command prints; and its options are those that there are. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dmalab } from './testing.ts';

const text = readFileSync(new URL('../../docs/pv.md', import.meta.url), 'utf8');

it('prints what is shown, but for what is left out', async () => {
  const [, command = '', shown = ''] = /```\n\$ npm run -s dmalab -- (.*)\n(.*?)```/s.exec(text) ?? [];
  expect(command).toMatch(/^run /);
  const { out } = await dmalab(command.split(' '));
  let from = 0;
  for (const part of shown.split('  ...\n')) {
    const at = out.indexOf(part, from);
    expect([part, at >= from]).toEqual([part, true]);
    from = at + part.length;
  }
});

it('names options that there are', async () => {
  const { out } = await dmalab(['run', '--help']);
  const [table = ''] = /## Run it\n(.*?)\nExit 0/s.exec(text) ?? [];
  const options = new Set(table.match(/--[a-z][a-z-]+/g));
  expect(options.size).toBeGreaterThan(15);
  for (const option of options) expect([option, out.includes(`${option} `)]).toEqual([option, true]);
});
