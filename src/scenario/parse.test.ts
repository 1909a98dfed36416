import { describe, expect, it } from 'vitest';
import { parseScenario } from './index.ts';
import { only, problemsOf } from './testing.ts';

describe('a scenario without a hypervisor', () => {
  const one = only(`
title: A receive
devices: { nic: }
buffers: { data: { size: 0x40 } }
steps:
  - map: { buffer: data, direction: FROM_DEVICE }
  - device-write: data
  - unmap: data
  - read: data
`);

  it('has one kernel named host, which drives the devices', () => {
    expect(one.platform.xen).toBeUndefined();
    expect(one.domains).toEqual([
      { name: 'host', directMapped: true, hardware: true, ram: { at: 2 ** 30, size: 2 ** 28 } },
    ]);
    expect(one.agents).toMatchObject([{ name: 'driver', domain: 'host', device: undefined, cpu: 0 }]);
  });

  it('has its steps with every default and the line on which each stands', () => {
    expect(one.agents[0]?.steps).toEqual([
      {
        do: 'map',
        buffer: 'data',
        bytes: undefined,
        device: 'nic',
        direction: 'FROM_DEVICE',
        as: 'data',
        attributes: [],
        line: 6,
      },
      {
        do: 'device-write',
        device: 'nic',
        mapping: 'data',
        buffer: undefined,
        bytes: undefined,
        posted: false,
        line: 7,
      },
      {
        do: 'unmap',
        mapping: 'data',
        size: undefined,
        direction: undefined,
        entries: undefined,
        attributes: [],
        line: 8,
      },
      { do: 'read', buffer: 'data', bytes: undefined, uncached: false, line: 9 },
    ]);
  });
});

describe('versions', () => {
  it('are read from the text, not as numbers', () => {
    const { platform } = only('title: x\nplatform: { xen: 4.20, linux: 6.10 }\nsteps: [barrier]');
    expect(platform).toMatchObject({ xen: [4, 20], linux: [6, 10] });
  });

  it('decide whether Xen has the flush hypercall', () => {
    const flush = (xen: string) =>
      only(`title: x\nplatform: { xen: ${xen} }\nsteps: [barrier]`).platform.cacheFlush;
    expect([flush('4.4'), flush('4.5'), flush('4.20'), flush('none')]).toEqual([false, true, true, false]);
  });
});

it('says what is wrong with a shape, and where', () => {
  expect(problemsOf('title: x\nbuffers:\n  data: { sise: 4 }\nsteps: [barier]')).toEqual([
    '3:11: found the key "sise" (did you mean size?), expected one of: domain, offset, size, at, after, contiguous, compound, initially',
    '4:9: found "barier" (did you mean barrier?), expected one of: barrier, invalidate-all',
  ]);
});

it('gives a scenario or errors, each with the name of the file', () => {
  expect(parseScenario('', 'a.yaml')).toEqual({
    errors: ['a.yaml:1:1: found an empty file, expected a scenario as YAML text'],
    problems: [{ line: 1, column: 1, message: 'found an empty file, expected a scenario as YAML text' }],
  });
});
