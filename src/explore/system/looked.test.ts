/** A verdict on nothing is not taken for one. */
import { describe, expect, it } from 'vitest';
import { judged } from './testing.ts';

const HOST = 'devices: { nic: }\nbuffers: { data: }\n';

describe('nothing is judged, and that is said in place of "holds"', () => {
  it.each([
    ['no steps', 'steps: []'],
    ['signals alone', 'steps: [signal: go, wait: go]'],
    ['a clean that nobody is to see', 'steps: [clean: data, barrier]'],
  ])('%s', (_, steps) => {
    const { verdict, because } = judged(HOST + steps);
    expect(verdict).toBe('inconclusive');
    expect(because).toMatch(/^nothing was judged/);
  });
});

describe('no data is looked at, and that is said beside "holds"', () => {
  it.each([
    ['a store alone', 'steps: [write: data]'],
    [
      'a receive buffer that nobody reads',
      'steps: [map: { buffer: data, direction: FROM_DEVICE }, unmap: data]',
    ],
  ])('%s', (_, steps) => {
    const { verdict, because } = judged(HOST + steps);
    expect(verdict).toBe('holds');
    expect(because).toMatch(/^no data was looked at/);
  });
});

describe('it holds, and there is nothing to add', () => {
  it.each([
    ['the CPU reads', `${HOST}steps: [read: data]`],
    [
      'the device may read while the buffer is mapped',
      `${HOST}steps: [map: { buffer: data, direction: TO_DEVICE }]`,
    ],
    ['a copy reads', 'buffers: { data: , other: }\nsteps: [copy: { from: data, to: other }]'],
    [
      'a scripted device reads',
      'devices: { nic: { behaves: scripted } }\nbuffers: { data: }\nsteps: [map: { buffer: data, direction: TO_DEVICE }, device-read: data]',
    ],
  ])('%s', (_, text) => {
    const { verdict, because } = judged(text);
    expect(verdict).toBe('holds');
    expect(because).toBeUndefined();
  });
});
