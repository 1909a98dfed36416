/** Maintenance of the inner caches by virtual address, as this kernel's CPUs execute it. */
import { type MaintenanceCalls, maintenanceCalls } from '../../machine/index.ts';
import type { Alias } from '../kernel.ts';
import type { CpuMemory } from './cpu-memory.ts';
import type { NativeOperation } from './native-maintenance.ts';
import { batchesBarriers } from './platform.ts';
import type { World } from './world.ts';

export class NativeCaches {
  readonly #world: World;
  readonly #memory: CpuMemory;
  readonly #calls: MaintenanceCalls;
  readonly #endsWithBarrier: boolean;

  constructor(world: World, memory: CpuMemory) {
    this.#world = world;
    this.#memory = memory;
    this.#calls = maintenanceCalls(world.platform.regime);
    this.#endsWithBarrier = !batchesBarriers(world.platform);
  }

  /**
   * Maintain `size` bytes of an alias, inside the caller's atomic action.
   * @param useless what the bytes hold is of no use to anybody (a buffer about to be received into).
   */
  maintain(
    cpu: number,
    operation: Exclude<NativeOperation, 'nothing'>,
    alias: Alias,
    size: number,
    useless: boolean,
  ): void {
    const { machine, platform } = this.#world;
    const stride = platform.believedLineSizes?.[cpu];
    // DC IVAC needs write permission, the others do not.
    const access = operation === 'invalidate' ? 'write' : 'read';
    for (const { from, to } of this.#memory.pieces(alias, size, access, operation))
      machine.maintain(cpu, this.#calls[operation], from, to, {
        ...(stride === undefined ? {} : { stride }),
        ...(useless ? { spare: [from, to] } : {}),
      });
    if (this.#endsWithBarrier) machine.barrier(cpu);
  }
}
