/** From a case back to a scenario file: counterexamples and shrunk cases are files that can be run again. */
import { Document, type Node } from 'yaml';
import { PAGE_SIZE } from '../address/index.ts';
import { ONLY_AGENT } from './build.ts';
import { devicesOf, domainsOf, hardwareDomain, platformOf } from './platform.ts';
import { hex, type Report } from './report.ts';
import { type Bounds, type Case, DEFAULT_BOUNDS, type Expectation } from './types.ts';
import { stepOf } from './write-step.ts';
import { differing, type Fields, isEmpty, same, textOf, type Value } from './written.ts';

/** What a file says besides its case. */
export interface WriteOptions {
  readonly title: string;
  readonly story?: string;
  readonly expectations?: readonly Expectation[];
  readonly bounds?: Bounds;
  /** Path of the JSON Schema, for editors, as seen from the file. */
  readonly schema?: string;
}

/**
 * YAML that parseScenario reads as this case. What has its default is left out.
 * The name of the case is not kept (there is no sweep), and steps stand on other lines.
 */
export function writeScenario(one: Case, options: WriteOptions): string {
  const { title, story = '', expectations = [], bounds = DEFAULT_BOUNDS, schema } = options;
  const document = new Document(undefined, { schema: 'failsafe' });
  const flow = (value: Value): Node => document.createNode(value, { flow: !isLong(value) });
  const lines = (all: Fields) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, flow(value)]));
  const limits = differing(bounds, DEFAULT_BOUNDS);
  const content = {
    title,
    ...section('story', story, story),
    ...section('platform', platform(one), flow(platform(one))),
    ...section('domains', domains(one), lines(domains(one))),
    ...section('devices', devices(one), lines(devices(one))),
    ...section('buffers', buffers(one), lines(buffers(one))),
    ...agents(one, flow),
    ...(one.schedule ? { schedule: flow([...one.schedule]) } : {}),
    ...section(
      'expect',
      expectations,
      expectations.map((expected) => expectation(expected, flow)),
    ),
    ...section('bounds', limits, flow(limits)),
  };
  document.contents = document.createNode(content);
  if (schema !== undefined) document.commentBefore = ` yaml-language-server: $schema=${schema}`;
  return document.toString({ lineWidth: 110 });
}

/** Fields that do not fit on a line. */
function isLong(value: Value): boolean {
  return typeof value === 'object' && !Array.isArray(value) && JSON.stringify(value).length > 120;
}

/** Nothing where there is nothing to say. */
function section(name: string, content: string | object, node: unknown): Readonly<Record<string, unknown>> {
  return isEmpty(content) ? {} : { [name]: node };
}

/** Nothing is wrong with a case that is. */
const IGNORE: Report = () => undefined;

function platform(one: Case): Fields {
  const { xen, lineSizes, swiotlb, ...rest } = one.platform;
  const { architecture, believedLineSizes } = rest;
  const given = { architecture, believedLineSizes: [...believedLineSizes], ...(xen ? { xen } : {}) };
  const agents = Object.fromEntries(one.agents.map(({ name, cpu }) => [name, { cpu, steps: [] }]));
  const usual = platformOf({ platform: given, agents }, undefined, IGNORE);
  const known = { ...usual, architecture: 'arm64', believedLineSizes: [] };
  const bounce = differing(swiotlb, usual.swiotlb);
  return {
    ...differing({ ...rest, linux: rest.linux.join('.') }, { ...known, linux: usual.linux.join('.') }),
    ...(xen ? { xen: xen.join('.') } : {}),
    ...(same(lineSizes, usual.lineSizes)
      ? {}
      : { lineSize: textOf(lineSizes.length === 1 ? lineSizes[0] : lineSizes) }),
    ...(isEmpty(bounce) ? {} : { swiotlb: bounce }),
  };
}

function domains(one: Case): Fields {
  const names = Object.fromEntries(one.domains.map(({ name }) => [name, {}]));
  const usual = domainsOf({ domains: names }, one.platform, IGNORE);
  // RAM of all or of none: where the parser puts that of a domain depends on the others.
  const isUsual = same(
    usual.map(({ ram }) => ram),
    one.domains.map(({ ram }) => ram),
  );
  const written = one.domains.map(({ name, ram, ...domain }, index): readonly [string, Fields] => [
    name,
    {
      ...differing({ directMapped: domain.directMapped, hardware: domain.hardware }, usual[index] ?? {}),
      ...(isUsual ? {} : { ram: { at: hex(ram.at), size: String(ram.size) } }),
    },
  ]);
  // The first is implied.
  return Object.fromEntries(written.filter(([, fields], index) => index > 0 || !isEmpty(fields)));
}

function devices(one: Case): Fields {
  const written = one.devices.map(({ name, ...device }) => {
    const [usual] = devicesOf({ devices: { [name]: { coherent: device.coherent } } }, undefined, IGNORE);
    return [name, differing(device, { ...usual, coherent: false })];
  });
  return Object.fromEntries(written);
}

function buffers(one: Case): Fields {
  const usual = {
    domain: hardwareDomain(one.domains).name,
    offset: 0,
    size: PAGE_SIZE,
    contiguous: true,
    compound: false,
    initially: 'written',
  };
  const written = one.buffers.map(({ name, at, ...buffer }) => [
    name,
    { ...differing(buffer, usual), ...(at === undefined ? {} : { at: hex(at) }) },
  ]);
  return Object.fromEntries(written);
}

/** `agents`, or `steps` where that says it all. */
function agents(one: Case, flow: (value: Value) => Node): Readonly<Record<string, unknown>> {
  const hardware = hardwareDomain(one.domains).name;
  const written = one.agents.map((agent) => {
    const { name, domain, device, cpu } = agent;
    const steps = agent.steps.map((step) => {
      const [action, argument] = stepOf(step, agent, one);
      return argument === undefined ? action : { [action]: flow(argument) };
    });
    return { name, steps, head: differing({ domain, device, cpu }, { domain: hardware, cpu: 0 }) };
  });
  const [first, ...others] = written;
  if (first?.name === ONLY_AGENT && others.length === 0 && isEmpty(first.head)) return { steps: first.steps };
  return { agents: Object.fromEntries(written.map(({ name, head, steps }) => [name, { ...head, steps }])) };
}

function expectation(
  { designs, verdict, rule, because }: Expectation,
  flow: (value: Value) => Node,
): Readonly<Record<string, unknown>> {
  return { designs: flow([...designs]), verdict, ...(rule === undefined ? {} : { rule }), because };
}
