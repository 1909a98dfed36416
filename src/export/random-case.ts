/** Random small native cases for tests: more happens in them than in the explorer's, since nothing is enumerated naively. */
import fc from 'fast-check';
import type { Action, AgentSpec, BufferSpec, Case, DeviceSpec, PlatformSpec } from '../scenario/index.ts';
import { parseScenario } from '../scenario/index.ts';

const RAM = 2 ** 30;
const PLATFORM = platformOf(`
title: random
story: random
platform: { architecture: arm64, linux: 6.1, cpus: 1 }
buffers: { a: { size: 64 } }
steps: [{ read: a }]
`);
const device = (called: string, coherent: boolean, behaves: DeviceSpec['behaves']): DeviceSpec => ({
  name: called,
  coherent,
  believedCoherent: coherent,
  maskBits: 48,
  busOffset: 0,
  behaves,
});
const NAMES = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...NAMES);
const by = fc.constantFrom('dumb', 'clever');
const direction = fc.constantFrom('TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL');

/** Two lines: `a` has one, `b` and `c` share the other. */
const buffers = (initially: BufferSpec['initially']): BufferSpec[] =>
  (
    [
      ['a', 0, 64],
      ['b', 64, 32],
      ['c', 96, 32],
    ] as const
  ).map(([of, offset, size]) => ({
    name: of,
    domain: 'host',
    offset,
    size,
    at: RAM,
    contiguous: true,
    compound: false,
    initially,
  }));

const access: fc.Arbitrary<Action> = fc
  .tuple(fc.constantFrom('read', 'write'), name, fc.integer({ min: 0, max: 3 }))
  .map(
    ([what, buffer, uncached]) =>
      ({ do: what, buffer, bytes: undefined, uncached: uncached === 0 }) as Action,
  );
const dma: fc.Arbitrary<Action> = fc
  .tuple(fc.constantFrom('device-read', 'device-write'), name, by)
  .map(
    ([what, buffer, device]) =>
      ({ do: what, device, buffer, mapping: undefined, bytes: undefined }) as Action,
  );
const maintenance: fc.Arbitrary<Action> = fc
  .tuple(fc.constantFrom('clean', 'invalidate', 'clean-invalidate'), name)
  .map(
    ([operation, buffer]) =>
      ({ do: 'maintain', buffer, operation, bytes: undefined, at: undefined, outer: undefined }) as Action,
  );
const anything = fc.oneof(access, access, dma, dma, maintenance, fc.constant<Action>({ do: 'barrier' }));

/** map, and what may come after it, with an access after that. */
const mapping: fc.Arbitrary<Action[]> = fc
  .tuple(name, direction, by, fc.integer({ min: 1, max: 4 }), access)
  .map(([buffer, towards, device, count, last]) => {
    const bytes = undefined;
    const steps = [
      { do: 'map', buffer, bytes, device, direction: towards, as: buffer, attributes: [] },
      { do: 'sync-for-cpu', mapping: buffer, bytes, direction: undefined },
      { do: 'sync-for-device', mapping: buffer, bytes, direction: undefined },
      {
        do: 'unmap',
        mapping: buffer,
        size: undefined,
        direction: undefined,
        entries: undefined,
        attributes: [],
      },
    ] as Action[];
    return [...steps.slice(0, count), last];
  });

const agent = (called: string, steps: readonly Action[]): AgentSpec => ({
  name: called,
  domain: 'host',
  device: undefined,
  cpu: 0,
  steps: steps.map((step, i) => ({ ...step, line: i + 1 })),
});

/** A driver and somebody else, on one CPU or with barriers that nobody needs. */
export const randomCase: fc.Arbitrary<Case> = fc
  .record({
    before: fc.array(anything, { maxLength: 3 }),
    driver: fc.oneof(mapping, fc.array(anything, { maxLength: 3 })),
    other: fc.array(anything, { minLength: 1, maxLength: 3 }),
    behaves: fc.constantFrom<DeviceSpec['behaves']>('any-time', 'scripted'),
    explicitBarriers: fc.boolean(),
    linux: fc.constantFrom<readonly [number, number]>([5, 10], [6, 1], [7, 3]),
    initially: fc.constantFrom<BufferSpec['initially']>('written', 'anything', 'clean', 'anothers'),
  })
  .map(({ before, driver, other, behaves, explicitBarriers, linux, initially }) => ({
    name: '',
    platform: { ...PLATFORM, linux, explicitBarriers },
    domains: [{ name: 'host', directMapped: true, hardware: true, ram: { at: RAM, size: 2 ** 27 } }],
    devices: [device('dumb', false, behaves), device('clever', true, behaves)],
    buffers: buffers(initially),
    agents: [agent('driver', [...before, ...driver]), agent('other', other)],
  }));

/** A platform with everything that its scenario does not say. */
function platformOf(text: string): PlatformSpec {
  const parsed = parseScenario(text, 'random.yaml');
  const one = 'errors' in parsed ? undefined : parsed.scenario.cases[0];
  if (!one) throw new Error('the scenario of a platform is wrong');
  return one.platform;
}
