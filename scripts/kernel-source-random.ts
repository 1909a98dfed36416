/**
 * Millions of random calls on a kernel’s own source and on the design of its release, side by side, on kernels that answer
 * alike: everything that both do is compared, in order. Opt in: kernels do not ship.
 *
 *     npm exec -- node scripts/kernel-source-random.ts TREE [MILLIONS] [SEED]
 */
import { buildSource, openTree } from '../src/cli/kernel-source/build.ts';
import { randomLoads } from '../src/cli/kernel-source/random-loads.ts';
import { findDesign } from '../src/designs/index.ts';
import { sourceDesigns } from '../src/kernel-source/index.ts';

const LOADS = 50;
/** Calls that a mapping makes, usually. */
const CALLS = 4;

function main([folder, millions = '4', seed = '1']: readonly string[]): number {
  if (folder === undefined) {
    console.error('usage: kernel-source-random.ts TREE [MILLIONS] [SEED]');
    return 2;
  }
  const { release } = openTree(folder);
  const kmalloc = release[0] > 6 || (release[0] === 6 && release[1] >= 5);
  const { source } = buildSource(openTree(folder), new Set(['arm64', 'arm-lpae', 'arm']));
  let different = 0;
  for (const design of sourceDesigns(source)) {
    const own = findDesign(design.expectedAs ?? '');
    if (own === undefined) throw new Error(`${design.name}: no design of its release`);
    const begin = performance.now();
    const worlds = Math.ceil((Number(millions) * 1e6) / LOADS / CALLS);
    const { calls, differences } = randomLoads(own, design, {
      seed: Number(seed),
      worlds,
      loads: LOADS,
      kmalloc,
    });
    const seconds = (performance.now() - begin) / 1000;
    for (const difference of differences) console.log(difference);
    console.log(
      `${design.name} and ${own.name}: ${calls} calls each, ${differences.length === 0 ? 'no difference' : 'DIFFERENT'}, ${seconds.toFixed(1)} s`,
    );
    different += differences.length;
  }
  return different === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
