import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { physAddr } from '../../address/index.ts';
import { Direction } from '../dma.ts';
import { GIB, testWorld } from '../testing.ts';
import { SimulatedKernel } from './kernel.ts';
import { isQuirk, QUIRKS } from './quirks.ts';

const room = join(import.meta.dirname, '..');
const sources = (readdirSync(room, { recursive: true }) as string[])
  .filter(
    (name) =>
      name.endsWith('.ts') &&
      !name.endsWith('.test.ts') &&
      !name.endsWith('quirks.ts') &&
      name !== 'testing.ts',
  )
  .map((name) => readFileSync(join(room, name), 'utf8'))
  .join('\n');

describe('quirks', () => {
  test.each(Object.keys(QUIRKS))('%s is asked for at one place', (name) => {
    expect(sources.split(`'${name}'`).length - 1).toBe(1);
  });

  test('are told from other words', () => {
    expect(['dsb-missing', 'toString', 'no-such-bug'].map(isQuirk)).toEqual([true, false, false]);
  });

  test('null-dma-ops leaves native maintenance out, and only that', () => {
    const world = testWorld({ quirks: ['null-dma-ops'] });
    const kernel = new SimulatedKernel(world);
    const phys = physAddr(GIB);
    kernel.archSyncForDevice(phys, 64, Direction.toDevice);
    kernel.archSyncForCpu(phys, 64, Direction.fromDevice);
    expect(world.machine.deeds).toEqual([]);
    kernel.syncAliasForDevice({ mapping: 'linear', phys }, 64, Direction.toDevice);
    expect(world.machine.deeds).not.toEqual([]);
  });
});
