/** The machine that a platform describes. */
import type { MachineSpec } from '../../machine/index.ts';
import type { PlatformSpec } from '../../scenario/index.ts';

export function machineSpec(platform: PlatformSpec): MachineSpec {
  return {
    lineSizes: platform.lineSizes,
    outerCache: platform.outerCache,
    localMaintenance: platform.quirks.includes('maintenance-on-local-cpu-only'),
    explicitBarriers: platform.explicitBarriers,
    cpus: platform.cpus,
  };
}
