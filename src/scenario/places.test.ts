/** Where domains and buffers lie that the author did not place. */
import { describe, expect, it } from 'vitest';
import { only } from './testing.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

const xen = (domains: string, buffers = '{}', platform = '') =>
  only(
    `title: x\nplatform: { xen: 4.20${platform} }\ndomains: ${domains}\nbuffers: ${buffers}\nsteps: [barrier]`,
  );

describe('domains', () => {
  it('lie apart, dom0 first and direct mapped', () => {
    expect(xen('{ a: , b: {} }').domains).toEqual([
      { name: 'dom0', directMapped: true, hardware: true, ram: { at: GIB, size: 256 * MIB } },
      { name: 'a', directMapped: false, hardware: false, ram: { at: 2 * GIB, size: 256 * MIB } },
      { name: 'b', directMapped: false, hardware: false, ram: { at: 2 * GIB + 256 * MIB, size: 256 * MIB } },
    ]);
  });

  it('make room for those that were placed', () => {
    const { domains } = xen('{ a: { ram: { at: 0x48000000, size: 128MiB } }, b: }');
    expect(domains.map(({ name, ram }) => [name, ram.at])).toEqual([
      ['dom0', 0x50000000],
      ['a', 0x48000000],
      ['b', 2 * GIB],
    ]);
  });

  it.each([', smmu: true', ', architecture: x86'])('are not direct mapped with%s', (platform) => {
    expect(xen('{}', '{}', platform).domains).toMatchObject([{ name: 'dom0', directMapped: false }]);
  });

  it('may drive devices in the place of dom0, and buffers and agents are then theirs', () => {
    const one = xen('{ dom0: { hardware: false }, driver: { hardware: true } }', '{ data: }');
    expect(one.buffers[0]?.domain).toBe('driver');
    expect(one.agents[0]?.domain).toBe('driver');
  });
});

describe('a buffer after another one', () => {
  it('begins where that ends, in the same line', () => {
    const { buffers } = xen(
      '{}',
      '{ head: { offset: 4000, size: 128 }, data: { after: head, size: 64 }, tail: { after: data } }',
    );
    const at = GIB + 128 * MIB;
    expect(buffers).toMatchObject([
      { name: 'head', at, offset: 4000 },
      { name: 'data', at: at + 4096, offset: 32 },
      { name: 'tail', at: at + 4096, offset: 96 },
    ]);
  });

  it('follows it where the author placed it, in its domain', () => {
    const { buffers } = xen('{ guest: }', '{ b: { after: a }, a: { domain: guest, at: 5GiB, size: 10 } }');
    expect(buffers).toMatchObject([
      { name: 'b', domain: 'guest', at: 5 * GIB, offset: 10 },
      { name: 'a', domain: 'guest', at: 5 * GIB, offset: 0 },
    ]);
  });
});

it('a buffer that nothing follows has no place yet', () => {
  expect(xen('{}', '{ data: {} }').buffers).toMatchObject([{ name: 'data', at: undefined }]);
});
