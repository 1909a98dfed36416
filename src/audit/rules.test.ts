/** Rules where docs/audit.md has no example: what must not be found, and where the severity depends on. */
import { describe, expect, it } from 'vitest';
import { board, bytes, device, found } from './testing.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const coherent = { 'dma-coherent': true };

describe('coherent-alone is not said of', () => {
  it.each([
    [
      'a board with a second kind of coherent device',
      {
        'mmc@1': device(coherent),
        'usb@2': device({ ...coherent, compatible: 'x,usb' }),
        'sata@3': device(),
      },
    ],
    [
      'a board with an interconnect that snoops',
      { cci: { compatible: 'arm,cci-400' }, 'mmc@1': device(coherent), 'usb@2': device({ compatible: 'y' }) },
    ],
    ['the only device', { 'mmc@1': device(coherent) }],
    [
      'what its bus says',
      {
        bus: { compatible: 'simple-bus', ranges: true, ...coherent, 'mmc@1': device() },
        'usb@2': device({ compatible: 'y' }),
      },
    ],
  ])('%s', (_, nodes) => {
    expect(found(board(nodes))).not.toContainEqual(expect.stringContaining('coherent-alone'));
  });
});

it('coherence-differs is not said of devices of another kind', () => {
  const nodes = { 'mmc@1': device(coherent), 'usb@2': device({ compatible: 'y' }) };
  expect(found(board(nodes))).not.toContainEqual(expect.stringContaining('coherence-differs'));
});

it('coherence-not-read is not said where the function says what its bridge says', () => {
  const nodes = { 'pcie@1': device({ device_type: 'pci', ...coherent, 'ethernet@0': coherent }) };
  expect(found(board(nodes))).toEqual([]);
});

it('an outer cache is a note where the CPUs cannot run Xen, an error where they can', () => {
  const nodes = { l2: { compatible: 'arm,pl310-cache' }, 'mmc@1': device() };
  expect(found(board(nodes, { cpu: 'arm,cortex-a9' }))).toContain('note outer-cache-unreached /l2');
  expect(found(board(nodes, { cpu: 'arm,cortex-a7' }))).toContain('error outer-cache-unreached /l2');
});

describe('dom0\u2019s memory', () => {
  const memory = [[0x4000_0000, 0x1_4000_0000]] as const;
  const sections = (
    dom0Memory: Parameters<typeof board>[1] & object,
    ram: readonly (readonly [number, number])[] = memory,
  ) => found(board({}, { memory: ram, ...dom0Memory })).filter((line) => line.includes('shared-section'));
  const banks = (...list: [number, number][]) => ({
    dom0Memory: { banks: list.map(([from, to]) => bytes(from, to)) },
  });

  it('in whole sections shares none', () => {
    expect(sections(banks([0x4000_0000, 0x4000_0000 + 256 * MiB]))).toEqual([]);
    expect(sections({ dom0Memory: { size: 512 * MiB } })).toEqual([]);
  });

  it('that ends within one does', () => {
    expect(sections(banks([0x4000_0000, 0x4000_0000 + 192 * MiB]))).toEqual(['hazard shared-section /']);
    expect(sections({ dom0Memory: { size: 500 * MiB } })).toEqual(['hazard shared-section /']);
  });

  it('that begins within one does, in a bank above 4 GiB too', () => {
    const first: [number, number] = [0x4000_0000, 0x4800_0000];
    expect(sections(banks(first, [0x1_0400_0000, 0x1_0800_0000]))).toEqual(['hazard shared-section /']);
  });

  it('shares nothing where the rest of the section is no RAM', () => {
    expect(sections(banks([0x4000_0000, 0x4c00_0000]), [[0x4000_0000, 0x4c00_0000]])).toEqual([]);
  });

  it('shares nothing where two banks fill the section', () => {
    expect(sections(banks([0x4000_0000, 0x4400_0000], [0x4400_0000, 0x4800_0000]))).toEqual([]);
  });

  it('of a 32-bit kernel does not matter: its pfn_valid is exact', () => {
    expect(sections({ cpu: 'arm,cortex-a7', ...banks([0x4000_0000, 0x4c00_0000]) })).toEqual([]);
  });

  it('above 4 GiB alone has no place for bounce buffers; on a Raspberry Pi 4 above 1 GiB', () => {
    const high = banks([0x1_0000_0000, 0x1_4000_0000]);
    expect(found(board({}, { memory, ...high }))).toContain('hazard unaddressable-memory /');
    const middle = banks([0x4000_0000, 0x8000_0000]);
    expect(found(board({}, { memory, ...middle }))).toEqual([]);
    expect(found(board({}, { memory, ...middle, compatible: ['x', 'brcm,bcm2711'] }))).toContain(
      'hazard unaddressable-memory /',
    );
  });

  it('of a 32-bit dom0 above 4 GiB alone is not built', () => {
    const audit = board({}, { cpu: 'arm,cortex-a15', ...banks([0x1_0000_0000, 0x1_4000_0000]) });
    expect(found(audit)).toContain('error unaddressable-memory /');
  });
});

describe('hidden nodes', () => {
  const nodes = {
    'iommu@1': { compatible: 'arm,mmu-500', '#iommu-cells': [0], phandle: [7] },
    'mmc@2': device({ iommus: [7] }),
    pmu: { compatible: 'arm,armv8-pmuv3' },
  };

  it('are SMMUs that Xen drives and what belongs to CPUs', () => {
    expect(found(board(nodes))).toEqual(['note hidden-device /iommu@1', 'note hidden-device /pmu']);
  });

  it('are not those that are disabled, nor what is below a hidden node', () => {
    const passthrough = { 'xen,passthrough': true };
    const audit = board({
      'bus@1': device({ ...passthrough, ranges: true, 'mmc@2': device(passthrough) }),
      pmu: { compatible: 'arm,armv8-pmuv3', status: 'disabled' },
    });
    expect(found(audit)).toEqual(['note hidden-device /bus@1']);
  });

  it('depend on the board', () => {
    const uart = { 'serial@1': device({ compatible: ['x', 'snps,dw-apb-uart'] }) };
    expect(found(board(uart))).toEqual([]);
    expect(found(board(uart, { compatible: ['x', 'allwinner,sun50i-a64'] }))).toEqual([
      'note hidden-device /serial@1',
    ]);
  });
});

it('names have labels and aliases in messages', () => {
  const nodes = {
    aliases: { mmc0: '/mmc@2' },
    __symbols__: { sdhost: '/mmc@2' },
    'mmc@2': device({ 'xen,passthrough': true }),
  };
  const audit = board(nodes);
  expect(audit.devices[0]?.names).toBe('&sdhost, mmc0');
  expect(audit.findings[0]?.explanation).toMatch(/^\/mmc@2 \(&sdhost, mmc0\) is not in dom0/);
});

it('errors come first, then hazards, then notes', () => {
  const nodes = {
    l2: { compatible: 'arm,pl310-cache' },
    'mmc@1': device(),
    'usb@2': device(coherent),
    pmu: { compatible: 'arm,cortex-a7-pmu' },
  };
  const severities = board(nodes, { cpu: 'arm,cortex-a7', memory: [[0, 8 * GiB]] }).findings.map(
    ({ severity }) => severity,
  );
  expect(severities).toEqual(
    [...severities].sort(
      (a, b) => ['error', 'hazard', 'note'].indexOf(a) - ['error', 'hazard', 'note'].indexOf(b),
    ),
  );
  expect(new Set(severities).size).toBe(3);
});
