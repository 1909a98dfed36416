/** What docs/counterexamples.md shows is what comes out. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dmalab, pathOf } from './testing.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const docs = readFileSync(`${root}docs/counterexamples.md`, 'utf8');
const sessions = [...docs.matchAll(/```console\n\$ dmalab (.*)\n([^`]*)\n```/g)].map(
  ([, command = '', output = '']) => [command, output] as const,
);

/** As from the folder of the package. */
const argumentsOf = (command: string) =>
  command.split(' ').map((word) => (word.startsWith('scenarios/') ? `${root}${word}` : word));

describe('output', () => {
  it('is shown of two commands', () => expect(sessions).toHaveLength(2));

  it.each(sessions)('of %s', async (command, output) => {
    const { out } = await dmalab(['check', ...argumentsOf(command).slice(1)]);
    // The last line has times.
    const lines = out.trimEnd().split('\n').slice(0, -1).join('\n').trimEnd();
    expect(lines.replaceAll(root, '')).toBe(output);
  });
});

it('the file is what is written', async () => {
  const [, yaml = ''] = /```yaml\n([^`]*)\n```/.exec(docs) ?? [];
  const [, command = ''] = /^#.* {2}dmalab (.*)$/m.exec(yaml) ?? [];
  const path = pathOf('foreign-page.yaml');
  await dmalab([...argumentsOf(command).slice(0, -1), path]);
  const written = readFileSync(path, 'utf8').replaceAll(root, '').replaceAll(path, 'foreign-page.yaml');
  expect(written.trimEnd()).toBe(yaml);
});
