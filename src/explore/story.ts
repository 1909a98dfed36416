/** How it goes wrong: the found execution run again, following one byte, with the hardware's moves put in. */
import { ceilTo, floorTo, hex, joinRanges, type MachineAddr } from '../address/index.ts';
import {
  type Copy as CoherenceCopy,
  Operation,
  type SpontaneousName,
  type Witness,
} from '../coherence/index.ts';
import type { Design } from '../linux/index.ts';
import { AdversarialMachine, shortestExecution } from '../machine/adversarial/index.ts';
import type {
  FaultSink,
  Footprint,
  History,
  MachineSpec,
  MaintainOptions,
  MaintenanceCall,
} from '../machine/index.ts';
import type { Case, Step } from '../scenario/index.ts';
import { replay, type Schedule, type Transition } from './engine/index.ts';
import type { Copy, Rule, TimelineKind, TimelineStep, Violation } from './result.ts';
import { describeStep } from './system/describe.ts';
import type { Found } from './system/found.ts';
import { machineSpec } from './system/machine-spec.ts';
import { makeProgram } from './system/program.ts';

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

/** What happens by itself, in words. */
const BY_ITSELF: Readonly<
  Record<SpontaneousName, { readonly kind: TimelineKind; readonly words: (device: string) => string }>
> = {
  fill: { kind: 'move', words: () => 'the cache loads the line' },
  writeBack: { kind: 'move', words: () => 'the cache writes the dirty line back' },
  evict: { kind: 'move', words: () => 'the cache evicts the line' },
  'issued maintenance takes effect': { kind: 'late', words: () => 'issued maintenance takes effect' },
  'device writes': { kind: 'window', words: (device) => `${device} writes the byte` },
  'device writes a neighbour': {
    kind: 'window',
    words: (device) => `${device} writes a neighbour in the line`,
  },
  'neighbour is written': { kind: 'window', words: () => 'a neighbour in the line is written' },
};

const WRONG: Readonly<Record<Rule, string>> = {
  'stale-device-read': 'the device reads an old value',
  'stale-cpu-read': 'the CPU reads an old value',
  'lost-write': 'the current value is lost',
  disclosure: 'another owner\u2019s data is read',
  'wrong-frame': 'other memory is used',
  fault: 'it fails',
  'kernel-bug': 'the kernel\u2019s code dies',
  'kernel-warning': 'the kernel warns of itself',
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
    explanation: explanation(one, found, steps),
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
  const push = (row: Partial<TimelineStep> & Pick<TimelineStep, 'kind' | 'agent' | 'action'>) =>
    rows.push({ at: '', operations: [], copies, line: undefined, wrong: false, ...row });
  if (witness) push({ kind: 'before', agent: '', action: 'before', at: hex(found.from) });
  let told = '';
  const begun = new Set<string>();
  transitions.forEach(({ agent, call, what }, i) => {
    const number = i + 1;
    const spec = one.agents[agent];
    const step = spec?.steps[call];
    if (!spec || !step) return;
    const common = { agent: spec.name, line: step.line } as const;
    const key = `${agent} ${call}`;
    if (told !== key && !what.startsWith('look up ')) {
      const action = `${begun.has(key) ? 'go on: ' : ''}${describeStep(step)}`;
      push({ ...common, kind: isOrder(step) ? 'order' : 'step', action });
      told = key;
      begun.add(key);
    }
    const landed = maintained.filter(({ transition }) => transition === number);
    let header = rows.length - 1 + landed.length;
    for (const each of landed) {
      const at = `[${hex(each.from)}, ${hex(each.to)})`;
      if (covers(each, found, one)) header = rows.length;
      push({ ...common, kind: 'maintenance', action: `  ${each.what}`, at });
    }
    for (const happened of witness?.steps ?? []) {
      const { step: index, spontaneous, at } = happened;
      if (history?.steps[index]?.label !== number && !(index < 0 && number === 1)) continue;
      copies = copiesOf(happened.copies);
      if (spontaneous !== undefined) {
        const { kind, words } = BY_ITSELF[spontaneous];
        const action = `${words(deviceName(one))}${at && at !== 'cache' ? ` (${at})` : ''}`;
        push({ agent: 'hardware', kind, action });
        continue;
      }
      const operation = history && operationName(history, index);
      const row = rows[header];
      if (row)
        rows[header] = {
          ...row,
          copies,
          operations: operation === undefined ? row.operations : [...row.operations, operation],
        };
    }
  });
  const last = one.agents[found.agent];
  push({
    kind: 'wrong',
    agent: last?.name ?? '',
    action: wrongWords(one, found.rule),
    at: found.rule === 'fault' ? '' : hex(found.from),
    line: last?.steps[found.step]?.line,
    wrong: true,
  });
  return rows;
}

const isOrder = (step: Step): boolean => step.do === 'signal' || step.do === 'wait';

const NAMES = Object.keys(Operation) as (keyof typeof Operation)[];

/** The operation on the byte; undefined where a window opens or closes. */
function operationName(history: History, index: number): keyof typeof Operation | undefined {
  const step = history.steps[index]?.step;
  return step && 'operation' in step ? NAMES.find((name) => Operation[name] === step.operation) : undefined;
}

/** Does maintenance of these bytes reach the line of what was found. */
function covers({ from, to }: Maintained, found: Found, one: Case): boolean {
  const line = Math.max(...one.platform.lineSizes);
  return floorTo(from, line) <= found.from && found.from < ceilTo(to, line);
}

/** The device, where there is only one. */
function deviceName({ devices }: Case): string {
  return devices.length === 1 ? (devices[0]?.name ?? '') : 'the device';
}

function wrongWords(one: Case, rule: Rule): string {
  return rule === 'stale-device-read' ? `${deviceName(one)} reads an old value` : WRONG[rule];
}

function copiesOf(copies: readonly CoherenceCopy[] | undefined): Copy[] {
  return (copies ?? []).map(({ name, line, value }) => ({
    name,
    line,
    current: value === undefined ? undefined : value === 'current' || value === 'own',
  }));
}

function explanation(one: Case, found: Found, steps: readonly TimelineStep[]): string {
  const agent = one.agents[found.agent];
  const step = agent?.steps[found.step];
  const where = step ? `${agent?.name}, line ${step.line} (${describeStep(step)}): ` : '';
  const what = found.what === '' ? wrongWords(one, found.rule) : found.what;
  return [`${where}${what}.`, holders(found.rule, steps.at(-1)?.copies ?? [])].join(' ').trim();
}

/** Which copy holds what in the end. */
function holders(rule: Rule, copies: readonly Copy[]): string {
  if (copies.length === 0) return '';
  const list = (current: boolean) =>
    copies
      .filter((copy) => copy.current === current)
      .map(({ name, line }) => `${name}${line === undefined ? '' : ` (${line})`}`)
      .join(', ');
  const [good, bad] =
    rule === 'disclosure'
      ? ['its own data', 'another owner\u2019s data']
      : ['the current value', 'an old value'];
  const [right, wrong] = [list(true), list(false)];
  const first = right === '' ? `No copy holds ${good}` : `In ${right}: ${good}`;
  return `${first}${wrong === '' ? '' : `; in ${wrong}: ${bad}`}.`;
}
