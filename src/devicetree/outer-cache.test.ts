import { describe, expect, it } from 'vitest';
import { virtualization } from './architecture.ts';
import { buildFdt, type NodeSpec } from './build.ts';
import { readFdt } from './fdt.ts';
import { outerCache } from './outer-cache.ts';

const cpu = (compatible: string): NodeSpec => ({ 'cpu@0': { device_type: 'cpu', compatible } });
const tree = (root: NodeSpec) => readFdt(buildFdt({ cpus: cpu('arm,cortex-a9'), ...root }));

describe('an outer cache', () => {
  it('is found below a bus, whatever it is named', () => {
    const found = outerCache(tree({ soc: { 'l2@1000': { compatible: ['x,own', 'arm,pl310-cache'] } } }));
    expect(found).toMatchObject({
      node: { path: '/soc/l2@1000' },
      compatible: 'arm,pl310-cache',
      ioCoherent: false,
    });
  });

  it('says whether devices snoop it', () => {
    const node = { compatible: 'arm,pl310-cache', 'arm,io-coherent': true };
    expect(outerCache(tree({ l2: node }))?.ioCoherent).toBe(true);
  });

  it('is snooped where the kernel says so: Armada 375 and 38x with more than one CPU', () => {
    const board = (count: number) =>
      tree({
        cpus: Object.fromEntries(
          Array.from({ length: count }, (_, i) => [`cpu@${i}`, { compatible: 'arm,cortex-a9' }]),
        ),
        fabric: { compatible: 'marvell,armada-380-coherency-fabric' },
        l2: { compatible: 'arm,pl310-cache' },
      });
    expect(outerCache(board(2))?.ioCoherent).toBe(true);
    expect(outerCache(board(1))?.ioCoherent).toBe(false);
  });

  it.each([
    ['one that is disabled', { l2: { compatible: 'arm,pl310-cache', status: 'disabled' } }],
    ['the level 2 cache of the CPUs', { l2: { compatible: 'cache', 'cache-level': [2] } }],
    ['one that needs no maintenance', { l2: { compatible: 'marvell,aurora-system-cache' } }],
    ['one beside 64-bit CPUs', { cpus: cpu('arm,cortex-a72'), l2: { compatible: 'arm,pl310-cache' } }],
  ])('is not %s', (_, root) => {
    expect(outerCache(tree(root))).toBeNull();
  });
});

it.each([
  ['arm,cortex-a9', false],
  ['arm,cortex-a8', false],
  ['arm,cortex-a7', true],
  ['arm,cortex-a15', true],
  ['arm,cortex-a53', true],
  ['x,unheard-of', null],
])('%s: can run a hypervisor: %s', (compatible, value) => {
  expect(virtualization(readFdt(buildFdt({ cpus: cpu(compatible) }))).value).toBe(value);
});
