import { describe, expect, it } from 'vitest';
import { buildFdt, type NodeSpec } from './build.ts';
import { coherenceOf } from './coherence.ts';
import { readFdt } from './fdt.ts';

const ARM64: NodeSpec = { cpus: { 'cpu@0': { compatible: 'arm,cortex-a57' } } };

function of(root: NodeSpec, path: string) {
  return coherenceOf(readFdt(buildFdt(root)).find(path) ?? expect.fail(path));
}

describe('coherence of a device', () => {
  it('is its own dma-coherent', () => {
    expect(of({ 'eth@1': { 'dma-coherent': true } }, '/eth@1')).toEqual({
      coherent: true,
      because: '/eth@1 has dma-coherent',
    });
  });

  it('is that of the nearest node above that says so', () => {
    const root = { soc: { 'dma-coherent': true, bus: { 'dma-noncoherent': true, dev: {} }, dev: {} } };
    expect(of(root, '/soc/dev')).toEqual({ coherent: true, because: '/soc has dma-coherent' });
    expect(of(root, '/soc/bus/dev')).toEqual({ coherent: false, because: '/soc/bus has dma-noncoherent' });
  });

  it('is dma-coherent where a node has both', () => {
    expect(of({ dev: { 'dma-noncoherent': true, 'dma-coherent': true } }, '/dev').coherent).toBe(true);
  });

  it('is there with any value, as a boolean property is', () => {
    expect(of({ dev: { 'dma-coherent': [0] } }, '/dev').coherent).toBe(true);
  });

  it("is the architecture's default, no, where nobody says anything", () => {
    expect(of({ ...ARM64, soc: { dev: {} } }, '/soc/dev')).toEqual({
      coherent: false,
      because: "no dma-coherent on /soc/dev or above; arm64's default is non-coherent",
    });
    expect(of({ soc: {} }, '/soc').because).toMatch(/default of arm and arm64/);
  });

  it('is not that of a node below or beside', () => {
    expect(of({ soc: { a: { 'dma-coherent': true }, b: {} } }, '/soc/b').coherent).toBe(false);
    expect(of({ soc: { a: { 'dma-coherent': true }, b: {} } }, '/soc').coherent).toBe(false);
  });
});

describe('a dma-mem interconnect', () => {
  const fabric = { phandle: [5], '#interconnect-cells': [1], 'dma-coherent': true };
  const names = { 'interconnect-names': ['other', 'dma-mem'] };

  it('leads to its provider instead of the parent', () => {
    const root = { fabric, soc: { 'dma-noncoherent': true, dev: { ...names, interconnects: [5, 1, 5, 2] } } };
    expect(of(root, '/soc/dev')).toEqual({
      coherent: true,
      because: '/fabric has dma-coherent (where the dma-mem interconnect of /soc/dev leads)',
    });
  });

  it.each([
    ['is not listed', [5, 1]],
    ['has an unknown provider', [5, 1, 77, 2]],
    ['is empty', [5, 1, 0]],
  ])('that %s leaves it at the parent', (_, interconnects) => {
    expect(of({ fabric, soc: { dev: { ...names, interconnects } } }, '/soc/dev').coherent).toBe(false);
  });

  it('that leads in a circle ends', () => {
    const dev = {
      phandle: [5],
      '#interconnect-cells': [0],
      'interconnect-names': 'dma-mem',
      interconnects: [5],
    };
    expect(of({ dev }, '/dev').coherent).toBe(false);
  });
});
