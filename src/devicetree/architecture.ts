/** Which architecture's kernel the tree is for: 32-bit or 64-bit Arm. The tree does not say so outright. */
import type { DeviceNode } from './node.ts';
import { readStrings } from './properties.ts';
import type { DeviceTree } from './tree.ts';

/** `name` is null where the tree gives no sign. */
export interface Architecture {
  readonly name: 'arm' | 'arm64' | null;
  readonly because: string;
}

/** CPUs that have only 32-bit state, by the end of their `compatible`. ARMv7 and before, and Cortex-A32. */
const CPU_32 =
  /^arm,(cortex-a(5|7|8|9|12|15|17|32)|arm\d+.*|cortex-[mr]\d+.*|sa110|sa1100|xscale|v[4-7].*|armv[4-7].*)$|^(marvell,(sheeva|pj4|feroceon|mohawk|xsc3|88)|qcom,(krait|scorpion)|brcm,brahma-b15|intel,|faraday,|actions,|dec,)/;
/** 64-bit ones: ARMv8 and later. */
const CPU_64 =
  /^arm,(armv8|armv9|cortex-(a(3[4-9]|[57][0-9]|[5-9][0-9]{2}|7[0-9]{2}|[0-9]{3})|x\d+)|neoverse|c1-|rainier|foundation|ares|zeus)|^(apm,|apple,|brcm,(brahma-b53|vulcan)|cavium,|fujitsu,|hisilicon,|nvidia,(tegra[0-9]+-)?(denver|carmel|tegra186-denver|tegra194-carmel)|phytium,|qcom,(kryo|falkor|oryon)|samsung,mongoose)/;

const known = new WeakMap<DeviceTree, Architecture>();

/** Decided by the `compatible` of the /cpus nodes, then by PSCI's 64-bit function ids. Computed once a tree. */
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
  return { name: null, because: 'no node of /cpus has a compatible of a CPU that is known here' };
}

/** The nodes of /cpus that are CPUs. */
export function cpuNodes(tree: DeviceTree): DeviceNode[] {
  return (tree.root.child('cpus')?.children ?? []).filter((node) => node.baseName === 'cpu');
}
