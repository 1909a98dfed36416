/** Platforms that the parser takes, against what there are models of. */
import { describe, expect, it } from 'vitest';
import { modelOf } from '../machine/hardware.ts';
import { only, problemsOf } from './testing.ts';

const lineSizes = ['64', '[32, 64]', '[32, 128]'];
const booleans = [false, true];

const platforms = lineSizes.flatMap((lineSize) =>
  booleans.flatMap((outerCache) =>
    booleans.flatMap((explicitBarriers) =>
      booleans.flatMap((localMaintenance) =>
        [1, 2, 3].map((cpus) => ({ lineSize, outerCache, explicitBarriers, localMaintenance, cpus })),
      ),
    ),
  ),
);

it('a platform is taken if and only if there is a model of its caches', () => {
  for (const { lineSize, outerCache, explicitBarriers, localMaintenance, cpus } of platforms) {
    const quirks = localMaintenance ? 'maintenance-on-local-cpu-only' : '';
    const text = `title: x
platform: { xen: 4.20, lineSize: ${lineSize}, outerCache: ${outerCache}, explicitBarriers: ${explicitBarriers}, cpus: ${cpus}, quirks: [${quirks}] }
steps: [barrier]`;
    const [small = 64, big] = JSON.parse(`[${lineSize}]`).flat() as number[];
    const spec = {
      lineSizes: big === undefined ? ([small] as const) : ([small, big] as const),
      outerCache,
      explicitBarriers,
      localMaintenance,
      cpus,
    };
    const hasModel = () => {
      try {
        return modelOf(spec) !== undefined;
      } catch {
        return false;
      }
    };
    expect(problemsOf(text).length === 0, text).toBe(hasModel());
  }
});

describe('cores', () => {
  it('are as many as agents run on, or as believe in a line size', () => {
    const cpus = (platform: string, cpu: number) =>
      only(`title: x\nplatform: { ${platform} }\nagents: { a: { cpu: ${cpu}, steps: [] } }`).platform.cpus;
    expect([cpus('', 0), cpus('', 2), cpus('believedLineSizes: [64, 32]', 0)]).toEqual([1, 3, 2]);
  });
});
