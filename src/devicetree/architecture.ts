/** Which architecture's kernel the tree is for: 32-bit or 64-bit Arm. The tree does not say so outright. */
import { readStrings, readU32 } from './properties.ts';
import type { DeviceNode, DeviceTree } from './tree.ts';

/** `name` is null where the tree gives no sign. */
export interface Architecture {
  readonly name: 'arm' | 'arm64' | null;
  readonly because: string;
}

/** `compatible` of CPUs that have no 64-bit state: ARMv7 and before, and Cortex-A32. */
const CPU_32 =
  /^arm,(cortex-a([5789]|12|15|17|32)|cortex-[mr]\d+\w*|arm\d+\S*|sa110|sa1100|xscale|armv[4-7]\S*)$|^marvell,(sheeva|pj4|feroceon|mohawk|xsc3)|^qcom,(krait|scorpion)|^brcm,brahma-b15$/;
/** Those that have it: ARMv8 and later. */
const CPU_64 =
  /^arm,(armv[89]|cortex-(a(3[4-9]|[5-7]\d|\d{3})|x\d)|neoverse|rainier|foundation)|^(apm|apple|cavium|fujitsu|hisilicon|phytium),|^brcm,(brahma-b53|vulcan)$|^nvidia,(denver|carmel|tegra\d+-(denver|carmel))|^qcom,(kryo|falkor|oryon)|^samsung,mongoose/;

const known = new WeakMap<DeviceTree, Architecture>();

/** Decided by the `compatible` of the /cpus nodes, else by PSCI's function ids. Computed once a tree. */
export function architecture(tree: DeviceTree): Architecture {
  let answer = known.get(tree);
  if (answer === undefined) {
    answer = decide(tree);
    known.set(tree, answer);
  }
  return answer;
}

function decide(tree: DeviceTree): Architecture {
  for (const cpu of cpuNodes(tree))
    for (const compatible of readStrings(cpu, 'compatible')) {
      if (CPU_64.test(compatible))
        return { name: 'arm64', because: `${cpu.path} is compatible with ${compatible}` };
      if (CPU_32.test(compatible))
        return { name: 'arm', because: `${cpu.path} is compatible with ${compatible}` };
    }
  // SMC calling convention: bit 30 of a function id marks the 64-bit convention.
  const cpuOn = readU32(tree.root.child('psci') ?? tree.root, 'cpu_on');
  if (cpuOn !== undefined) {
    const name = Math.floor(cpuOn / 2 ** 30) % 2 === 1 ? 'arm64' : 'arm';
    return { name, because: `cpu_on of /psci is 0x${cpuOn.toString(16)}` };
  }
  return {
    name: null,
    because: 'no node of /cpus has the compatible of a known CPU, and /psci has no cpu_on',
  };
}

/**
 * ARMv7 CPUs with the virtualization extensions, which a hypervisor needs (Arm ARM DDI 0406C, B1.7; the CPUs'
 * technical reference manuals). All 64-bit ones of Arm have EL2.
 */
const CPU_VIRTUAL = /^arm,cortex-a(7|12|15|17)$|^brcm,brahma-b15$/;

/** Whether the CPUs can run a hypervisor, with the `compatible` that decides; value null where that is not known. */
export function virtualization(tree: DeviceTree): { readonly value: boolean | null; readonly cpu: string } {
  for (const cpu of cpuNodes(tree))
    for (const compatible of readStrings(cpu, 'compatible')) {
      if (CPU_64.test(compatible) || CPU_VIRTUAL.test(compatible)) return { value: true, cpu: compatible };
      if (CPU_32.test(compatible)) return { value: false, cpu: compatible };
    }
  return { value: null, cpu: '' };
}

/** The nodes of /cpus that are CPUs. */
export function cpuNodes(tree: DeviceTree): DeviceNode[] {
  return (tree.root.child('cpus')?.children ?? []).filter((node) => node.hasBaseName('cpu'));
}
