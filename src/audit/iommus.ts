/** What becomes of an IOMMU under Xen. */
import { type DeviceNode, readStrings } from '../devicetree/index.ts';
import type { Board } from './board.ts';
import { XEN_IOMMU_DRIVERS } from './xen-platforms.ts';

/**
 * used: Xen drives it. idle: nobody does, dom0 does not see it. left-to-dom0: Xen has no driver for it (as it is usually
 * built), and passes the node on like that of any other device.
 */
export interface IommuFate {
  readonly fate: 'used' | 'idle' | 'left-to-dom0';
  readonly because: string;
}

/** handle_node and device_get_class of Xen 4.17 (xen/arch/arm/domain_build.c): an IOMMU is one that a driver knows. */
export function fateOf(board: Board, iommu: DeviceNode): IommuFate {
  const compatible = readStrings(iommu, 'compatible');
  const { xenPlatform, setup } = board;
  const hidden = compatible.find((text) => xenPlatform?.hidden.includes(text));
  if (hidden !== undefined)
    return { fate: 'idle', because: `Xen hides ${hidden} on ${xenPlatform?.name} and does not drive it` };
  const driver = XEN_IOMMU_DRIVERS.find((one) => one.compatible.some((text) => compatible.includes(text)));
  const kind = compatible.join(', ') || iommu.name;
  if (driver === undefined) return { fate: 'left-to-dom0', because: `Xen has no driver for ${kind}` };
  if (!driver.built)
    return {
      fate: 'left-to-dom0',
      because: `Xen\u2019s driver for ${driver.name} is not part of a usual build`,
    };
  return setup.smmu
    ? { fate: 'used', because: `Xen drives it (${driver.name})` }
    : { fate: 'idle', because: `Xen runs with iommu=no, and hides ${driver.name} from dom0` };
}
