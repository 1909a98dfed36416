/** The report of `audit` on many boards: by family of SoCs, and the boards at risk. */
import { type BoardDigest, RULES, type Rule, summarise } from '../../audit/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../words.ts';
import { columns } from './columns.ts';

export function auditSummary(boards: readonly BoardDigest[], style: Style): string {
  const families = summarise(boards);
  const total = {
    devices: boards.reduce((sum, { devices }) => sum + devices, 0),
    coherent: boards.reduce((sum, { coherent }) => sum + coherent, 0),
  };
  const able = boards.filter(({ runsXen }) => runsXen !== false);
  const risky = able.filter(({ risks }) => risks.length > 0);
  const table = columns(
    ['family', 'boards', 'run Xen', 'devices', 'coherent', 'at risk'],
    families.map((row) => [
      row.family || 'no compatible',
      String(row.boards),
      String(row.runXen),
      String(row.devices),
      share(row.coherent, row.devices),
      String(row.atRisk),
    ]),
  );
  const rules = columns(
    ['rule', 'severity', 'boards', 'what it is'],
    ruleRows(boards).map(({ rule, severity, count }) => [rule, severity, String(count), RULES[rule]]),
  );
  const lines = [
    style.bold(
      `${plural(boards.length, 'board')}, ${plural(total.devices, 'device')} with DMA, ${share(total.coherent, total.devices)} coherent`,
    ),
    `${plural(able.length, 'board')} can run Xen; ${risky.length} of them at risk (PV disks or networks there fail or corrupt data)`,
    '',
    style.dim(table[0] ?? ''),
    ...table.slice(1),
    ...(rules.length > 1 ? ['', style.dim(rules[0] ?? ''), ...rules.slice(1)] : []),
    ...(risky.length > 0 ? ['', style.bold('Boards at risk'), ...risky.map(riskLine)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Rules that found something, by how many boards, with the worst severity. */
export function ruleRows(boards: readonly BoardDigest[]) {
  const order = ['error', 'hazard', 'note'] as const;
  return (Object.keys(RULES) as Rule[]).flatMap((rule) => {
    const severities = boards.flatMap(({ rules }) => rules.get(rule) ?? []);
    const severity = order.find((one) => severities.includes(one));
    return severity === undefined ? [] : [{ rule, severity, count: severities.length }];
  });
}

/** Why a board is at risk: what is wrong with which devices. */
export function risksOf({ risks }: BoardDigest): string[] {
  return [...Map.groupBy(risks, ({ class: name }) => name)].map(
    ([name, devices]) => `${name}: ${devices.map(({ path }) => path).join(', ')}`,
  );
}

function riskLine(board: BoardDigest): string {
  return `  ${board.file}: ${risksOf(board).join('; ')}`;
}

/** "12 %" of the devices. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Math.round((part / whole) * 100)} %`;
}
