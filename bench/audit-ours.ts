/** Audits all boards of a folder in this process and prints the seconds that it took, a line of JSON a pass: start and loading apart. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditBoard } from '../src/audit/index.ts';
import { readFdt } from '../src/devicetree/index.ts';
import { boardJson } from '../src/report/audit/index.ts';
import type { Sample } from './measure.ts';

/** One pass over all boards. */
export interface AuditPass extends Sample {
  readonly boards: number;
  /** Of JSON that was made. */
  readonly bytes: number;
}

const [folder = '', passes = '1'] = process.argv.slice(2);

for (let pass = 0; pass < Number(passes); pass++) {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.dtb'),
  );
  let bytes = 0;
  for (const name of names) {
    const file = join(folder, name);
    bytes += JSON.stringify(boardJson(file, auditBoard(readFdt(readFileSync(file))))).length;
  }
  const wall = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const result: AuditPass = { boards: names.length, bytes, wall, cpu: (user + system) / 1e6 };
  console.log(JSON.stringify(result));
}
