/** Cases for tests: small ones (two agents, two or three lines), and those of the scenarios that ship. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { DESIGNS } from '../designs/index.ts';
import type { Design } from '../linux/index.ts';
import {
  type Action,
  type AgentSpec,
  type BufferSpec,
  type Case,
  type DeviceSpec,
  type PlatformSpec,
  parseScenario,
} from '../scenario/index.ts';
import { boardsBeside } from '../scenario/testing.ts';

export const NATIVE: PlatformSpec = {
  architecture: 'arm64',
  linux: [6, 1],
  xen: undefined,
  lineSizes: [64],
  believedLineSizes: [],
  cpus: 2,
  outerCache: false,
  outerCacheDriver: 'none',
  smmu: false,
  preemption: true,
  foreignPages: 'balloon',
  explicitBarriers: false,
  lpae: true,
  pfnValid: undefined,
  p2mEntries: undefined,
  scrubDomheap: false,
  swiotlb: { force: false, slots: 128 },
  cacheFlush: true,
  quirks: [],
};

const RAM = 2 ** 30;

/** Three buffers in two lines; `b` and `c` share one. */
const BUFFERS: readonly BufferSpec[] = [
  ['a', 0, 64],
  ['b', 64, 32],
  ['c', 96, 32],
].map(([name, offset, size]) => ({
  name: name as string,
  domain: 'host',
  offset: offset as number,
  size: size as number,
  at: RAM,
  contiguous: true,
  compound: false,
  initially: 'written',
}));

export function device(name: string, coherent: boolean, behaves: DeviceSpec['behaves']): DeviceSpec {
  return { name, coherent, believedCoherent: coherent, maskBits: 48, busOffset: 0, behaves };
}

const buffer = fc.constantFrom('a', 'b', 'c');
const direction = fc.constantFrom('TO_DEVICE', 'FROM_DEVICE', 'BIDIRECTIONAL');
const NO_BYTES = { bytes: undefined } as const;

/** A step that anybody may take at any time. */
const anyStep: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constantFrom('read', 'write'), buffer, uncached: fc.boolean(), ...constants(NO_BYTES) }),
  fc.record({
    do: fc.constantFrom('device-read', 'device-write'),
    device: fc.constantFrom('dumb', 'clever'),
    buffer,
    ...constants({ ...NO_BYTES, mapping: undefined, posted: false }),
  }),
  fc.record({
    do: fc.constant('maintain'),
    buffer,
    operation: fc.constantFrom('clean', 'invalidate', 'clean-invalidate'),
    ...constants({ ...NO_BYTES, at: undefined, outer: undefined }),
  }),
  fc.constant<Action>({ do: 'barrier' }),
) as fc.Arbitrary<Action>;

/** What a driver does with a buffer: all of it, or only the beginning. */
const driverSteps: fc.Arbitrary<Action[]> = fc
  .tuple(buffer, direction, fc.constantFrom('dumb', 'clever'), fc.integer({ min: 1, max: 4 }))
  .map(([name, towards, by, count]) => {
    const steps: Action[] = [
      { do: 'map', buffer: name, bytes: undefined, device: by, direction: towards, as: name, attributes: [] },
      { do: 'sync-for-cpu', mapping: name, bytes: undefined, direction: undefined },
      { do: 'sync-for-device', mapping: name, bytes: undefined, direction: undefined },
      {
        do: 'unmap',
        mapping: name,
        size: undefined,
        direction: undefined,
        entries: undefined,
        attributes: [],
      },
    ] as Action[];
    return steps.slice(0, count);
  });

function constants<Values extends object>(
  values: Values,
): { [Key in keyof Values]: fc.Arbitrary<Values[Key]> } {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, fc.constant(value)])) as never;
}

function agent(name: string, cpu: number, steps: readonly Action[]): AgentSpec {
  return {
    name,
    domain: 'host',
    device: undefined,
    cpu,
    steps: steps.map((step, i) => ({ ...step, line: i + 1 })),
  };
}

/** A driver and somebody else, over two lines. */
export const smallCase: fc.Arbitrary<Case> = fc
  .record({
    driver: fc.tuple(fc.array(anyStep, { maxLength: 1 }), driverSteps).map((parts) => parts.flat()),
    other: fc.array(anyStep, { minLength: 1, maxLength: 2 }),
    behaves: fc.constantFrom<DeviceSpec['behaves']>('any-time', 'scripted'),
    explicitBarriers: fc.boolean(),
    linux: fc.constantFrom<readonly [number, number]>([5, 10], [6, 1], [7, 3]),
    initially: fc.constantFrom<BufferSpec['initially']>('written', 'anything', 'clean'),
  })
  .map(({ driver, other, behaves, explicitBarriers, linux, initially }) => ({
    name: '',
    platform: { ...NATIVE, linux, explicitBarriers },
    domains: [{ name: 'host', directMapped: true, hardware: true, ram: { at: RAM, size: 2 ** 27 } }],
    devices: [device('dumb', false, behaves), device('clever', true, behaves)],
    buffers: BUFFERS.map((each) => ({ ...each, initially })),
    agents: [agent('driver', 0, driver), agent('other', 1, other)],
  }));

const ROOT = fileURLToPath(new URL('../../scenarios/', import.meta.url));

/** The first cases of each scenario with each design that it expects something of. @param most cases of a scenario. */
export function shippedCases(most: number): { file: string; one: Case; design: Design }[] {
  const entries = readdirSync(ROOT, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => {
      const parsed = parseScenario(readFileSync(file, 'utf8'), file, boardsBeside(file));
      if ('errors' in parsed) throw new Error(parsed.errors.join('\n'));
      const { cases, expectations } = parsed.scenario;
      const names = new Set(expectations.flatMap(({ designs }) => designs));
      return cases.slice(0, most).flatMap((one) =>
        DESIGNS.filter(({ name }) => names.has(name)).map((design) => ({
          file: file.slice(ROOT.length),
          one,
          design,
        })),
      );
    });
}
