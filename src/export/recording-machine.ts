/** A machine that does nothing but write down what it is told. */
import type { MachineAddr } from '../address/index.ts';
import type {
  CpuAccess,
  Initial,
  Machine,
  MachineSpec,
  MaintainOptions,
  MaintenanceCall,
  OuterOperation,
  Port,
  Window,
} from '../machine/index.ts';
import type { LineEffect, Operation } from './operations.ts';
import { CannotExport } from './refusal.ts';

export class RecordingMachine implements Machine {
  readonly spec: MachineSpec;
  readonly granule: number;
  /** Since they were last taken. */
  #operations: Operation[] = [];

  /** @throws CannotExport for hardware that the models do not have. */
  constructor(spec: MachineSpec) {
    refuseHardware(spec);
    this.spec = spec;
    this.granule = spec.lineSizes[0];
  }

  /** What was done since the last time. */
  take(): Operation[] {
    const taken = this.#operations;
    this.#operations = [];
    return taken;
  }

  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    this.#note({ do: 'begin', initial, span: [from, to] });
  }
  cpuRead({ cacheable }: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'cpu-read', cacheable, span: [from, to] });
  }
  cpuWrite({ cacheable }: CpuAccess, from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'cpu-write', cacheable, span: [from, to] });
  }
  cpuCopy({ cacheable }: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    this.#note({ do: 'copy', cacheable, span: [from, to], target });
  }
  deviceRead({ name: port, snoops }: Port, from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'device-read', port, snoops, span: [from, to] });
  }
  deviceWrite({ name: port, snoops }: Port, from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'device-write', port, snoops, span: [from, to] });
  }
  openWindow(window: string, port: Port, from: MachineAddr, to: MachineAddr, may: Window): void {
    const { name, snoops } = port;
    this.#note({ do: 'open', window, port: name, snoops, ...may, span: [from, to] });
  }
  closeWindow(window: string, from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'close', window, span: [from, to] });
  }
  maintain(
    _cpu: number,
    { whole, partial, regime }: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    { stride, spare }: MaintainOptions = {},
  ): void {
    const effect = (instruction: keyof typeof EFFECTS): LineEffect =>
      // Under stage 2 translation a guest's invalidate must not uncover what another domain left in memory.
      regime === 'EL1-stage2' && instruction === 'DC IVAC' ? 'clean+invalidate' : EFFECTS[instruction];
    const span = [from, to] as const;
    this.#note({ do: 'maintain', whole: effect(whole), partial: effect(partial), span, stride, spare });
  }
  invalidateAll(): void {
    this.#note({ do: 'invalidate-all' });
  }
  maintainOuter(_operation: OuterOperation): void {
    // There is no outer cache: other hardware is refused.
  }
  barrier(): void {
    this.#note({ do: 'barrier' });
  }
  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.#note({ do: 'new-owner', span: [from, to] });
  }
  setFills(): void {
    throw new CannotExport('memory loses its cacheable alias, and lines of the models can always be filled');
  }

  #note(operation: Operation): void {
    if ('span' in operation && operation.span[0] >= operation.span[1]) return;
    this.#operations.push(operation);
  }
}

const EFFECTS = { 'DC CVAC': 'clean', 'DC IVAC': 'invalidate', 'DC CIVAC': 'clean+invalidate' } as const;

function refuseHardware({
  lineSizes,
  outerCache,
  localMaintenance,
  explicitBarriers,
  cpus,
}: MachineSpec): void {
  const models = 'the models have one cache with one line size';
  if (lineSizes.length > 1)
    throw new CannotExport(`cores have lines of ${lineSizes.join(' and ')} bytes, ${models}`);
  if (outerCache) throw new CannotExport(`there is an outer cache, ${models}`);
  if (localMaintenance)
    throw new CannotExport(`maintenance reaches the executing core\u2019s cache only, ${models}`);
  if (explicitBarriers && cpus > 1)
    throw new CannotExport(
      `maintenance is pending until a barrier, on ${cpus} cores, and ${models} that one core maintains`,
    );
}
