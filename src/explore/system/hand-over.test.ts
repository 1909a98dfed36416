import { describe, expect, test } from 'vitest';
import { outcome } from './testing.ts';

const NIC = `
devices: { nic: {} }
buffers: { data: { size: 256 } }
`;
/** Linux 6.1 on arm64 maintains; a device that does not snoop. */
const native = (steps: string) => outcome(`platform: { linux: 6.1 }${NIC}steps:\n${steps}`);

describe('a device that may act at any time', () => {
  test('has all of the buffer back after a part of it was lent to the CPU', () => {
    const steps = (last: string) => `
  - map: { buffer: data, direction: BIDIRECTIONAL }
  - sync-for-cpu: { mapping: data, bytes: [0, 64] }
  - sync-for-device: { mapping: data, bytes: [0, 64] }
${last}`;
    // Stored to while the device may read it.
    expect(native(steps('  - write: { buffer: data, bytes: [128, 192] }'))).toBe(
      'violated: stale-device-read',
    );
    expect(native(steps('  - unmap: data\n  - write: data\n  - read: data'))).toBe('holds');
  });

  test('keeps what the CPU did not ask for', () => {
    const steps = (bytes: string) => `
  - map: { buffer: data, direction: TO_DEVICE }
  - sync-for-cpu: { mapping: data, bytes: [0, 64] }
  - write: { buffer: data, bytes: ${bytes} }`;
    expect(native(steps('[0, 64]'))).toBe('holds');
    expect(native(steps('[64, 128]'))).toBe('violated: stale-device-read');
  });
});

describe('a device that does what the steps say', () => {
  const scripted = (steps: string) =>
    outcome(`platform: { linux: 6.1 }
devices: { nic: { behaves: scripted } }
buffers: { data: { size: 256, initially: anything }, other: { size: 256, initially: clean } }
steps:
${steps}`);

  test('that writes after the unmap writes where it was told to', () => {
    const steps = (end: string) => `
  - map: { buffer: data, direction: FROM_DEVICE }
${end}
  - read: data`;
    expect(scripted(steps('  - device-write: data\n  - unmap: data'))).toBe('holds');
    expect(scripted(steps('  - unmap: data\n  - device-write: data'))).toBe('violated: stale-cpu-read');
  });

  test('pushes what it posted before its next write, wherever that goes', () => {
    const steps = (second: string) => `
  - map: { buffer: data, direction: FROM_DEVICE }
  - map: { buffer: other, direction: FROM_DEVICE }
  - device-write: { mapping: data, posted: true }
${second}
  - unmap: data
  - read: data`;
    expect(scripted(steps(''))).toBe('violated: stale-cpu-read');
    expect(scripted(steps('  - device-write: other'))).toBe('holds');
  });
});

describe('memory that goes elsewhere while a device may use it', () => {
  const foreign = (steps: string) =>
    outcome(
      `platform: { xen: 4.20 }
domains: { guest: }
devices: { disk: { coherent: true } }
buffers: { data: { domain: guest, size: 8192 } }
agents:
  frontend: { domain: guest, steps: [{ grant: data }, { signal: request }] }
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
      - map: { buffer: page, direction: FROM_DEVICE }
${steps}`,
      'repaired',
    );

  test('is somebody else\u2019s: a grant that is unmapped before the DMA is', () => {
    expect(foreign('      - unmap: page\n      - unmap-grant: page')).toBe('holds');
    expect(foreign('      - unmap-grant: page\n      - unmap: page')).toBe('violated: wrong-frame');
  });
});

describe('an SMMU', () => {
  const through = (readonly: boolean, direction: string) =>
    outcome(
      `platform: { xen: 4.20, smmu: true }
domains: { guest: }
devices: { disk: { coherent: true } }
buffers: { data: { domain: guest } }
agents:
  frontend: { domain: guest, steps: [{ grant: { buffer: data, readonly: ${readonly} } }, { signal: request }] }
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
      - map: { buffer: page, direction: ${direction} }`,
      'smmu',
    );

  test('lets no device write through a read-only grant', () => {
    expect(through(true, 'TO_DEVICE')).toBe('holds');
    expect(through(false, 'FROM_DEVICE')).toBe('holds');
    expect(through(true, 'FROM_DEVICE')).toBe('violated: fault');
  });
});
