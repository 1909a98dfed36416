import { expect, it } from 'vitest';
import { compareBoards } from './comparison.ts';
import { digest, summarise } from './summary.ts';
import { BUS, board, device, found, ranges } from './testing.ts';

const nodes = { 'mmc@1': device({ compatible: 'a' }), 'usb@2': device({ compatible: 'b' }) };

it('the same board has not changed', () => {
  expect(compareBoards(board(nodes), board(nodes))).toEqual({
    removed: [],
    added: [],
    changed: [],
    resolved: [],
    introduced: [],
  });
});

it('devices come, go and change; findings with them', () => {
  const now = {
    'mmc@1': device({ compatible: 'a', 'dma-coherent': true }),
    'sata@3': device({ compatible: 'c' }),
  };
  const { removed, added, changed, resolved, introduced } = compareBoards(board(nodes), board(now));
  expect({ removed, added }).toEqual({ removed: ['/usb@2'], added: ['/sata@3'] });
  expect(changed).toEqual([
    {
      path: '/mmc@1',
      changes: [
        { what: 'coherent', before: 'non-coherent', after: 'coherent' },
        { what: 'underXen', before: 'native for local and hypercall for foreign', after: 'no maintenance' },
      ],
    },
  ]);
  expect(resolved).toEqual([]);
  expect(introduced.map(({ rule, node }) => [rule, node.path])).toEqual([['coherent-alone', '/mmc@1']]);
});

it('windows, limits and IOMMUs count', () => {
  const bus = (windows: number[], more = {}) => ({
    bus: { ...BUS, compatible: 'simple-bus', 'dma-ranges': windows, 'mmc@1': device(more) },
    'iommu@9': { compatible: 'arm,mmu-500', phandle: [7], '#iommu-cells': [0] },
  });
  const before = board(bus(ranges([0, 0, 2 ** 33])));
  const after = board(bus(ranges([0x1000, 0, 2 ** 32]), { iommus: [7] }));
  const [device1] = compareBoards(before, after).changed;
  expect(device1?.changes).toEqual([
    { what: 'dmaLimit', before: '0x1ffffffff', after: '0xffffffff' },
    { what: 'windows', before: '0x0 is 0x0, 0x200000000 bytes', after: '0x1000 is 0x0, 0x100000000 bytes' },
    { what: 'iommu', before: 'none', after: '/iommu@9' },
  ]);
});

it('many boards come to a line for each family, in the order of names', () => {
  const digests = [
    digest('a', board(nodes, { compatible: ['x,one', 'v,soc12'] })),
    digest('b', board({ 'mmc@1': device({ 'dma-coherent': true }) }, { compatible: ['x,two', 'v,soc3'] })),
    digest('c', board(nodes, { compatible: 'another,thing', cpu: 'arm,cortex-a9' })),
  ];
  const unsafe = board(
    { 'l2@0': { compatible: 'arm,pl310-cache' }, ...nodes },
    { cpu: 'arm,cortex-a15', compatible: ['v,soc9'] },
  );
  const families = summarise([...digests, digest('d', unsafe)]);
  expect(families.map(({ classes, ...row }) => ({ ...row, classes: Object.fromEntries(classes) }))).toEqual([
    {
      family: 'another,thing',
      socs: ['another,thing'],
      boards: 1,
      runXen: 0,
      devices: 2,
      coherent: 0,
      atRisk: 0,
      classes: {},
    },
    {
      family: 'v,soc',
      socs: ['v,soc12', 'v,soc3', 'v,soc9'],
      boards: 3,
      runXen: 3,
      devices: 5,
      coherent: 1,
      atRisk: 1,
      classes: {
        'native for local and hypercall for foreign': 1,
        'no maintenance': 1,
        'unsafe: an outer cache that the hypercall does not reach': 1,
      },
    },
  ]);
});

it('a board whose display alone is in danger is not at risk', () => {
  const iommu = { compatible: 'x,iommu', phandle: [7], '#iommu-cells': [0] };
  const audit = board({ 'iommu@0': iommu, 'vop@1': device({ iommus: [7] }) });
  expect(found(audit)).toEqual(['hazard iommu-not-used /iommu@0']);
  expect(digest('x', audit).risks).toEqual([]);
  expect(digest('x', board({ 'iommu@0': iommu, 'mmc@1': device({ iommus: [7] }) })).risks).toHaveLength(1);
});
