/** Random agents that are right, for tests: every action, every reference that may be made. */
import type { Choices } from './choices.ts';
import type { Action, AgentSpec, BufferSpec, Case, DomainSpec, Step } from './types.ts';

/** What agents act on. */
export type Setting = Pick<Case, 'platform' | 'domains' | 'devices' | 'buffers'>;

/** Agents whose steps all refer to what is there by then. */
export function randomAgents(choose: Choices, setting: Setting): AgentSpec[] {
  const { platform, domains, devices } = setting;
  const heads = Array.from({ length: choose.number(1, 4) }, (_, index) => {
    const device = choose.number(0, 4) === 3 ? choose.of(devices).name : undefined;
    return {
      name: index === 0 && choose.flag() ? 'driver' : `agent${index}`,
      domain: device === undefined ? choose.of(domains).name : undefined,
      device,
      cpu: choose.number(0, platform.cpus),
    };
  });
  const made: Made = {
    setting,
    buffers: setting.buffers.map(({ name, domain, size }) => ({ name, domain, size, how: 'declared' })),
    mappings: [],
    grants: [],
    signals: [],
  };
  return heads.map((head) => ({
    ...head,
    steps: choose.list(12, (index) => randomStep(choose, head, made, index)),
  }));
}

type Head = Omit<AgentSpec, 'steps'>;
type Buffer = Pick<BufferSpec, 'name' | 'domain' | 'size'> & { readonly how: Action['do'] | 'declared' };
type Mapping = Action & { readonly do: 'map' | 'map-sg' | 'alloc-coherent' };
type Grant = Action & { readonly do: 'grant' };

/** What there is so far, made by the agent itself or by those before it. */
interface Made {
  readonly setting: Setting;
  readonly buffers: Buffer[];
  readonly mappings: Mapping[];
  readonly grants: Grant[];
  readonly signals: string[];
}
/** Makes an action, of which there must be what it refers to. */
type Maker = () => Action;

const DIRECTIONS = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE'] as const;

function randomStep(choose: Choices, head: Head, made: Made, line: number): Step {
  const { domains, platform } = made.setting;
  const domain = domains.find(({ name }) => name === head.domain);
  const makers = [
    ...ofAnybody(choose, head, made),
    ...(domain ? ofDomains(choose, domain, made) : []),
    ...(domain?.hardware ? ofDrivers(choose, domain, made) : []),
    ...(domain && platform.xen ? ofXen(choose, domain, made) : []),
  ];
  // Those that need more of what there is come last, and are chosen more often.
  const index = Math.max(choose.number(0, makers.length), choose.number(0, makers.length));
  const make = makers[index] ?? (() => ({ do: 'barrier' }) as const);
  return { ...make(), line };
}

/** The makers where there is something to choose from. */
function given<T>(all: readonly T[], ...makers: readonly Maker[]): readonly Maker[] {
  return all.length > 0 ? makers : [];
}

function ofAnybody(
  choose: Choices,
  { device }: Head,
  { setting, buffers, mappings, signals }: Made,
): Maker[] {
  const byDevice = () => device ?? choose.of(setting.devices).name;
  const access = () => choose.of(['device-read', 'device-write'] as const);
  const reachable = mappings.filter((mapping) => device === undefined || mapping.device === device);
  return [
    () => {
      const name = `signal${signals.length % 2}`;
      signals.push(name);
      return { do: 'signal', name };
    },
    ...given(signals, () => ({ do: 'wait', name: choose.of(signals) })),
    ...given(buffers, () => {
      const { name, size } = choose.of(buffers);
      return {
        do: access(),
        device: byDevice(),
        mapping: undefined,
        buffer: name,
        bytes: choose.bytes(size),
        posted: choose.flag(),
      };
    }),
    ...given(reachable, () => {
      const mapping = choose.of(reachable);
      return {
        do: access(),
        device: mapping.device,
        mapping: mapping.as,
        buffer: undefined,
        bytes: choose.bytes(1),
        posted: choose.flag(),
      };
    }),
  ];
}

/** What the kernel of any domain may do in its own memory. */
function ofDomains(choose: Choices, domain: DomainSpec, { buffers }: Made): readonly Maker[] {
  const own = buffers.filter((buffer) => buffer.domain === domain.name);
  return [
    () => ({ do: choose.of(['barrier', 'invalidate-all'] as const) }),
    ...given(
      own,
      () => {
        const { name, size } = choose.of(own);
        const action = choose.of(['read', 'write'] as const);
        const mayFail = choose.flag() ? ({ mayFail: true } as const) : {};
        return { do: action, buffer: name, bytes: choose.bytes(size), uncached: choose.flag(), ...mayFail };
      },
      () => {
        const { name, size } = choose.of(own);
        return {
          do: 'maintain',
          buffer: name,
          bytes: choose.bytes(size),
          operation: choose.of(['clean', 'invalidate', 'clean-invalidate'] as const),
          at: choose.of([undefined, 'EL1', 'EL1-stage2', 'EL2'] as const),
          outer: choose.of([undefined, 'pseudo-physical', 'machine'] as const),
        };
      },
      () => ({ do: 'copy', ...copied(choose, choose.of(own), choose.of(own)) }),
    ),
  ];
}

function ofDrivers(choose: Choices, domain: DomainSpec, made: Made): readonly Maker[] {
  const { setting, buffers, mappings } = made;
  const own = buffers.filter((buffer) => buffer.domain === domain.name);
  const coherent = own.filter(({ how }) => how === 'alloc-coherent');
  const attributes = () => choose.list(3, () => choose.of(['skip-cpu-sync', 'mmio'] as const));
  const device = () => choose.of(setting.devices).name;
  const keep = (mapping: Mapping) => {
    mappings.push(mapping);
    return mapping;
  };
  const simple = mappings.filter((mapping) => mapping.do === 'map');
  const lists = mappings.filter((mapping) => mapping.do === 'map-sg');
  const unmap = (action: 'unmap' | 'unmap-sg', all: readonly Mapping[]): Action => ({
    do: action,
    mapping: choose.of(all).as,
    size: choose.maybe(() => choose.number(1, 9000)),
    direction: choose.maybe(() => choose.of(DIRECTIONS)),
    entries: choose.maybe(() => choose.number(0, 4)),
    attributes: attributes(),
  });
  return [
    ...given(
      own,
      () => {
        const { name, size, how } = choose.of(own);
        return keep({
          do: 'map',
          buffer: name,
          bytes: choose.bytes(size),
          device: device(),
          direction: choose.of(DIRECTIONS),
          as: how !== 'alloc-coherent' && choose.flag() ? name : `mapping${mappings.length}`,
          attributes: attributes(),
        });
      },
      () =>
        keep({
          do: 'map-sg',
          buffers: [choose.of(own).name, ...choose.list(3, () => choose.of(own).name)],
          device: device(),
          direction: choose.of(DIRECTIONS),
          as: `list${mappings.length}`,
          attributes: attributes(),
        }),
    ),
    ...given(simple, () => unmap('unmap', simple)),
    ...given(lists, () => unmap('unmap-sg', lists)),
    ...given([...simple, ...lists], () => ({
      do: choose.of(['sync-for-cpu', 'sync-for-device'] as const),
      mapping: choose.of([...simple, ...lists]).as,
      bytes: choose.bytes(1),
      direction: choose.maybe(() => choose.of(DIRECTIONS)),
    })),
    () =>
      keep({ do: 'alloc-coherent', device: device(), ...newBuffer(choose, domain, 'alloc-coherent', made) }),
    ...given(coherent, () => ({ do: 'free-coherent', buffer: choose.of(coherent).name })),
  ];
}

function ofXen(choose: Choices, domain: DomainSpec, made: Made): readonly Maker[] {
  const { setting, buffers, grants } = made;
  const own = buffers.filter((buffer) => buffer.domain === domain.name);
  const owned = own.filter(({ how }) => how === 'declared' || how === 'allocate');
  const mapped = own.filter(({ how }) => how === 'map-grant');
  const toUs = grants.filter(({ to }) => to === domain.name);
  const granted = ({ buffer }: Grant) => ({
    name: buffer,
    size: buffers.find(({ name }) => name === buffer)?.size ?? 1,
  });
  return [
    ...given(
      owned,
      () => {
        const grant: Grant = {
          do: 'grant',
          buffer: choose.of(owned).name,
          to: choose.of(setting.domains).name,
          readonly: choose.flag(),
          as: `grant${grants.length}`,
        };
        grants.push(grant);
        return grant;
      },
      () => ({
        do: choose.of(['balloon-out', 'balloon-in', 'free'] as const),
        buffer: choose.of(owned).name,
      }),
    ),
    ...given(grants, () => ({ do: 'end-access', grant: choose.of(grants).as })),
    ...given(toUs, () => {
      const grant = choose.of(toUs);
      const { as } = newBuffer(choose, domain, 'map-grant', made, granted(grant).size);
      return { do: 'map-grant', grant: grant.as, as, readonly: choose.flag() };
    }),
    ...given(mapped, () => ({ do: 'unmap-grant', buffer: choose.of(mapped).name })),
    ...given(own, () => {
      const { name, size } = choose.of(own);
      const operation = choose.of(['clean', 'invalidate'] as const);
      return { do: 'cache-flush', buffer: name, bytes: choose.bytes(size), operation };
    }),
    ...given(own, () => {
      const ends = [...own, ...toUs.map(granted)];
      return { do: 'grant-copy', ...copied(choose, choose.of(ends), choose.of(ends)) };
    }),
    () => ({
      do: 'allocate',
      ...newBuffer(choose, domain, 'allocate', made),
      offset: choose.number(0, 4096),
    }),
  ];
}

type Sized = Pick<Buffer, 'name' | 'size'>;

function copied(choose: Choices, from: Sized, to: Sized) {
  const fromOffset = choose.number(0, from.size);
  const toOffset = choose.number(0, to.size);
  const most = Math.min(from.size - fromOffset, to.size - toOffset);
  const size = choose.maybe(() => choose.number(1, most + 1));
  return { from: from.name, to: to.name, size, fromOffset, toOffset };
}

function newBuffer(
  choose: Choices,
  { name: domain }: DomainSpec,
  how: Buffer['how'],
  { buffers }: Made,
  size = choose.number(1, 9000),
) {
  const as = `made${buffers.length}`;
  buffers.push({ name: as, domain, size, how });
  return { as, size };
}
