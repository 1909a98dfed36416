/** Random things to do with a machine, for tests. */
import fc from 'fast-check';
import { type MachineAddr, machineAddr } from '../address/index.ts';
import type { Regime } from '../coherence/index.ts';
import type { Initial, Machine, MachineSpec, OuterOperation } from './machine.ts';
import { type MaintenanceCalls, maintenanceCalls } from './maintenance.ts';

/** A few lines around a border between two frames. */
export const BASE = 2 ** 33 + 4096 - 128;
export const at = (offset: number): MachineAddr => machineAddr(BASE + offset);

export const PLAIN: MachineSpec = {
  lineSizes: [64],
  outerCache: false,
  localMaintenance: false,
  explicitBarriers: false,
  cpus: 1,
};

type Span = readonly [from: number, to: number];
/** One call of a Machine; offsets from BASE. */
export type Deed =
  | { readonly do: 'read' | 'write'; readonly cpu: number; readonly cacheable: boolean; readonly span: Span }
  | {
      readonly do: 'copy';
      readonly cpu: number;
      readonly cacheable: boolean;
      readonly span: Span;
      readonly target: number;
    }
  | { readonly do: 'device-read' | 'device-write'; readonly snoops: boolean; readonly span: Span }
  | {
      readonly do: 'open';
      readonly name: string;
      readonly snoops: boolean;
      readonly reads: boolean;
      readonly writes: boolean;
      readonly span: Span;
    }
  | { readonly do: 'close'; readonly name: string; readonly span: Span }
  | {
      readonly do: 'maintain';
      readonly cpu: number;
      readonly regime: Regime;
      readonly call: keyof MaintenanceCalls;
      readonly span: Span;
      readonly stride: number | undefined;
      readonly spare: Span | undefined;
    }
  | { readonly do: 'invalidate-all' | 'barrier'; readonly cpu: number }
  | { readonly do: 'outer'; readonly operation: OuterOperation; readonly span: Span }
  | { readonly do: 'new-owner'; readonly span: Span }
  | { readonly do: 'fills'; readonly possible: boolean; readonly span: Span }
  | { readonly do: 'initialise'; readonly initial: Initial; readonly span: Span };

/** Do it. */
export function execute(machine: Machine, deed: Deed): void {
  const run = RUN[deed.do] as (machine: Machine, deed: Deed) => void;
  run(machine, deed);
}

type DeedOf<Do, Each = Deed> = Each extends { readonly do: infer Any }
  ? Do extends Any
    ? Each
    : never
  : never;
const RUN: { readonly [Do in Deed['do']]: (machine: Machine, deed: DeedOf<Do>) => void } = {
  read: (machine, deed) => machine.cpuRead(deed, ...range(deed.span)),
  write: (machine, deed) => machine.cpuWrite(deed, ...range(deed.span)),
  copy: (machine, deed) => machine.cpuCopy(deed, ...range(deed.span), at(deed.target)),
  'device-read': (machine, deed) => machine.deviceRead(portOf(deed.snoops), ...range(deed.span)),
  'device-write': (machine, deed) => machine.deviceWrite(portOf(deed.snoops), ...range(deed.span)),
  open: (machine, deed) => machine.openWindow(deed.name, portOf(deed.snoops), ...range(deed.span), deed),
  close: (machine, deed) => machine.closeWindow(deed.name, ...range(deed.span)),
  maintain: (machine, { cpu, regime, call, span, stride, spare }) =>
    machine.maintain(cpu, maintenanceCalls(regime)[call], ...range(span), {
      ...(stride === undefined ? {} : { stride }),
      ...(spare === undefined ? {} : { spare: range(spare) }),
    }),
  'invalidate-all': (machine, { cpu }) => machine.invalidateAll(cpu),
  barrier: (machine, { cpu }) => machine.barrier(cpu),
  outer: (machine, { operation, span }) => machine.maintainOuter(operation, ...range(span)),
  'new-owner': (machine, { span }) => machine.newOwner(...range(span)),
  fills: (machine, { possible, span }) => machine.setFills(...range(span), possible),
  initialise: (machine, { initial, span }) => machine.initialise(...range(span), initial),
};

const range = ([from, to]: Span) => [at(from), at(to)] as const;
const portOf = (snoops: boolean) => ({ name: snoops ? 'acp' : 'dma', snoops });

/** Hardware to try things on, and how many bytes of it. */
export interface Bench {
  readonly name: string;
  readonly spec: MachineSpec;
  readonly size: number;
}
const bench = (name: string, spec: Partial<MachineSpec>, lines = 3): Bench => {
  const full = { ...PLAIN, ...spec };
  return { name, spec: full, size: lines * (full.lineSizes[1] ?? full.lineSizes[0]) };
};
export const BENCHES: readonly Bench[] = [
  bench('one cache', { lineSizes: [32] }),
  bench('two coherent CPUs', { cpus: 2, lineSizes: [32] }),
  bench('explicit barriers', { explicitBarriers: true, lineSizes: [32] }),
  bench('two CPUs with explicit barriers', { explicitBarriers: true, cpus: 2, lineSizes: [32] }, 2),
  bench('an outer cache', { outerCache: true, lineSizes: [32] }),
  bench('two line sizes', { lineSizes: [32, 64] }, 2),
  bench('maintenance that is not broadcast', { localMaintenance: true, cpus: 2, lineSizes: [32] }, 2),
];

/** Ranges, often whole lines. */
function spans(size: number): fc.Arbitrary<Span> {
  const edge = fc.oneof(
    fc.nat(size / 32).map((line) => line * 32),
    fc.nat(size / 8).map((word) => word * 8),
  );
  return fc
    .tuple(edge, edge)
    .map(([a, b]): Span => [Math.min(a, b), Math.max(a, b)])
    .filter(([a, b]) => a < b);
}

/** One thing to do on this hardware. */
export function deeds({ spec, size }: Bench): fc.Arbitrary<Deed> {
  const span = spans(size);
  const cpu = fc.nat(spec.cpus - 1);
  const access = { cpu, cacheable: fc.boolean(), span };
  const name = fc.constantFrom('a', 'b');
  const snoops = fc.boolean();
  const maintain = fc.record({
    do: fc.constant('maintain' as const),
    cpu,
    regime: fc.constantFrom<Regime>('EL1', 'EL1-stage2', 'EL2'),
    call: fc.constantFrom<keyof MaintenanceCalls>('clean', 'invalidate', 'cleanInvalidate'),
    span,
    stride: fc.constantFrom(undefined, undefined, undefined, 16, 32, 64),
    spare: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, span),
  });
  const kinds: fc.WeightedArbitrary<Deed>[] = [
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'write' as const), ...access }),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          do: fc.constant('copy' as const),
          ...access,
          target: fc.nat(size / 8).map((word) => word * 8),
        })
        .filter(
          ({ span: [from, to], target }) =>
            target + to - from <= size && (target >= to || target + to - from <= from),
        ),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('device-read' as const, 'device-write' as const),
        snoops,
        span,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('open' as const),
        name,
        snoops,
        reads: fc.boolean(),
        writes: fc.boolean(),
        span,
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), name, span }) },
    { weight: 5, arbitrary: maintain },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidate-all' as const), cpu }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('new-owner' as const), span }) },
  ];
  if (spec.explicitBarriers)
    kinds.push({ weight: 4, arbitrary: fc.record({ do: fc.constant('barrier' as const), cpu }) });
  if (spec.outerCache)
    kinds.push({
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('outer' as const),
        operation: fc.constantFrom<OuterOperation>('clean', 'invalidate', 'cleanInvalidate'),
        span,
      }),
    });
  return fc.oneof(...kinds);
}

/** How things begin: what is said of memory, and whether there are cacheable aliases. */
export function beginnings({ spec, size }: Bench): fc.Arbitrary<Deed[]> {
  const granule = spec.lineSizes[1] ?? spec.lineSizes[0];
  const lines = fc
    .tuple(fc.nat(size / granule - 1), fc.integer({ min: 1, max: size / granule }))
    .map(([from, count]): Span => [from * granule, Math.min(size, (from + count) * granule)]);
  const initial = fc.constantFrom<Initial>('written', 'anything', 'clean', 'anothers');
  // Where cores differ, what others did to the rest of a granule is known roughly only: whole ones there.
  const span = spec.lineSizes.length === 2 ? lines : spans(size);
  return fc
    .tuple(
      fc.array(fc.record({ do: fc.constant('fills' as const), possible: fc.constant(false), span: lines }), {
        maxLength: 1,
      }),
      fc.array(fc.record({ do: fc.constant('initialise' as const), initial, span }), { maxLength: 3 }),
    )
    .map(([fills, initials]) => [...fills, ...initials]);
}

/** A beginning and what is done then. */
export const stories = (one: Bench, length: number): fc.Arbitrary<Deed[]> =>
  fc
    .tuple(beginnings(one), fc.array(deeds(one), { minLength: 1, maxLength: length }))
    .map(([first, then]) => [...first, ...then]);
