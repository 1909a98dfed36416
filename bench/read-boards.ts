/** Reads all device trees of a folder, each checked from its first to its last token, and prints what they hold. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFdt } from '../src/devicetree/index.ts';

/** What was read. */
export interface ReadBoards {
  readonly boards: number;
  readonly bytes: number;
  /** Seconds without start and loading. */
  readonly wall: number;
  readonly cpu: number;
}

const [folder = ''] = process.argv.slice(2);
const before = process.cpuUsage();
const begin = performance.now();
let boards = 0;
let bytes = 0;
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.dtb')) continue;
  bytes += readFdt(readFileSync(join(folder, name))).bytes.length;
  boards++;
}
const { user, system } = process.cpuUsage(before);
const read: ReadBoards = {
  boards,
  bytes,
  wall: (performance.now() - begin) / 1000,
  cpu: (user + system) / 1e6,
};
console.log(JSON.stringify(read));
