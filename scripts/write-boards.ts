/**
 * Writes docs/boards.md: the audit of a folder of device trees in numbers.
 *
 *   scripts/fetch-boards.sh FOLDER && node scripts/write-boards.ts FOLDER
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditBoard, type BoardDigest, digest, RULES, summarise } from '../src/audit/index.ts';
import { readFdt } from '../src/devicetree/index.ts';
import { risksOf, ruleRows, share } from '../src/report/audit/index.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/write-boards.ts FOLDER');
  process.exit(2);
}

const boards: BoardDigest[] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.dtb'))
  .sort()
  .map((name) => digest(name, auditBoard(readFdt(readFileSync(join(folder, name))))));
const able = boards.filter(({ runsXen }) => runsXen !== false);
const devices = boards.reduce((sum, board) => sum + board.devices, 0);
const coherent = boards.reduce((sum, board) => sum + board.coherent, 0);

const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const text = `# The boards of Debian 12

Written by \`scripts/write-boards.ts\` from the device trees of Debian 12's arm64 and armhf kernels (\`scripts/fetch-boards.sh\`), audited as
[audit.md](audit.md) says: a direct mapped dom0, SMMUs in use where Xen has a driver for them, nothing known of dom0's memory.

${boards.length} boards, ${devices} devices with DMA, ${coherent} of them (${share(coherent, devices)}) coherent. ${able.length} boards can run Xen (their CPUs have virtualization
extensions); ${able.filter(({ risks }) => risks.length > 0).length} of these are at risk: a device that PV disks or networks can be on is unsafe, or cannot address memory.

## By family of SoCs

"At risk" counts among the boards that can run Xen.

| family | boards | run Xen | devices | coherent | at risk |
|---|--:|--:|--:|--:|--:|
${summarise(boards)
  .map((family) =>
    row(
      family.family || 'none given',
      family.boards,
      family.runXen,
      family.devices,
      share(family.coherent, family.devices),
      family.atRisk,
    ),
  )
  .join('\n')}

## By rule

| rule | worst severity | boards | what it is |
|---|---|--:|---|
${ruleRows(boards)
  .map(({ rule, severity, count }) => row(`\`${rule}\``, severity, count, RULES[rule]))
  .join('\n')}

## Boards at risk

| board | why |
|---|---|
${able
  .filter(({ risks }) => risks.length > 0)
  .map((board) => row(`\`${board.file}\``, risksOf(board).join('; ')))
  .join('\n')}
`;
writeFileSync(new URL('../docs/boards.md', import.meta.url), text);
console.log(`docs/boards.md: ${boards.length} boards`);
