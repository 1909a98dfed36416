/** Cases with fewer agents and steps. Steps that refer to what is no longer made go too. */
import type { Action, AgentSpec, Case, Step } from '../scenario/index.ts';
import { withoutSome } from './engine/index.ts';

export function* fewerAgents(one: Case): Iterable<Case> {
  for (const agents of withoutSome(one.agents)) yield prune({ ...one, agents });
}

/** @param isKept of steps that go only with what they refer to. */
export function* fewerSteps(one: Case, isKept: (step: Step) => boolean): Iterable<Case> {
  const places = one.agents.flatMap(({ steps }, agent) =>
    steps.flatMap((spec, step) => ({ agent, step, kept: isKept(spec) })),
  );
  const always = places.filter(({ kept }) => kept);
  for (const left of withoutSome(places.filter(({ kept }) => !kept))) {
    const kept = new Set([...always, ...left].map(({ agent, step }) => `${agent} ${step}`));
    const agents = one.agents.map((spec, agent) => ({
      ...spec,
      steps: spec.steps.filter((_, step) => kept.has(`${agent} ${step}`)),
    }));
    yield prune({ ...one, agents });
  }
}

/**
 * Steps that keep things right: a driver or a guest without them is another one, and wrong in another way. A wait goes with its signal.
 */
export function keepsRight({ do: action }: Action): boolean {
  return KEEP_RIGHT.has(action);
}

const KEEP_RIGHT: ReadonlySet<Action['do']> = new Set([
  'unmap',
  'unmap-sg',
  'sync-for-cpu',
  'sync-for-device',
  'maintain',
  'cache-flush',
  'barrier',
  'wait',
  'unmap-grant',
]);

/** Without buffers, devices and domains that nobody names. */
export function* fewerThings(one: Case): Iterable<Case> {
  const needed = new Set(one.agents.flatMap(({ steps }) => steps.flatMap((step) => needs(step).flat())));
  const idle = one.buffers.filter(({ name }) => !needed.has(`buffer ${name}`));
  for (const left of withoutSome(idle))
    yield { ...one, buffers: one.buffers.filter((each) => left.includes(each) || !idle.includes(each)) };
  const named = new Set(one.agents.flatMap(({ device, steps }) => [device, ...steps.flatMap(deviceOf)]));
  const unused = one.devices.filter(({ name }) => !named.has(name));
  for (const left of withoutSome(unused))
    yield { ...one, devices: one.devices.filter((each) => left.includes(each) || !unused.includes(each)) };
  const homes = new Set([
    ...one.agents.flatMap(({ domain, steps }) => [domain, ...steps.flatMap(grantee)]),
    ...one.buffers.map(({ domain }) => domain),
  ]);
  const empty = one.domains.filter(({ name, hardware }) => !hardware && !homes.has(name));
  for (const left of withoutSome(empty))
    yield { ...one, domains: one.domains.filter((each) => left.includes(each) || !empty.includes(each)) };
}

const deviceOf = (step: Action) => ('device' in step ? [step.device] : []);
const grantee = (step: Action) => (step.do === 'grant' ? [step.to] : []);

/** Until every step finds what it refers to; agents that have nothing left to do go. */
function prune(one: Case): Case {
  const names = new Set([
    ...one.buffers.map(({ name }) => `buffer ${name}`),
    ...one.agents.flatMap(({ steps }) => steps.flatMap(makes)),
  ]);
  const isWhole = (step: Action) => needs(step).every((ways) => ways.some((way) => names.has(way)));
  const agents = one.agents
    .map((agent): AgentSpec => ({ ...agent, steps: agent.steps.filter(isWhole) }))
    .filter(({ steps }) => steps.length > 0);
  const count = (list: readonly AgentSpec[]) => list.reduce((sum, { steps }) => sum + steps.length, 0);
  return count(agents) === count(one.agents) ? { ...one, agents } : prune({ ...one, agents });
}

/** Names that a step gives. */
function makes(step: Action): string[] {
  switch (step.do) {
    case 'map':
    case 'map-sg':
      return [`mapping ${step.as}`];
    case 'alloc-coherent':
      return [`buffer ${step.as}`, `mapping ${step.as}`];
    case 'allocate':
    case 'map-grant':
      return [`buffer ${step.as}`];
    case 'grant':
      return [`grant ${step.as}`];
    case 'signal':
      return [`signal ${step.name}`];
    default:
      return [];
  }
}

/** Names that a step uses; of each group one must be there. */
function needs(step: Action): string[][] {
  if (step.do === 'wait') return [[`signal ${step.name}`]];
  if (step.do === 'copy' || step.do === 'grant-copy')
    return [step.from, step.to].map((name) => [`buffer ${name}`, `grant ${name}`]);
  if (step.do === 'map-sg') return step.buffers.map((name) => [`buffer ${name}`]);
  return [
    ...('buffer' in step && step.buffer !== undefined ? [[`buffer ${step.buffer}`]] : []),
    ...('mapping' in step && step.mapping !== undefined ? [[`mapping ${step.mapping}`]] : []),
    ...('grant' in step ? [[`grant ${step.grant}`]] : []),
  ];
}
