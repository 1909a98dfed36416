/** How it goes wrong: the found execution run again, following one byte, with the hardware's moves put in. */
import { hex, joinRanges, type MachineAddr } from '../address/index.ts';
import type { Copy as CoherenceCopy, Witness } from '../coherence/index.ts';
import type { Design } from '../linux/index.ts';
import {
  AdversarialMachine,
  type FaultSink,
  type Footprint,
  type History,
  type MachineSpec,
  type MaintainOptions,
  type MaintenanceCall,
  shortestExecution,
} from '../machine/index.ts';
import type { Case } from '../scenario/index.ts';
import { replay, type Schedule, type Transition } from './engine/index.ts';
import type { Copy, Rule, TimelineStep, Violation } from './result.ts';
import { describeStep } from './system/describe.ts';
import type { Found } from './system/found.ts';
import { makeProgram } from './system/program.ts';
import { machineSpec } from './system/system.ts';

/** A maintenance operation as the machine was given it. */
interface Maintained {
  readonly transition: number;
  readonly what: string;
  readonly from: MachineAddr;
  readonly to: MachineAddr;
}

/** The machine of the exploration, writing down what maintenance lands where. */
class WatchedMachine extends AdversarialMachine {
  readonly maintained: Maintained[] = [];
  transition = 0;

  constructor(spec: MachineSpec, sink: FaultSink, footprint: Footprint, follow: MachineAddr) {
    super(spec, sink, { footprint, follow });
  }

  override maintain(
    cpu: number,
    call: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    options?: MaintainOptions,
  ): void {
    this.maintained.push({ transition: this.transition, what: INSTRUCTIONS[call.whole], from, to });
    super.maintain(cpu, call, from, to, options);
  }
}

const INSTRUCTIONS = { 'DC CVAC': 'clean', 'DC IVAC': 'invalidate', 'DC CIVAC': 'clean+invalidate' } as const;

/** The hardware's moves, in words. */
const HARDWARE: Readonly<Record<string, string>> = {
  fill: 'the cache loads the line',
  writeBack: 'the cache writes the dirty line back',
  evict: 'the cache evicts the line',
  'issued maintenance takes effect': 'maintenance takes effect',
  'device writes': 'the device writes the byte',
  'neighbour is written': 'a neighbour in the line is written',
};

const WRONG: Readonly<Record<Rule, string>> = {
  'stale-device-read': 'the device reads an old value',
  'stale-cpu-read': 'the CPU reads an old value',
  'lost-write': 'the current value is lost',
  disclosure: 'another owner\u2019s data is read',
  'wrong-frame': 'other memory is used',
  fault: 'it fails',
};

/** @param schedule the order in which it was found, up to and including where it goes wrong. */
export function tellStory(one: Case, design: Design, found: Found, schedule: Schedule): Violation {
  let machine: WatchedMachine | undefined;
  const program = makeProgram(one, design, (platform, sink, footprint) => {
    machine = new WatchedMachine(machineSpec(platform), sink, footprint, found.from);
    return machine;
  });
  const watched = {
    make: (footprint: Footprint) => {
      const instance = program.make(footprint);
      instance.world.onTransition = (transition) => {
        if (!machine) return;
        machine.label = transition;
        machine.transition = transition;
      };
      return instance;
    },
  };
  const execution = replay(watched, schedule);
  if (execution === undefined || machine === undefined)
    throw new Error('an execution that was explored cannot be run again');
  const all = execution.world.found;
  const history = machine.history();
  const witness = found.moves === null || history === undefined ? undefined : witnessOf(history, found);
  const steps = timeline(one, execution.transitions, machine.maintained, found, history, witness);
  const ranges = (wanted: (each: Found) => boolean) =>
    joinRanges(
      all.filter((each) => wanted(each) && !each.consequence).map(({ from, to }) => [from, to] as const),
    );
  return {
    rule: found.rule,
    hardwareMoves: found.moves,
    missed: ranges((each) => each.rule === found.rule && each.inside),
    touched: ranges((each) => each.rule === 'lost-write' && !each.inside),
    explanation: explanation(one, found),
    steps,
    schedule,
  };
}

function witnessOf(history: History, found: Found): Witness<unknown> | undefined {
  const fault = history.faults.find(
    ({ rule, label, consequence }) => rule === found.rule && label === found.transition && !consequence,
  );
  return fault && shortestExecution(history, fault);
}

function timeline(
  one: Case,
  transitions: readonly Transition[],
  maintained: readonly Maintained[],
  found: Found,
  history: History | undefined,
  witness: Witness<unknown> | undefined,
): TimelineStep[] {
  const rows: TimelineStep[] = [];
  let copies = copiesOf(witness?.startCopies);
  if (witness)
    rows.push({ agent: '', action: 'before', at: hex(found.from), copies, line: undefined, wrong: false });
  let told = '';
  transitions.forEach(({ agent, call, what }, i) => {
    const number = i + 1;
    const spec = one.agents[agent];
    const step = spec?.steps[call];
    if (!spec || !step) return;
    const common = { agent: spec.name, line: step.line, wrong: false } as const;
    const key = `${agent} ${call}`;
    if (told !== key && !what.startsWith('look up ')) {
      rows.push({ ...common, action: describeStep(step), at: '', copies });
      told = key;
    }
    const landed = maintained.filter(({ transition }) => transition === number);
    for (const each of landed)
      rows.push({ ...common, action: `  ${each.what}`, at: `[${hex(each.from)}, ${hex(each.to)})`, copies });
    const header = rows.length - 1;
    for (const happened of witness?.steps ?? []) {
      if (history?.steps[happened.step]?.label !== number && !(happened.step < 0 && number === 1)) continue;
      const before = copies;
      copies = copiesOf(happened.copies);
      if (happened.spontaneous !== undefined) {
        const action = HARDWARE[happened.spontaneous] ?? happened.spontaneous;
        const where = happened.at && happened.at !== 'cache' ? ` (${happened.at})` : '';
        rows.push({
          agent: 'hardware',
          action: `${action}${where}`,
          at: '',
          copies,
          line: undefined,
          wrong: false,
        });
      } else if (!sameCopies(before, copies)) {
        const row = rows[header];
        if (row) rows[header] = { ...row, copies };
      }
    }
  });
  const last = one.agents[found.agent];
  rows.push({
    agent: last?.name ?? '',
    action: WRONG[found.rule],
    at: found.rule === 'fault' ? '' : hex(found.from),
    copies,
    line: last?.steps[found.step]?.line,
    wrong: true,
  });
  return rows;
}

function copiesOf(copies: readonly CoherenceCopy[] | undefined): Copy[] {
  return (copies ?? []).map(({ name, line, value }) => ({
    name,
    line,
    current: value === undefined ? undefined : value === 'current' || value === 'own',
  }));
}

function sameCopies(a: readonly Copy[], b: readonly Copy[]): boolean {
  return a.every(({ line, current }, i) => line === b[i]?.line && current === b[i]?.current);
}

function explanation(one: Case, found: Found): string {
  const agent = one.agents[found.agent];
  const step = agent?.steps[found.step];
  const where = step ? `${agent?.name}, line ${step.line} (${describeStep(step)})` : '';
  const [verb] = [WRONG[found.rule]];
  return `${where}: ${found.what === '' ? verb : found.what}.`;
}
