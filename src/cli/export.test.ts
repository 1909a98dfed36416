import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dmalab, file, pathOf } from './testing.ts';

const SCENARIOS = fileURLToPath(new URL('../../scenarios/', import.meta.url));
const DIRTY = 'scenarios/tutorial/1-dirty-line.yaml';
const SWEEP = `${SCENARIOS}sweeps/page-crossing.yaml`;

describe('export', () => {
  it('writes the model to standard output, as the documentation shows it', async () => {
    const { exit, out, errors } = await dmalab([
      'export',
      DIRTY,
      '--design',
      'dma-direct',
      '--to',
      'promela',
    ]);
    expect({ exit, errors }).toEqual({ exit: 0, errors: [] });
    const docs = readFileSync(new URL('../../docs/export.md', import.meta.url), 'utf8');
    expect(/```promela\n(.*?)```/s.exec(docs)?.[1]).toBe(out);
  });

  it('writes it to a file, and nothing else', async () => {
    const path = pathOf('model.m');
    const { exit, out } = await dmalab([
      'export',
      DIRTY,
      '--design',
      'dma-direct',
      '--to',
      'murphi',
      '-o',
      path,
    ]);
    expect({ exit, out }).toEqual({ exit: 0, out: '' });
    expect(readFileSync(path, 'utf8')).toContain('startstate');
  });

  it('takes a case of a sweep by number or by name', async () => {
    const args = ['export', SWEEP, '--design', 'repaired', '--to', 'murphi', '--case'];
    const byNumber = await dmalab([...args, '2']);
    const name = /#(.*), design/.exec(byNumber.out)?.[1] ?? '';
    expect(name).not.toBe('');
    expect((await dmalab([...args, name])).out).toBe(byNumber.out);
  });

  it.each([
    [
      'a sweep without a case',
      [SWEEP, '--design', 'repaired', '--to', 'murphi'],
      /found \d+ cases, expected --case/,
    ],
    [
      'a case that there is not',
      [DIRTY, '--design', 'dma-direct', '--to', 'murphi', '--case', '7'],
      /no case "7"/,
    ],
    ['a design that nobody knows', [DIRTY, '--design', 'repaird', '--to', 'murphi'], /"repaird".*repaired/],
    [
      'a language that it does not write',
      [DIRTY, '--design', 'dma-direct', '--to', 'tla'],
      /promela, murphi/,
    ],
    ['no design', [DIRTY, '--to', 'promela'], /--design <name>' not specified/],
    [
      'a file that is no scenario',
      [file('no.yaml', 'x: 1'), '--design', 'repaired', '--to', 'murphi'],
      /no\.yaml/,
    ],
    [
      'a file that cannot be written',
      [DIRTY, '--design', 'dma-direct', '--to', 'murphi', '-o', pathOf('no/such/folder')],
      /cannot be written/,
    ],
    [
      'what a model cannot say',
      [`${SCENARIOS}toggles/mixed-lines.yaml`, '--design', 'dma-direct', '--to', 'promela'],
      /cannot be written in Promela: cores have lines of 64 and 128 bytes/,
    ],
  ])('refuses %s: exit 2 and one line', async (_, args, message) => {
    const { exit, out, errors } = await dmalab(['export', ...args]);
    expect({ exit, out }).toEqual({ exit: 2, out: '' });
    expect(errors.join('\n')).toMatch(message);
  });
});
