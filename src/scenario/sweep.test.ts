import { describe, expect, it } from 'vitest';
import { problemsOf, scenarioOf } from './testing.ts';

const base = `title: x
devices: { nic: }
buffers: { data: { offset: 7 } }
steps:
  - map: { buffer: data, direction: TO_DEVICE }
  - device-read: data
`;
const sweep = (...lines: string[]) => `${base}sweep:\n${lines.map((line) => `  ${line}\n`).join('')}`;
const cases = (...lines: string[]) => scenarioOf(sweep(...lines)).cases;
const names = (...lines: string[]) => cases(...lines).map(({ name }) => name);
const problems = (...lines: string[]) => problemsOf(sweep(...lines));

describe('a sweep', () => {
  it('makes a case of each combination, the last path changing fastest', () => {
    expect(
      names('buffers.data.offset: { from: 0, to: 1025, step: 512 }', 'buffers.data.size: [64, 4KiB]'),
    ).toEqual([
      'buffers.data.offset=0,buffers.data.size=64',
      'buffers.data.offset=0,buffers.data.size=4KiB',
      'buffers.data.offset=512,buffers.data.size=64',
      'buffers.data.offset=512,buffers.data.size=4KiB',
      'buffers.data.offset=1024,buffers.data.size=64',
      'buffers.data.offset=1024,buffers.data.size=4KiB',
    ]);
  });

  it('replaces fields, given or not', () => {
    const found = cases('buffers.data.offset: { from: 1, to: 3 }', 'buffers.data.size: [5, 6]');
    expect(found.map(({ buffers: [data] }) => [data?.offset, data?.size])).toEqual([
      [1, 5],
      [1, 6],
      [2, 5],
      [2, 6],
    ]);
  });

  it('replaces fields of a platform that nothing was said of', () => {
    const found = cases('platform.swiotlb.force: [false, true]', 'platform.linux: [6.1, 6.10]');
    expect(found.map(({ platform }) => [platform.swiotlb.force, platform.linux])).toEqual([
      [false, [6, 1]],
      [false, [6, 10]],
      [true, [6, 1]],
      [true, [6, 10]],
    ]);
  });

  it('replaces whole steps, and fields of steps', () => {
    const found = cases(
      'steps.0.map.direction: [TO_DEVICE, FROM_DEVICE]',
      'steps.1: [{ device-write: data }, barrier]',
    );
    expect(found.map(({ name }) => name)).toEqual([
      'steps.0.map.direction=TO_DEVICE,steps.1={device-write: data}',
      'steps.0.map.direction=TO_DEVICE,steps.1=barrier',
      'steps.0.map.direction=FROM_DEVICE,steps.1={device-write: data}',
      'steps.0.map.direction=FROM_DEVICE,steps.1=barrier',
    ]);
    expect(found[2]?.agents[0]?.steps).toMatchObject([
      { do: 'map', direction: 'FROM_DEVICE' },
      { do: 'device-write' },
    ]);
  });

  it('changes fields together', () => {
    const found = cases(
      'together: [{ paths: [buffers.data.offset, buffers.data.size], values: [[0, 64], [64, 32]] }]',
      'steps.0.map.direction: [TO_DEVICE]',
    );
    expect(found.map(({ name }) => name)).toEqual([
      'buffers.data.offset=0,buffers.data.size=64,steps.0.map.direction=TO_DEVICE',
      'buffers.data.offset=64,buffers.data.size=32,steps.0.map.direction=TO_DEVICE',
    ]);
  });

  it('counts in hexadecimal where it begins so', () => {
    expect(names('buffers.data.at: { from: 0x50000000, to: 0x50002000, step: 4KiB }')).toEqual([
      'buffers.data.at=0x50000000',
      'buffers.data.at=0x50001000',
    ]);
  });

  it('is what it would be were its cases written out', () => {
    const written = scenarioOf(base.replace('offset: 7', 'offset: 512')).cases[0];
    expect(cases('buffers.data.offset: [512]')).toEqual([{ ...written, name: 'buffers.data.offset=512' }]);
  });

  it('names the case in which something is wrong, at the value', () => {
    expect(problems('buffers.data.offset: [0, 4096]')).toEqual([
      '8:28: found "4096", expected a number of bytes from 0 to 4095 (case buffers.data.offset=4096)',
    ]);
  });

  it.each([
    [
      'bufers.data.size: [1]',
      '8:3: found "bufers" (did you mean buffers?), expected a path that begins with one: platform, domains, devices, buffers, agents, steps, schedule',
    ],
    [
      'title: [x]',
      '8:3: found "title", expected a path that begins with one: platform, domains, devices, buffers, agents, steps, schedule',
    ],
    ['buffers.dat.size: [1]', '8:3: found "dat" (did you mean data?), expected a name in the file: data'],
    [
      'buffers.data.sise: [1]',
      '8:3: found the key "sise" (did you mean size?), expected one of: domain, offset, size, at, after, contiguous, compound, initially (case buffers.data.sise=1)',
    ],
    ['buffers.data.offset.x: [1]', '8:3: found "x" below a value, expected a path to a field'],
    ['steps.2: [barrier]', '8:3: found the index "2", expected one from 0 to 1'],
    ['steps.x: [barrier]', '8:3: found the index "x", expected one from 0 to 1'],
    ['buffers.data.size: []', '8:22: found an empty list, expected at least 1 elements'],
    ['buffers.data.size: 3', '8:22: found "3", expected a list, or a map'],
    [
      'buffers.data.size: { from: 3, to: 3 }',
      '8:22: found no number from 3 to before 3, expected at least one',
    ],
    ['buffers.data.size: { from: 3 }', '8:22: found no "to", expected a number'],
    ['buffers.data.size: { from: 0, to: 1GiB }', '8:22: found 1073741824 numbers, expected at most 10000'],
    [
      'together: [{ paths: [buffers.data.size], values: [[1, 2]] }]',
      '8:53: found 2 values, expected 1, one for each path',
    ],
    ['buffers.__proto__.size: [1]', '8:3: found __proto__ in a path, expected names of fields'],
  ])('%s', (line, problem) => {
    expect(problems(line)).toEqual([problem]);
  });

  it('has each field once', () => {
    expect(problems('buffers.data.size: [1]', 'buffers.data: [{}]')).toEqual([
      '9:3: found the path buffers.data beside buffers.data.size, expected each field once',
    ]);
  });

  it('has no more cases than can be read in some seconds', () => {
    expect(
      problems('buffers.data.size: { from: 1, to: 5000 }', 'buffers.data.offset: { from: 0, to: 4096 }'),
    ).toEqual(['8:3: found a sweep of 20475904 cases, expected at most 10000 of a file of this size']);
  });
});
