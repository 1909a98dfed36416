/** Real boards, held against a second opinion: dtc prints the properties, a separate walk judges them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Comparison, compareBoard, compareTrees } from '../../scripts/check-boards.ts';
import { readFdt } from './fdt.ts';
import { decompile, hasDtc } from './testing.ts';

const FOLDER = fileURLToPath(new URL('boards/', import.meta.url));
const BOARDS = readdirSync(FOLDER).filter((name) => name.endsWith('.dtb'));
const nothing = (): Comparison => ({ nodes: 0, coherent: 0, translated: 0, differences: [] });

describe.skipIf(!hasDtc())('coherence and dma-ranges of every node are those of the second opinion:', () => {
  it.each(BOARDS)('%s', (name) => {
    const result = nothing();
    compareBoard(FOLDER + name, result);
    expect(result.differences).toEqual([]);
    expect(result.nodes).toBeGreaterThan(20);
  });

  it('there is something to compare: coherent nodes and dma-ranges that translate', () => {
    const result = nothing();
    for (const name of BOARDS) compareBoard(FOLDER + name, result);
    expect(result.coherent).toBeGreaterThan(60);
    expect(result.translated).toBeGreaterThan(150);
  });

  it.each([
    [
      'a dma-coherent that the reader does not see',
      'armada-8040-mcbin.dtb',
      'dma-coherent',
      /coherent is false/,
    ],
    ['a dma-ranges that the reader does not see', 'bcm2711-rpi-4-b.dtb', 'dma-ranges', /dma-ranges is 1:1/],
  ])('and the comparison notices %s', (_, name, property, message) => {
    const file = readFileSync(FOLDER + name);
    const damaged = Buffer.from(file);
    const at = damaged.indexOf(`${property}\0`, damaged.readUInt32BE(12));
    damaged.write('X', at, 'latin1');
    const result = nothing();
    compareTrees(name, readFdt(damaged), decompile(FOLDER + name), result);
    expect(result.differences.some((line) => message.test(line))).toBe(true);
  });
});

it('each has its licence in the README', () => {
  const readme = readFileSync(`${FOLDER}README.md`, 'utf8');
  expect(BOARDS.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
