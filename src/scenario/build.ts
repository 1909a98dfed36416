/** From a file of the right shape to a case: defaults, and what must be true of the whole. */
import { boardOf, type ReadBoard } from './board.ts';
import { buffersOf } from './buffers.ts';
import { type Actor, namesOf } from './names.ts';
import { checkBuses, devicesOf, domainsOf, hardwareDomain, platformOf } from './platform.ts';
import { References, type Surroundings } from './references.ts';
import { type Report, unknownName } from './report.ts';
import type { ScenarioFile } from './schema.ts';
import { actionOf } from './steps.ts';
import type { Path } from './tree.ts';
import type { Case, DeviceSpec, DomainSpec } from './types.ts';

/** Name of the agent whose steps stand at the top of the file. */
export const ONLY_AGENT = 'driver';

export interface BuildOptions {
  /** Of the case. */
  readonly name: string;
  readonly report: Report;
  /** Line of the file on which what stands at a path begins. */
  readonly lineOf: (path: Path) => number;
  readonly readBoard: ReadBoard;
}

/** What is wrong is reported; the case is then of no use. */
export function buildCase(file: ScenarioFile, { name, report, lineOf, readBoard }: BuildOptions): Case {
  const tree = boardOf(file, readBoard, report);
  const platform = platformOf(file, tree, report);
  const domains = domainsOf(file, platform, report);
  const devices = devicesOf(file, tree, report);
  const buffers = buffersOf(file, domains, platform, report);
  checkBuses(devices, domains, buffers, report);
  const agents = agentsOf(file, domains, devices, report);
  const around: Surroundings = {
    names: namesOf(buffers, agents),
    domains,
    devices,
    hardware: hardwareDomain(domains).name,
    xen: platform.xen !== undefined,
    report,
  };
  return {
    name,
    platform,
    domains,
    devices,
    buffers,
    agents: agents.map((agent, index) => ({
      name: agent.name,
      domain: agent.domain,
      device: agent.device,
      cpu: agent.cpu,
      steps: agent.drafts.map((draft, step) => {
        const path = [...agent.path, step];
        const key = draft.do === 'maintain' ? draft.operation : draft.do;
        const refer = new References(agent, { agent: index, step }, [...path, key], around);
        return { ...actionOf(draft, refer), line: lineOf(path) };
      }),
    })),
    ...scheduleOf(file, agents, report),
  };
}

interface Agent extends Actor {
  readonly cpu: number;
  /** Of its steps. */
  readonly path: Path;
}

function agentsOf(
  file: ScenarioFile,
  domains: readonly DomainSpec[],
  devices: readonly DeviceSpec[],
  report: Report,
): Agent[] {
  const hardware = hardwareDomain(domains).name;
  if (file.steps) {
    if (file.agents) report(['steps'], 'found steps beside agents, expected one of the two', 'key');
    return [
      { name: ONLY_AGENT, domain: hardware, device: undefined, cpu: 0, path: ['steps'], drafts: file.steps },
    ];
  }
  const agents = Object.entries(file.agents ?? {});
  if (agents.length === 0)
    report(['agents'], 'found no agents, expected agents, or steps where there is only one');
  return agents.map(([name, { domain, device, cpu = 0, steps }]) => {
    const path = ['agents', name];
    if (domain !== undefined && device !== undefined)
      report([...path, 'device'], 'found a domain and a device, expected one of the two');
    if (domain !== undefined && !domains.some((one) => one.name === domain))
      report(
        [...path, 'domain'],
        unknownName(
          'a domain',
          domain,
          domains.map((one) => one.name),
        ),
      );
    if (device !== undefined && !devices.some((one) => one.name === device))
      report(
        [...path, 'device'],
        unknownName(
          'a device',
          device,
          devices.map((one) => one.name),
        ),
      );
    return {
      name,
      domain: device === undefined ? (domain ?? hardware) : undefined,
      device,
      cpu,
      path: [...path, 'steps'],
      drafts: steps,
    };
  });
}

function scheduleOf(
  { schedule }: ScenarioFile,
  agents: readonly Agent[],
  report: Report,
): Pick<Case, 'schedule'> {
  if (schedule === undefined) return {};
  const names = agents.map(({ name }) => name);
  for (const [index, name] of schedule.entries())
    if (!names.includes(name)) report(['schedule', index], unknownName('an agent', name, names));
  return { schedule };
}
