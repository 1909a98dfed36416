/** A step as it stands in a scenario file. */
import { hardwareDomain } from './platform.ts';
import type { Action, AgentSpec, Case } from './types.ts';
import { differing, type Value } from './written.ts';

/** Main field of an action, which may stand alone; `name` where nothing else can. */
const MAIN: Readonly<Record<string, string>> = {
  read: 'buffer',
  write: 'buffer',
  clean: 'buffer',
  invalidate: 'buffer',
  'clean-invalidate': 'buffer',
  unmap: 'mapping',
  'unmap-sg': 'mapping',
  'sync-for-cpu': 'mapping',
  'sync-for-device': 'mapping',
  'alloc-coherent': 'as',
  'free-coherent': 'buffer',
  'device-read': 'mapping',
  'device-write': 'mapping',
  'cache-flush': 'buffer',
  grant: 'buffer',
  'end-access': 'grant',
  'unmap-grant': 'buffer',
  'balloon-out': 'buffer',
  'balloon-in': 'buffer',
  free: 'buffer',
  allocate: 'as',
  signal: 'name',
  wait: 'name',
};

/** Fields in the order in which they are written, after the main one. */
const ORDER = [
  'buffer',
  'buffers',
  'mapping',
  'grant',
  'from',
  'to',
  'device',
  'direction',
  'bytes',
  'size',
  'offset',
];

/** The action's name and what it takes; undefined where it takes nothing. */
export function stepOf(action: Action, agent: AgentSpec, one: Case): readonly [string, Value | undefined] {
  if (action.do === 'barrier' || action.do === 'invalidate-all') return [action.do, undefined];
  const { do: _, line: __, ...all } = { line: 0, ...action };
  const { operation: ___, ...without } = { operation: '', ...all };
  const key = action.do === 'maintain' ? action.operation : action.do;
  const spec = action.do === 'maintain' ? without : all;
  const fields = differing(spec, defaultsOf(action, agent, one));
  const main = MAIN[key] ?? '';
  const order = [main, ...ORDER];
  const names = Object.keys(fields).sort((a, b) => rank(a, order) - rank(b, order) || (a < b ? -1 : 1));
  if (names.length === 1 && names[0] === main) return [key, fields[main]];
  return [key, Object.fromEntries(names.map((name) => [name, fields[name] ?? '']))];
}

function rank(name: string, order: readonly string[]): number {
  const index = order.indexOf(name);
  return index < 0 ? order.length : index;
}

/** What the parser would take were it not written. */
function defaultsOf(
  action: Action,
  agent: AgentSpec,
  one: Case,
): Partial<Record<string, string | number | boolean | readonly string[]>> {
  const constant = { uncached: false, fromOffset: 0, toOffset: 0 };
  switch (action.do) {
    case 'map':
      return { ...device(agent, one), as: action.buffer, attributes: [] };
    case 'map-sg':
      return { ...device(agent, one), attributes: [] };
    case 'alloc-coherent':
      return { ...device(agent, one), size: 4096 };
    case 'device-read':
    case 'device-write':
      return { ...device(agent, one), posted: false };
    case 'unmap':
    case 'unmap-sg':
      return someStep(
        one,
        (step) =>
          'as' in step && step.as === action.mapping && 'attributes' in step && step.attributes.length > 0,
      )
        ? {}
        : { attributes: [] };
    case 'grant': {
      const hardware = hardwareDomain(one.domains).name;
      return { as: action.buffer, readonly: false, ...(agent.domain === hardware ? {} : { to: hardware }) };
    }
    case 'map-grant':
      return someStep(one, (step) => step.do === 'grant' && step.readonly) ? {} : { readonly: false };
    case 'allocate':
      return { size: 4096, offset: 0 };
    default:
      return constant;
  }
}

/** The device of a device's own program, and the only one that there is. */
function device(agent: AgentSpec, { devices }: Case): { readonly device?: string } {
  const only = devices.length === 1 ? devices[0]?.name : undefined;
  const name = agent.device ?? only;
  return name === undefined ? {} : { device: name };
}

function someStep({ agents }: Case, is: (step: Action) => boolean): boolean {
  return agents.some(({ steps }) => steps.some(is));
}
