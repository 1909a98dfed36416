/** Cases with smaller numbers, and with the platform, devices and buffers that a file has that says nothing. */
import {
  type AgentSpec,
  type BufferSpec,
  type Case,
  type DomainSpec,
  type PlatformSpec,
  parseScenario,
  type Step,
} from '../scenario/index.ts';
import { smallerNumbers, withoutSome } from './engine/index.ts';

export function* plainerPlatform(one: Case): Iterable<Case> {
  const { platform } = one;
  const usual = usualPlatform(one);
  for (const name of Object.keys(usual) as (keyof PlatformSpec)[])
    if (!same(platform[name], usual[name])) yield { ...one, platform: { ...platform, [name]: usual[name] } };
  for (const quirks of withoutSome(platform.quirks)) yield { ...one, platform: { ...platform, quirks } };
  const domains = usualDomains(one);
  if (domains.length === one.domains.length && !same(domains, one.domains)) yield { ...one, domains };
}

/** Devices that are as the kernel believes, and that reach everything. What hardware does of itself stays. */
export function* plainerDevices(one: Case): Iterable<Case> {
  for (const [i, device] of one.devices.entries())
    for (const change of [{ believedCoherent: device.coherent }, { maskBits: 52 }, { busOffset: 0 }])
      if (!same({ ...device, ...change }, device))
        yield { ...one, devices: one.devices.with(i, { ...device, ...change }) };
}

export function* smallerBuffers(one: Case): Iterable<Case> {
  const line = Math.max(...one.platform.lineSizes);
  for (const [i, buffer] of one.buffers.entries()) {
    const changes: Partial<BufferSpec>[] = [
      ...(buffer.at === undefined ? [] : [{ at: undefined }]),
      ...(buffer.contiguous ? [] : [{ contiguous: true }]),
      ...(buffer.compound ? [{ compound: false }] : []),
      ...[...inUnits(buffer.size, line, 1)].map((size) => ({ size })),
      ...[...inUnits(buffer.offset, line, 0)].map((offset) => ({ offset })),
    ];
    for (const change of changes) yield withBuffer(one, i, { ...buffer, ...change });
  }
}

export function* plainerSteps(one: Case): Iterable<Case> {
  for (const [a, agent] of one.agents.entries()) {
    if (agent.cpu > 0) yield withAgent(one, a, { ...agent, cpu: 0 });
    for (const [s, step] of agent.steps.entries())
      for (const change of plainer(step))
        yield withAgent(one, a, { ...agent, steps: agent.steps.with(s, { ...step, ...change } as Step) });
  }
}

/** What may be left out of a step. */
const LEFT_OUT: Readonly<Record<string, unknown>> = {
  bytes: undefined,
  size: undefined,
  entries: undefined,
  attributes: [],
  uncached: false,
  posted: false,
  readonly: false,
  fromOffset: 0,
  toOffset: 0,
};

function* plainer(step: Step): Iterable<object> {
  for (const [name, value] of Object.entries(step)) {
    if (
      name in LEFT_OUT &&
      step.do !== 'alloc-coherent' &&
      step.do !== 'allocate' &&
      !same(value, LEFT_OUT[name])
    )
      yield { [name]: LEFT_OUT[name] };
    if ((name === 'size' || name === 'offset') && typeof value === 'number')
      for (const smaller of smallerNumbers(value, name === 'size' ? 1 : 0)) yield { [name]: smaller };
  }
  if (!('bytes' in step) || step.bytes === undefined) return;
  const [from, to] = step.bytes;
  for (const end of smallerNumbers(to, from + 1)) yield { bytes: [from, end] };
  for (const begin of smallerNumbers(from)) yield { bytes: [begin, to] };
}

/** A buffer of whole lines stays one: that it shares a line would be another story. */
function* inUnits(value: number, line: number, least: number): Iterable<number> {
  const unit = value % line === 0 ? line : 1;
  for (const smaller of smallerNumbers(value / unit, unit === 1 ? least : Math.ceil(least / unit)))
    yield smaller * unit;
}

/** With a buffer that may be smaller: steps that said which bytes of it say those that are left. */
function withBuffer(one: Case, index: number, buffer: BufferSpec): Case {
  const agents = one.agents.map((agent) => ({
    ...agent,
    steps: agent.steps.map((step): Step => {
      if (!('bytes' in step) || step.bytes === undefined) return step;
      const names = [
        ...('buffer' in step ? [step.buffer] : []),
        ...('mapping' in step ? [step.mapping] : []),
      ];
      const [from, to] = step.bytes;
      if (!names.includes(buffer.name) || to <= buffer.size) return step;
      return { ...step, bytes: from < buffer.size ? [from, buffer.size] : undefined };
    }),
  }));
  return { ...one, buffers: one.buffers.with(index, buffer), agents };
}

function withAgent(one: Case, index: number, agent: AgentSpec): Case {
  return { ...one, agents: one.agents.with(index, agent) };
}

/** The platform of a file that names none but the hypervisor. */
function usualPlatform({ platform, agents }: Case): Partial<PlatformSpec> {
  const { cpus: _, ...usual } = nothingSaid(platform, [])?.platform ?? {};
  const cpus = Math.max(1, platform.believedLineSizes.length, ...agents.map(({ cpu }) => cpu + 1));
  return { ...usual, ...(cpus < platform.cpus ? { cpus } : {}) };
}

function usualDomains({ platform, domains }: Case): readonly DomainSpec[] {
  return nothingSaid(platform, domains)?.domains ?? domains;
}

function nothingSaid({ xen }: PlatformSpec, domains: readonly DomainSpec[]): Case | undefined {
  const file = {
    title: 'nothing said',
    platform: xen ? { xen: xen.join('.') } : {},
    domains: Object.fromEntries(domains.map(({ name }) => [name, {}])),
    steps: ['barrier'],
  };
  // JSON is YAML.
  const parsed = parseScenario(JSON.stringify(file), '');
  return 'errors' in parsed ? undefined : parsed.scenario.cases[0];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
