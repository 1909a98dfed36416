import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dmalab, file, pathOf } from './testing.ts';
import { VERSION } from './version.ts';

const FOREIGN = fileURLToPath(new URL('../../scenarios/tutorial/5-foreign-page.yaml', import.meta.url));
const ONE = ['check', FOREIGN, '--design', 'linux-5.4'];

it('the version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(VERSION).toBe(version);
});

describe('--write', () => {
  it('writes a scenario that is violated in the same way when it is checked', async () => {
    const path = pathOf('again.yaml');
    const { exit, errors } = await dmalab([...ONE, '--write', path]);
    expect({ exit, errors }).toEqual({ exit: 0, errors: [`wrote ${path}`] });
    const text = readFileSync(path, 'utf8');
    expect(text).toContain(
      `# A counterexample that dmalab ${VERSION} found:\n#   dmalab check ${FOREIGN} --design linux-5.4`,
    );
    const again = await dmalab(['check', path, '--json']);
    expect(again.exit).toBe(0);
    expect(JSON.parse(again.out).results).toMatchObject([
      {
        design: 'linux-5.4',
        verdict: 'violated',
        asExpected: true,
        violation: { rule: 'stale-device-read' },
      },
    ]);
    // The lines of the timeline are those of the file.
    const line = /^# ! +(\d+)/m.exec(text)?.[1];
    expect(text.split('\n')[Number(line) - 1]).toContain('device-read: page');
  });

  it('pins the order of agents where another one holds, and only that order is explored then', async () => {
    const path = pathOf('pinned.yaml');
    const race = fileURLToPath(
      new URL('../../scenarios/museum/tree-root-read-outside-the-lock/broken.yaml', import.meta.url),
    );
    await dmalab(['check', race, '--design', 'repaired', '--write', path]);
    expect(readFileSync(path, 'utf8')).toMatch(/^schedule:/m);
    const count = async (scenario: string) =>
      JSON.parse((await dmalab(['check', scenario, '--design', 'repaired', '--json'])).out).results[0]
        .executions;
    expect(await count(path)).toBeLessThan(await count(race));
  });

  it('replaces no file unless told to', async () => {
    const path = file('mine.yaml', 'mine');
    const { exit, errors, out } = await dmalab([...ONE, '--write', path]);
    expect({ exit, errors, out }).toEqual({
      exit: 2,
      errors: [`${path}: found a file of that name, expected none (--force replaces it)`],
      out: '',
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await dmalab([...ONE, '--write', path, '--force'])).exit).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('title:');
  });

  it('leaves nothing where it cannot write', async () => {
    const path = pathOf('no-such-folder/a.yaml');
    const { exit, errors } = await dmalab([...ONE, '--write', path]);
    expect(exit).toBe(2);
    expect(errors).toEqual([expect.stringContaining(`${path}: cannot be written`)]);
  });

  it('wants one violation', async () => {
    const path = pathOf('several.yaml');
    const { exit, errors } = await dmalab(['check', FOREIGN, '--write', path]);
    expect(exit).toBe(2);
    expect(errors).toEqual([
      expect.stringMatching(/^--write: found 4 violations .*expected one: name one scenario/),
    ]);
    expect(existsSync(path)).toBe(false);
  });

  it('says so where nothing is violated', async () => {
    const path = pathOf('none.yaml');
    const { exit, errors } = await dmalab(['check', FOREIGN, '--design', 'repaired', '--write', path]);
    expect({ exit, errors }).toEqual({ exit: 0, errors: [`nothing is violated: ${path} not written`] });
    expect(existsSync(path)).toBe(false);
  });
});

it('--svg and --perfetto write a picture and a trace, quietly if asked', async () => {
  const [svg, trace] = [pathOf('a.svg'), pathOf('a.json')];
  const { exit, errors } = await dmalab([...ONE, '--svg', svg, '--perfetto', trace, '--quiet']);
  expect({ exit, errors }).toEqual({ exit: 0, errors: [] });
  expect(readFileSync(svg, 'utf8')).toMatch(/^<\?xml .*<svg /s);
  expect(JSON.parse(readFileSync(trace, 'utf8')).otherData.tool).toBe(`dmalab ${VERSION}`);
});

it('two files of one name are refused', async () => {
  const path = pathOf('same');
  const { exit, errors } = await dmalab([...ONE, '--svg', path, '--perfetto', path]);
  expect({ exit, errors }).toEqual({
    exit: 2,
    errors: [`${path}: found it twice, expected a file for each`],
  });
});

it('--shrink says how far it got and what it may cost', async () => {
  const { out } = await dmalab([...ONE, '--shrink']);
  expect(out).toMatch(
    /shrunk from 2 agents, 9 steps to 2 agents, [4-7] steps; \d+ of at most 2000 tries, nothing smaller is left/,
  );
});

it('a schedule that cannot be followed is said to be', async () => {
  const path = file(
    'unfollowed.yaml',
    'title: t\nbuffers: { a: {} }\nagents:\n  one: { steps: [write: a] }\n  two: { steps: [read: a] }\nschedule: [one, one, two]\n',
  );
  const { exit, out } = await dmalab(['check', path, '--design', 'dma-direct', '--json']);
  expect(exit).toBe(3);
  expect(JSON.parse(out).results[0].because).toBe(
    'the schedule cannot be followed: transition 2 is that of one, who has finished',
  );
});
