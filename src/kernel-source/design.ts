/** A kernel's source as designs: one on Xen (swiotlb-xen), one on bare metal (dma-direct), both of one name. */
import type { DmaAddr } from '../address/index.ts';
import { designOfRelease, dmaDirect } from '../designs/index.ts';
import type { Design, DmaOps, Kernel, Release } from '../linux/index.ts';
import { KernelSourceError } from './exports.ts';
import { type EntryPoints, type SourceInstance, SourceModule } from './module.ts';
import { attributeBits } from './services.ts';
import type { Configuration } from './tree.ts';

/** What a build makes of a tree. */
export interface KernelSource {
  readonly release: Release;
  /** A module for each configuration that was built. */
  readonly modules: ReadonlyMap<Configuration['name'], Uint8Array<ArrayBuffer>>;
  /** The files call arch_sync_dma_flush() themselves. */
  readonly completesMaintenance: boolean;
}

/** Name of the designs: as --design takes it. */
export function sourceName([major, minor]: Release): string {
  return `source-${major}.${minor}`;
}

/** The tree's code as designs. On Xen its expectations are those of its release's design, elsewhere those of dma-direct. */
export function sourceDesigns(source: KernelSource): Design[] {
  const { release, completesMaintenance } = source;
  const modules = new Map([...source.modules].map(([name, bytes]) => [name, new SourceModule(bytes)]));
  let last: { readonly kernel: Kernel; readonly instance: SourceInstance } | undefined;
  const instanceOn = (kernel: Kernel): SourceInstance => {
    // Nothing of a kernel that decides it ever changes, and calls come in long runs.
    if (last?.kernel !== kernel) last = { kernel, instance: find(kernel) };
    return last.instance;
  };
  const find = (kernel: Kernel): SourceInstance => {
    const name = configurationOf(kernel);
    const module = modules.get(name);
    if (module === undefined)
      throw new KernelSourceError(`the kernel\u2019s source was not built for ${name}`);
    return module.on(kernel);
  };
  const common = { name: sourceName(release), completesMaintenance };
  const onXen = designOfRelease(release, true);
  return [
    {
      ...common,
      summary: 'the kernel\u2019s own source: arch/arm/xen/mm.c and drivers/xen/swiotlb-xen.c',
      on: 'xen',
      ...(onXen ? { expectedAs: onXen.name } : {}),
      ...opsOf(instanceOn, ({ xen }) => xen),
    },
    {
      ...common,
      summary: 'the kernel\u2019s own source: kernel/dma/direct.c and direct.h',
      on: 'bare-metal',
      expectedAs: dmaDirect.name,
      ...opsOf(instanceOn, ({ direct }) => direct),
    },
  ];
}

/** Which configuration a kernel runs. */
export function configurationOf({
  architecture,
  physBits,
}: Pick<Kernel, 'architecture' | 'physBits'>): Configuration['name'] {
  if (architecture === 'arm') return physBits === 64 ? 'arm-lpae' : 'arm';
  if (architecture === 'arm64') return 'arm64';
  throw new KernelSourceError(`a kernel\u2019s source runs on arm and arm64, found ${architecture}`);
}

function opsOf(
  instanceOn: (kernel: Kernel) => SourceInstance,
  entriesOf: (instance: SourceInstance) => EntryPoints,
): DmaOps {
  return {
    map: (kernel, device, phys, size, direction, attributes) => {
      const instance = instanceOn(kernel);
      const { map } = entriesOf(instance);
      const bits = attributeBits(attributes);
      return instance.call(map, kernel, device, phys, size, direction, bits) as DmaAddr;
    },
    unmap: (kernel, device, dma, size, direction, attributes) => {
      const instance = instanceOn(kernel);
      const { unmap } = entriesOf(instance);
      instance.call(unmap, kernel, device, dma, size, direction, attributeBits(attributes));
    },
    syncForCpu: (kernel, device, dma, size, direction) => {
      const instance = instanceOn(kernel);
      instance.call(entriesOf(instance).syncForCpu, kernel, device, dma, size, direction, 0);
    },
    syncForDevice: (kernel, device, dma, size, direction) => {
      const instance = instanceOn(kernel);
      instance.call(entriesOf(instance).syncForDevice, kernel, device, dma, size, direction, 0);
    },
  };
}
