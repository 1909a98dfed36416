import { describe, expect, test } from 'vitest';
import { judged, outcome } from '../testing.ts';

/** A guest's buffer in dom0 as `page`; the grant is read-only. */
const readonlyPage = (steps: string) =>
  outcome(
    `platform: { xen: 4.20 }
domains: { guest: }
buffers: { data: { domain: guest }, own: { } }
agents:
  frontend: { domain: guest, steps: [{ grant: { buffer: data, readonly: true } }, { signal: request }] }
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
${steps}`,
    'repaired',
  );

describe('a read-only grant', () => {
  test('can be read and copied from', () => {
    expect(readonlyPage('      - read: page\n      - copy: { from: page, to: own }')).toBe('holds');
  });
  test.each(['write: page', 'copy: { from: own, to: page }', 'invalidate: page'])('not: %s', (step) => {
    expect(readonlyPage(`      - ${step}`)).toBe('violated: fault');
  });
});

describe('maintenance without the DMA API', () => {
  const ballooned = (at: string) =>
    outcome(
      `platform: { xen: 4.20 }
buffers: { data: { size: 4096 } }
steps: [{ balloon-out: data }, { clean: { buffer: data${at} } }]`,
      'repaired',
    );
  test('needs a translation, but in the hypervisor', () => {
    expect(ballooned('')).toBe('violated: fault');
    expect(ballooned(', at: EL2')).toBe('holds');
  });
});

describe('a copy by the CPU', () => {
  const coherent = (steps: string) =>
    outcome(`platform: { linux: 6.1 }
devices: { nic: { behaves: scripted } }
buffers: { data: { size: 64 } }
steps:
  - alloc-coherent: { as: table, size: 64 }
${steps}`);
  test('to coherent memory is seen by the device, which does not snoop', () => {
    expect(coherent('  - copy: { from: data, to: table }\n  - device-read: { mapping: table }')).toBe(
      'holds',
    );
  });
  test('from it is what the device wrote', () => {
    const steps = '  - device-write: { mapping: table }\n  - copy: { from: table, to: data }\n  - read: data';
    expect(coherent(steps)).toBe('holds');
  });
});

describe('a list', () => {
  test('has an entry for each run of pages', () => {
    const of = (contiguous: boolean) =>
      outcome(`platform: { linux: 6.1 }
devices: { nic: {} }
buffers: { data: { size: 12288, contiguous: ${contiguous} } }
steps:
  - map-sg: { buffers: [data], direction: BIDIRECTIONAL, as: list }
  - unmap-sg: list
  - read: data`);
    expect(of(true)).toBe('holds');
    expect(of(false)).toBe('holds');
  });

  test('of receive buffers on foreign pages loses nothing by the invalidate at map', () => {
    const { verdict } = judged(
      `platform: { xen: 4.20, linux: 6.12 }
domains: { guest: }
devices: { disk: { behaves: scripted } }
buffers: { one: { domain: guest, contiguous: false, size: 8192 }, two: { domain: guest } }
agents:
  frontend:
    domain: guest
    steps: [{ grant: one }, { grant: two }, { signal: request }]
  backend:
    steps:
      - wait: request
      - map-grant: { grant: one, as: first }
      - map-grant: { grant: two, as: second }
      - map-sg: { buffers: [first, second], direction: FROM_DEVICE, as: list }
      - device-write: { mapping: list }
      - unmap-sg: list
      - read: first
      - read: second`,
      'linux-3.19',
    );
    expect(verdict).toBe('holds');
  });
});

describe('what is lost', () => {
  test('is told apart: the buffer\u2019s own bytes and its neighbours\u2019', () => {
    const { violation } = judged(`platform: { linux: 6.1 }
buffers:
  data: { size: 64, at: 0x44000000, offset: 64 }
  before: { size: 64, at: 0x44000000 }
steps: [{ write: data }, { write: before }, { invalidate: data }, { read: data }]`);
    expect(violation?.rule).toBe('lost-write');
    expect(violation?.missed).toEqual([[0x4400_0040, 0x4400_0080]]);
    expect(violation?.touched).toEqual([]);
  });

  test('by the loop of 5.4 is the neighbour\u2019s', () => {
    const { violation } = judged(
      `platform: { xen: 4.20, linux: 5.4 }
domains: { guest: }
devices: { disk: { behaves: scripted } }
buffers: { data: { domain: guest, at: 0x90000000, offset: 512, size: 4096, initially: anything } }
agents:
  frontend: { domain: guest, steps: [{ grant: data }, { signal: request }] }
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
      - map: { buffer: page, direction: FROM_DEVICE }`,
      'linux-5.4',
    );
    expect(violation?.rule).toBe('lost-write');
    expect(violation?.missed).toEqual([]);
    expect(violation?.touched).toEqual([[0x9000_0000, 0x9000_0200]]);
  });
});

describe('pages that the only kernel freed', () => {
  test('are given out again', () => {
    const again = (size: number) =>
      outcome(`platform: { linux: 6.1 }
devices: { nic: { coherent: true, behaves: scripted } }
buffers: { data: { size: 8192 } }
steps:
  - map: { buffer: data, direction: TO_DEVICE }
  - free: data
  - allocate: { as: next, size: ${size} }
  - write: next
  - device-write: { mapping: data }
  - read: next`);
    expect(again(4096)).toBe('holds');
  });
});

test('a step that uses what nobody made yet says so', () => {
  const early = `devices: { nic: { behaves: scripted } }
buffers: { data: { size: 64 } }
agents:
  driver: { steps: [{ map: { buffer: data, direction: TO_DEVICE } }] }
  nic: { device: nic, steps: [{ device-read: data }] }`;
  expect(outcome(early)).toBe('violated: fault');
});

describe('two mappings of one name at once', () => {
  const twice = (rest: string) => `
devices: { a: , b: }
buffers: { rx: { initially: anything } }
steps:
  - map: { buffer: rx, bytes: [0, 2048], device: a, direction: FROM_DEVICE }
  - map: { buffer: rx, bytes: [2048, 4096], device: b, direction: FROM_DEVICE }
  - unmap: rx
${rest}`;

  test('the one that was made last ends first', () => {
    expect(outcome(twice('  - read: { buffer: rx, bytes: [2048, 4096] }'))).toBe('holds');
    expect(outcome(twice('  - read: { buffer: rx, bytes: [0, 2048] }'))).toBe('violated: stale-cpu-read');
  });

  test('both can be ended', () => {
    expect(outcome(twice('  - unmap: rx\n  - read: rx'))).toBe('holds');
  });

  test('each agent means its own', () => {
    const agents = (first: string) =>
      `
devices: { a: , b: }
buffers: { rx: { initially: anything } }
agents:
  one:
    steps:
      - map: { buffer: rx, bytes: [0, 2048], device: a, direction: FROM_DEVICE }
      - signal: mapped
      - wait: mapped too
      - unmap: rx
      - read: { buffer: rx, bytes: ${first} }
  two:
    steps:
      - wait: mapped
      - map: { buffer: rx, bytes: [2048, 4096], device: b, direction: FROM_DEVICE }
      - signal: mapped too
`.replaceAll('mapped too', 'mapped-too');
    expect(outcome(agents('[0, 2048]'))).toBe('holds');
    expect(outcome(agents('[2048, 4096]'))).toBe('violated: stale-cpu-read');
  });
});

describe('pages for a domain that is 1:1 with the machine', () => {
  const dom0 = (platform: string, steps: string) => `
platform: { ${platform} }
devices: { disk: }
buffers: { data: { size: 8192 } }
steps:
${steps}
  - allocate: { as: page, size: 8192 }
  - write: page
  - map: { buffer: page, direction: TO_DEVICE }
  - unmap: page`;
  const arm32 = 'architecture: arm, linux: 4.19, xen: 4.14, lpae: false';

  test('come from its own RAM', () => {
    expect(outcome(dom0('xen: 4.20', ''), 'repaired')).toBe('holds');
    expect(outcome(dom0(arm32, ''), 'repaired')).toBe('holds');
  });

  test('are those that it gave back before', () => {
    expect(outcome(dom0('xen: 4.20', '  - free: data'), 'repaired')).toBe('holds');
  });

  test('of a guest that has 32-bit addresses lie below 4 GiB', () => {
    expect(
      outcome(
        `
platform: { ${arm32} }
domains: { guest: }
agents: { one: { domain: guest, steps: [allocate: page, write: page, read: page] } }`,
        'repaired',
      ),
    ).toBe('holds');
  });
});
