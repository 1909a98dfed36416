/** Scenarios that take their platform from a device tree: what comes from there, what overrides it, and what is wrong with it. */
import { describe, expect, it } from 'vitest';
import { buildFdt, type NodeSpec } from '../devicetree/build.ts';
import { readFdt } from '../devicetree/index.ts';
import { parseScenario } from './index.ts';

const cpus = (compatible: string): NodeSpec => ({ 'cpu@0': { device_type: 'cpu', compatible } });
const window = (bus: number, machine: number, size: number) => [bus, machine, size];
const tree = (root: NodeSpec = {}) =>
  readFdt(
    buildFdt({
      '#address-cells': [1],
      '#size-cells': [1],
      cpus: cpus('arm,cortex-a72'),
      aliases: { mmc0: '/bus/mmc@1' },
      __symbols__: { sdhost: '/bus/mmc@1' },
      bus: {
        '#address-cells': [1],
        '#size-cells': [1],
        ranges: true,
        'dma-ranges': window(0xc000_0000, 0, 0x4000_0000),
        'mmc@1': { compatible: 'x' },
      },
      'ethernet@2': { compatible: 'y', 'dma-coherent': true },
      ...root,
    }),
  );

const parse = (
  device: string,
  platform = '{ dtb: board.dtb }',
  board: ReturnType<typeof tree> | string = tree(),
) =>
  parseScenario(
    `title: x\nplatform: ${platform}\ndevices: { sd: ${device} }\nbuffers: { b: {} }\nsteps: [{ read: b }]\n`,
    'a.yaml',
    (path) => (path === 'board.dtb' ? board : `found ${path}, which is not there`),
  );

function caseOf(...args: Parameters<typeof parse>) {
  const result = parse(...args);
  if ('errors' in result) throw new Error(result.errors.join('\n'));
  const [one] = result.scenario.cases;
  if (one === undefined) throw new Error('no case');
  return { platform: one.platform, device: one.devices[0] };
}

function errorsOf(...args: Parameters<typeof parse>): string {
  const result = parse(...args);
  return 'errors' in result ? result.errors.join('\n') : '';
}

describe('a device is what its node says', () => {
  it.each(['mmc0', '/bus/mmc@1', "'&sdhost'"])('named by path, alias or label: %s', (node) => {
    expect(caseOf(`{ node: ${node} }`).device).toMatchObject({
      coherent: false,
      believedCoherent: false,
      busOffset: 0xc000_0000,
      maskBits: 32,
    });
  });

  it('coherent, and without a limit', () => {
    expect(caseOf('{ node: /ethernet@2 }').device).toMatchObject({
      coherent: true,
      believedCoherent: true,
      busOffset: 0,
      maskBits: 52,
    });
  });

  it('the hardware can differ from what the tree makes the kernel believe', () => {
    expect(caseOf('{ node: /ethernet@2, coherent: false }').device).toMatchObject({
      coherent: false,
      believedCoherent: true,
    });
    expect(caseOf('{ node: mmc0, busOffset: 0, maskBits: 40 }').device).toMatchObject({
      busOffset: 0,
      maskBits: 40,
    });
  });

  it('a PCI host bridge stands for what is behind it', () => {
    const pcie = {
      device_type: 'pci',
      compatible: 'z',
      '#address-cells': [3],
      '#size-cells': [2],
      'dma-ranges': [0x0200_0000, 0, 0, 0, 0, 0x8000_0000],
    };
    expect(caseOf('{ node: /pcie@3 }', undefined, tree({ 'pcie@3': pcie })).device?.maskBits).toBe(31);
  });
});

describe('a platform is what the tree says', () => {
  it('architecture and outer cache', () => {
    const board = tree({ cpus: cpus('arm,cortex-a9'), l2: { compatible: 'arm,pl310-cache' } });
    expect(caseOf('{}', undefined, board).platform).toMatchObject({ architecture: 'arm', outerCache: true });
    expect(caseOf('{}').platform).toMatchObject({ architecture: 'arm64', outerCache: false });
  });

  it('unless the file says something else', () => {
    const board = tree({ cpus: cpus('arm,cortex-a9'), l2: { compatible: 'arm,pl310-cache' } });
    const platform = '{ dtb: board.dtb, architecture: arm64, outerCache: false }';
    expect(caseOf('{}', platform, board).platform).toMatchObject({
      architecture: 'arm64',
      outerCache: false,
    });
  });
});

describe('what is wrong is said where it stands', () => {
  it.each([
    [
      'a device tree that is not there',
      '{}',
      '{ dtb: other.dtb }',
      /^a\.yaml:2:18: found other\.dtb, which is not there$/,
    ],
    [
      'a node without a device tree',
      '{ node: mmc0 }',
      '{ xen: 4.20 }',
      /^a\.yaml:3:24: found a node, expected platform: \{ dtb \} too/,
    ],
    [
      'a node that is not there',
      '{ node: mmc1 }',
      undefined,
      /^a\.yaml:3:24: found "mmc1" \(did you mean mmc0\?\)/,
    ],
    ['a label that is not there', "{ node: '&sdhots' }", undefined, /did you mean &sdhost/],
    ['a path that is not there', '{ node: /bus/mmc@2 }', undefined, /did you mean \/bus\/mmc@1/],
    ['no text', "{ node: '' }", undefined, /^a\.yaml:3:24: found nothing, expected some words/],
  ])('%s', (_, device, platform, message) => {
    expect(errorsOf(device, platform)).toMatch(message);
  });

  it('several offsets, and a limit that is no number of bits', () => {
    const bus = (ranges: number[]) =>
      tree({
        'bus@4': {
          '#address-cells': [1],
          '#size-cells': [1],
          ranges: true,
          'dma-ranges': ranges,
          'usb@1': { compatible: 'x' },
        },
      });
    const two = bus([...window(0, 0x1000, 0x1000), ...window(0x4000, 0, 0x1000)]);
    expect(errorsOf('{ node: /bus@4/usb@1, maskBits: 32 }', undefined, two)).toMatch(/2 different offsets/);
    const odd = bus(window(0, 0, 0xc000_0000));
    expect(errorsOf('{ node: /bus@4/usb@1 }', undefined, odd)).toMatch(
      /ends at 0xbfffffff, expected one less than a power of two/,
    );
    expect(errorsOf('{ node: /bus@4/usb@1, maskBits: 31 }', undefined, odd)).toBe('');
  });

  it('where files cannot be read', () => {
    const result = parseScenario('title: x\nplatform: { dtb: b.dtb }\nsteps: [barrier]\n', 'a.yaml');
    expect('errors' in result && result.errors[0]).toMatch(/^a\.yaml:2:18: .*files cannot be read here/);
  });
});
