/**
 * Replays a folder of recordings with a kernel's own source beside the design of its release, and compares: the source must
 * predict every recorded operation, and judge as the design does. Opt in: neither recordings nor kernels ship.
 *
 *     npm exec -- node scripts/kernel-source-traces.ts RECORDINGS TREE
 *
 * RECORDINGS holds folders with trace.txt.gz, machine.dtb and iomem.txt; TREE is a Linux tree of the recorded release.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openTree } from '../src/cli/kernel-source/build.ts';
import { sourceName } from '../src/kernel-source/index.ts';
import { type ReplayDocument, replayDocument } from '../src/report/replay/schema.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

type DesignResult = ReplayDocument['designs'][number];

/** One recording, as both judge it. */
interface Compared {
  readonly line: string;
  readonly fine: boolean;
}

function replay(folder: string, tree: string): ReplayDocument {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      MAIN,
      'replay',
      join(folder, 'trace.txt.gz'),
      '--dtb',
      join(folder, 'machine.dtb'),
      '--iomem',
      join(folder, 'iomem.txt'),
      '--kernel-source',
      tree,
      '--design',
      'all',
      '--json',
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 30 },
  );
  if (stdout === '') throw new Error(stderr);
  return replayDocument.parse(JSON.parse(stdout));
}

function compare(name: string, document: ReplayDocument, source: string): Compared {
  const { designs, trace, platform } = document;
  const found = designs.find((design) => design.name === source);
  const own = designs.find((design) => design.name === platform.ownDesign);
  if (!found || !own) throw new Error(`${name}: no ${source} or ${platform.ownDesign}`);
  const judged = (design: DesignResult) => JSON.stringify([design.verdict, design.findings, design.cost]);
  const same = judged(found) === judged(own);
  const { conformance } = found;
  const predicts = conformance
    ? `${conformance.matched} of ${conformance.operations} operations predicted`
    : 'of another release: no conformance';
  const line = `${name} (${trace.kernel}, ${platform.ownDesign}): ${predicts}; ${found.verdict}, ${found.findings.length} findings, ${same ? 'as' : 'NOT as'} ${own.name}`;
  return { line, fine: same && (conformance === null || conformance.matched === conformance.operations) };
}

function main([recordings, tree]: readonly string[]): number {
  if (recordings === undefined || tree === undefined) {
    console.error('usage: kernel-source-traces.ts RECORDINGS TREE');
    return 2;
  }
  const source = sourceName(openTree(tree).release);
  const compared = readdirSync(recordings)
    .sort()
    .filter((name) => existsSync(join(recordings, name, 'trace.txt.gz')))
    .map((name) => compare(name, replay(join(recordings, name), tree), source));
  for (const { line } of compared) console.log(line);
  const wrong = compared.filter(({ fine }) => !fine).length;
  console.log(
    `${source}: ${compared.length} recordings, ${wrong === 0 ? 'all as its release\u2019s design, every recorded operation predicted' : `${wrong} differ`}`,
  );
  return wrong === 0 && compared.length > 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
