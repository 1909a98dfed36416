/** Many boards in few numbers: by family of SoCs, what share of devices is coherent, and which boards are at risk. */
import type { BoardAudit } from './audit.ts';
import type { UnderXenClass } from './classify.ts';
import { servesGuests } from './device.ts';
import type { Rule, Severity } from './finding.ts';

/** What of one board goes into a summary; holds on to nothing of its tree. */
export interface BoardDigest {
  readonly file: string;
  readonly model: string;
  /** The last of the root's `compatible`, which is the SoC; empty if it has none. */
  readonly soc: string;
  /** Vendor and name of the SoC up to its first digit: "fsl,imx". */
  readonly family: string;
  /** false: its CPUs cannot run Xen; null: not known. */
  readonly runsXen: boolean | null;
  readonly devices: number;
  readonly coherent: number;
  readonly classes: ReadonlyMap<UnderXenClass, number>;
  /** The worst severity of each rule that found something. */
  readonly rules: ReadonlyMap<Rule, Severity>;
  /** A device that PV disks or networks can be on is unsafe or cannot address memory. */
  readonly risks: readonly { readonly path: string; readonly class: UnderXenClass }[];
}

export function digest(file: string, { board, devices, findings }: BoardAudit): BoardDigest {
  const { model, compatible } = board.platform;
  const soc = compatible.at(-1) ?? '';
  const classes = new Map<UnderXenClass, number>();
  for (const { underXen } of devices) classes.set(underXen.class, (classes.get(underXen.class) ?? 0) + 1);
  const rules = new Map<Rule, Severity>();
  // Worst first, as findings come.
  for (const { rule, severity } of findings) if (!rules.has(rule)) rules.set(rule, severity);
  const runsXen = board.virtualization.value;
  return {
    file,
    model,
    soc,
    family: /^[^,]*,[a-z-]*[a-z]|/i.exec(soc)?.[0] ?? '',
    runsXen,
    devices: devices.length,
    coherent: devices.filter(({ coherent }) => coherent).length,
    classes,
    rules,
    risks: devices
      .filter(({ kind, underXen }) => servesGuests(kind) && isRisk(underXen.class))
      .map(({ node, underXen }) => ({ path: node.path, class: underXen.class })),
  };
}

function isRisk(name: UnderXenClass): boolean {
  return name === 'cannot address' || name.startsWith('unsafe');
}

/** One family. Boards at risk are counted among those that can run Xen. */
export interface FamilySummary {
  readonly family: string;
  readonly socs: readonly string[];
  readonly boards: number;
  readonly runXen: number;
  readonly devices: number;
  readonly coherent: number;
  readonly atRisk: number;
  /** Of the boards that can run Xen: how many each class stands on. */
  readonly classes: ReadonlyMap<UnderXenClass, number>;
}

/** In the order of the families' names. */
export function summarise(boards: readonly BoardDigest[]): FamilySummary[] {
  const families = Map.groupBy(boards, ({ family }) => family);
  return [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([family, members]) => {
      const able = members.filter(({ runsXen }) => runsXen !== false);
      const classes = new Map<UnderXenClass, number>();
      for (const board of able)
        for (const name of board.classes.keys()) classes.set(name, (classes.get(name) ?? 0) + 1);
      return {
        family,
        socs: [...new Set(members.map(({ soc }) => soc))].sort(),
        boards: members.length,
        runXen: able.length,
        devices: sum(members.map(({ devices }) => devices)),
        coherent: sum(members.map(({ coherent }) => coherent)),
        atRisk: able.filter(({ risks }) => risks.length > 0).length,
        classes,
      };
    });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
