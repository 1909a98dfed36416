/** Who runs on one core: interleaved anywhere, or only between steps. */
import { describe, expect, it } from 'vitest';
import { DESIGNS } from '../../designs/index.ts';
import { DEFAULT_BOUNDS, parseScenario } from '../../scenario/index.ts';
import { adversarialProgram, checkCase } from '../check-case.ts';
import { explore } from '../engine/index.ts';

/** Two tasks copy into the same buffer, in two pages, which are two transitions. */
const TWO_TASKS = (preemption: boolean, cpu: number) => `
title: Of a test
platform: { preemption: ${preemption}, cpus: 2 }
buffers: { a: { size: 8192 }, b: { size: 8192 } }
agents:
  one: { steps: [copy: { from: a, to: b }] }
  two: { cpu: ${cpu}, steps: [copy: { from: a, to: b }] }
`;

function orders(text: string): Set<string> {
  const parsed = parseScenario(text, 'test.yaml');
  const [design] = DESIGNS;
  if ('errors' in parsed || design === undefined)
    throw new Error('errors' in parsed ? parsed.errors.join() : '');
  const [one] = parsed.scenario.cases;
  if (one === undefined) throw new Error('no case');
  const found = new Set<string>();
  explore(adversarialProgram(one, design), DEFAULT_BOUNDS, ({ transitions }) => {
    found.add(
      transitions
        .filter(({ what }) => what.startsWith('copy'))
        .map(({ agent }) => agent)
        .join(''),
    );
    return undefined;
  });
  return found;
}

describe('two tasks', () => {
  it('on one core, not preempted, do their steps one after the other', () => {
    expect(orders(TWO_TASKS(false, 0))).toEqual(new Set(['0011', '1100']));
  });

  it('on two cores interleave within their steps all the same', () => {
    expect(orders(TWO_TASKS(false, 1)).size).toBeGreaterThan(2);
  });

  it('on one core that can be preempted do so, too', () => {
    expect(orders(TWO_TASKS(true, 0)).size).toBeGreaterThan(2);
  });

  it('who waits for a signal leaves the core to others', () => {
    const parsed = parseScenario(
      `title: x
platform: { preemption: false }
buffers: { a: }
agents: { one: { steps: [wait: go, read: a] }, two: { steps: [write: a, signal: go] } }`,
      'test.yaml',
    );
    if ('errors' in parsed || !DESIGNS[0] || !parsed.scenario.cases[0]) throw new Error('no case');
    expect(checkCase(parsed.scenario.cases[0], DESIGNS[0], DEFAULT_BOUNDS).verdict).toBe('holds');
  });
});

describe('the search of GNTTABOP_cache_flush for a grant beyond the first 4096 entries', () => {
  const text = (preemption: boolean) => `
title: Of a test
platform: { xen: 4.20, preemption: ${preemption} }
domains: { guest: }
devices: { disk: }
buffers: { many: { domain: guest, size: 16 MiB }, data: { domain: guest } }
agents:
  frontend: { domain: guest, steps: [grant: many, grant: data, signal: request] }
  backend:
    cpu: 1
    steps: [wait: request, map-grant: { grant: data, as: page }, map: { buffer: page, direction: TO_DEVICE }]
`;
  it.each([
    [true, 'preempted'],
    [false, 'pass done'],
  ])('preemption %s: goes on where it was, and finds it', (preemption, how) => {
    const parsed = parseScenario(text(preemption), 'test.yaml');
    const design = DESIGNS.find(({ name }) => name === 'repaired');
    if ('errors' in parsed || !design || !parsed.scenario.cases[0]) throw new Error('no case');
    let continued = 0;
    explore(
      adversarialProgram(parsed.scenario.cases[0], design),
      DEFAULT_BOUNDS,
      ({ transitions, world }) => {
        continued += transitions.filter(({ what }) => what.endsWith(how)).length;
        expect(world.found).toEqual([]);
        return undefined;
      },
    );
    expect(continued).toBeGreaterThan(0);
  });
});
