/** A case as a program for the explorer: each agent's steps are its calls. */
import type { Design } from '../../linux/index.ts';
import type { Case } from '../../scenario/index.ts';
import type { Program } from '../engine/index.ts';
import { perform } from './steps/perform.ts';
import type { Actor } from './steps/step.ts';
import { type MakeMachine, System } from './system.ts';

export function makeProgram(one: Case, design: Design, machine: MakeMachine): Program<System> {
  const hardware = one.domains.find((domain) => domain.hardware)?.name ?? one.domains[0]?.name ?? '';
  const actors: Actor[] = one.agents.map((spec, index) => ({
    index,
    spec,
    domain: spec.domain ?? hardware,
  }));
  return {
    make: (footprint) => {
      const world = new System(one, design, machine, footprint);
      const agents = actors.map((actor, agent) => ({
        calls: actor.spec.steps.length,
        step: (index: number, scheduler: Parameters<typeof world.as>[1]) => {
          const step = actor.spec.steps[index];
          if (!step) return;
          const { cpu, device } = actor.spec;
          world.as({ agent, step: index, cpu }, scheduler, () => {
            // A device's program runs on no core.
            if (one.platform.preemption || device !== undefined) perform(world, actor, step);
            else world.cores.undisturbed(cpu, step, () => perform(world, actor, step));
          });
        },
      }));
      return { world, agents };
    },
  };
}
