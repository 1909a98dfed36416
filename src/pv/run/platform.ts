/** The host that loads run on where nothing else is asked for: as in the recordings, dom0 at 3 GiB, a guest above 4 GiB. */
import { type Mfn, machineAddr, mfn, physAddr } from '../../address/index.ts';
import { AdversarialMachine } from '../../machine/adversarial/index.ts';
import { ConcreteMachine, Random } from '../../machine/concrete/index.ts';
import type { MachineSpec } from '../../machine/index.ts';
import { withoutBytes } from '../host/byte-machine.ts';
import { Host, type HostSpec } from '../host/host.ts';
import type { RunSpec } from './spec.ts';

const GIB = 2 ** 30;
/** Where guests' frames begin: those for their drivers first, their data from DATA on; the next guest STRIDE further. */
const GUESTS = 0x120000;
const DATA = 0x800;
const STRIDE = 0x8000;

/** What the memory map of a run is, for those who read its trace. */
export const MEMORY = {
  ram: [machineAddr(GIB), machineAddr(5 * GIB)],
  dom0: [physAddr(3 * GIB), physAddr(4 * GIB)],
  scratch: [physAddr(0x48000000), physAddr(0x50000000)],
} as const;

/** @param guests by name, how many pages of data, and how many of them follow each other in the machine. */
export function makeHost(
  run: RunSpec,
  guests: readonly { readonly name: string; readonly pages: number; readonly contiguous: number }[],
  more: Partial<HostSpec> = {},
): Host {
  const { design, linux, trace, seed } = run;
  const random = new Random(seed);
  return new Host({
    design,
    linux,
    machine: (sink) => makeMachine(run, sink),
    ...MEMORY,
    guests: guests.map(({ name, pages, contiguous }, i) => ({
      name,
      frames: framesFrom(mfn(GUESTS + i * STRIDE + DATA), pages, contiguous),
      control: mfn(GUESTS + i * STRIDE),
    })),
    ...(run.machine === 'concrete' ? { pick: (options) => random.choose(options) } : {}),
    ...(trace === undefined ? {} : { trace }),
    ...more,
  });
}

function makeMachine(
  { machine, lineSize, seed, rate, cache }: RunSpec,
  sink: Parameters<HostSpec['machine']>[0],
) {
  const spec: MachineSpec = {
    lineSizes: [lineSize],
    outerCache: false,
    localMaintenance: false,
    explicitBarriers: false,
    cpus: 1,
  };
  if (machine === 'adversarial') return withoutBytes(new AdversarialMachine(spec, sink));
  return new ConcreteMachine(spec, sink, {
    seed,
    ...(rate === undefined ? {} : { rate }),
    ...(cache === undefined ? {} : { inner: cache }),
  });
}

/** Runs of frames with a hole after each. */
function framesFrom(first: Mfn, pages: number, contiguous: number): Mfn[] {
  return Array.from({ length: pages }, (_, i) => mfn(first + i + Math.floor(i / contiguous)));
}
