/**
 * Whether the two machines agree: what happens on the concrete one was predicted by the adversarial one, and what the adversarial
 * one claims can be shown on the concrete one.
 */
import type { MachineAddr } from '../address/index.ts';
import { AdversarialMachine } from './adversarial/adversarial.ts';
import { ConcreteMachine } from './concrete/concrete.ts';
import { scriptOf } from './concrete/script.ts';
import type { Machine, MachineFault } from './machine.ts';
import { at, type Bench, type Deed, execute } from './testing.ts';

/** A fault, and during which deed it was found. */
interface Found extends MachineFault {
  readonly during: number;
}
/** A mistake that is made on one of the two machines only. */
export type Mistake = (machine: Machine) => Machine;
/** On either machine. */
export interface Mistakes {
  readonly adversarial: Mistake;
  readonly concrete: Mistake;
}
export const NONE: Mistake = (machine) => machine;

/** Everything that an adversarial machine predicts. */
function predictions(
  one: Bench,
  deeds: readonly Deed[],
  mistake: Mistake,
): { found: Found[]; lost: string[] } {
  const found: Found[] = [];
  const lost: string[] = [];
  let during = -1;
  const machine = new AdversarialMachine(one.spec, (fault) => found.push({ ...fault, during }));
  const mistaken = mistake(machine);
  deeds.forEach((deed, i) => {
    during = i;
    const noteLost = () => {
      for (let byte = 0; byte < one.size; byte++) if (machine.mayBeLost(at(byte))) lost.push(`${i} ${byte}`);
    };
    // What could be lost before is no news to it, but may be to a concrete machine, on which it was not.
    noteLost();
    execute(mistaken, deed);
    // Maintenance that is pending destroys when it likes.
    if (one.spec.explicitBarriers) noteLost();
  });
  return { found, lost };
}

function observations(one: Bench, deeds: readonly Deed[], seed: number, mistake: Mistake): Found[] {
  const found: Found[] = [];
  let during = -1;
  const small = { sets: 2, ways: 1, policy: (['lru', 'fifo', 'random'] as const)[seed % 3] ?? 'lru' };
  const machine = new ConcreteMachine(one.spec, (fault) => found.push({ ...fault, during }), {
    seed,
    rate: seed % 2 === 0 ? 0.6 : 0.3,
    ...(seed % 4 === 0 ? { inner: small, outer: small } : {}),
  });
  const mistaken = mistake(machine);
  deeds.forEach((deed, i) => {
    during = i;
    execute(mistaken, deed);
  });
  machine.finish();
  return found;
}

/** Was the byte given a value, or might it have been, by this deed. */
function defines(deed: Deed, byte: number): boolean {
  if (deed.do === 'copy') return deed.target <= byte && byte < deed.target + deed.span[1] - deed.span[0];
  const kinds = ['write', 'device-write', 'new-owner', 'initialise'];
  if (!kinds.includes(deed.do) && !(deed.do === 'open' && deed.writes)) return false;
  return 'span' in deed && deed.span[0] <= byte && byte < deed.span[1];
}

/** What a concrete machine shows and the adversarial one did not say: the byte, the rule and when. */
export function unpredicted(
  one: Bench,
  deeds: readonly Deed[],
  seeds: readonly number[],
  mistakes: Mistakes,
): string[] {
  const { found, lost } = predictions(one, deeds, mistakes.adversarial);
  const missing: string[] = [];
  for (const seed of seeds)
    for (const shown of observations(one, deeds, seed, mistakes.concrete))
      for (let address = shown.from; address < shown.to; address++) {
        const byte = address - at(0);
        // During the deed that defines it, the value before it may still be read.
        let since = Math.max(0, shown.during - 1);
        while (since > 0 && !defines(deeds[since] as Deed, byte)) since--;
        // Through windows and by pending maintenance things go wrong later than it was said.
        const isLater =
          shown.rule === 'lost-write' ? one.spec.explicitBarriers : shown.rule !== 'stale-cpu-read';
        const said = found.filter(
          ({ rule, from, to, during }) =>
            rule === shown.rule &&
            from <= address &&
            address < to &&
            (isLater ? since <= during && during <= shown.during : during === shown.during),
        );
        const isKnownLost = shown.rule === 'lost-write' && lost.includes(`${shown.during} ${byte}`);
        if (isKnownLost || said.some(({ moves }) => moves <= shown.moves)) continue;
        const moves =
          said.length === 0 ? '' : ` with ${shown.moves} moves, said ${said.map((each) => each.moves)}`;
        missing.push(`seed ${seed}: ${shown.rule} of byte ${byte} during ${shown.during}${moves}`);
      }
  return missing;
}

/** Executions that the adversarial machine claims and the concrete one does not show, of a byte. */
export function unplayable(one: Bench, deeds: readonly Deed[], byte: number, mistakes: Mistakes): string[] {
  const follow = at(byte);
  const adversarial = new AdversarialMachine(one.spec, () => {}, { follow });
  const mistaken = mistakes.adversarial(adversarial);
  deeds.forEach((deed, i) => {
    adversarial.label = i;
    execute(mistaken, deed);
  });
  const history = adversarial.history();
  const failed: string[] = [];
  for (const fault of history?.faults ?? []) {
    const script = history && scriptOf(history, fault);
    const what = `${fault.rule} of byte ${byte} during ${fault.label}`;
    if (script === undefined) {
      failed.push(`${what}: no execution`);
      continue;
    }
    if (script.execution.hardwareMoves !== fault.moves)
      failed.push(`${what}: ${script.execution.hardwareMoves} moves`);
    try {
      const shown: MachineFault[] = [];
      const concrete = new ConcreteMachine(one.spec, (each) => shown.push(each), { script });
      const played = mistakes.concrete(concrete);
      for (const deed of deeds.slice(0, fault.label + 1)) execute(played, deed);
      concrete.finish();
      const isShown = shown.some((each) => each.rule === fault.rule && covers(each, follow));
      // What is lost by a move of the hardware after the maintenance nobody tells of.
      const isLost =
        fault.rule === 'lost-write' && !isSpare(deeds[fault.label], byte) && concrete.isLost(follow);
      if (!isShown && !isLost) failed.push(`${what}: not wrong when played`);
    } catch (error) {
      failed.push(`${what}: ${String(error)}`);
    }
  }
  return failed;
}
const isSpare = (deed: Deed | undefined, byte: number): boolean =>
  deed?.do === 'maintain' && deed.spare !== undefined && deed.spare[0] <= byte && byte < deed.spare[1];
const covers = ({ from, to }: MachineFault, byte: MachineAddr): boolean => from <= byte && byte < to;
