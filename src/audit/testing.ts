/** Help for tests of audits: boards from a few nodes. */
import { type ByteRange, type MachineAddr, machineAddr } from '../address/index.ts';
import { buildFdt, type NodeSpec } from '../devicetree/build.ts';
import { readFdt } from '../devicetree/index.ts';
import { auditBoard, type BoardAudit } from './audit.ts';
import { USUAL_SETUP, type XenSetup } from './board.ts';

/** Cells of one 64-bit number. */
export const u64 = (value: number) => [Math.floor(value / 2 ** 32), value % 2 ** 32];

/** A bus of memory with 64-bit addresses and sizes. */
export const BUS: NodeSpec = { '#address-cells': [2], '#size-cells': [2], ranges: true };

/** The nodes on a 64-bit board; `memory` in ranges of bytes. */
export function board(
  nodes: NodeSpec,
  {
    cpu = 'arm,cortex-a72',
    memory = [],
    compatible = 'x,board',
    ...setup
  }: Partial<XenSetup> & {
    readonly cpu?: string;
    readonly compatible?: string | readonly string[];
    readonly memory?: readonly (readonly [from: number, to: number])[];
  } = {},
): BoardAudit {
  const reg = memory.flatMap(([from, to]) => [...u64(from), ...u64(to - from)]);
  const root: NodeSpec = {
    '#address-cells': [2],
    '#size-cells': [2],
    compatible,
    cpus: { 'cpu@0': { device_type: 'cpu', compatible: cpu } },
    ...(memory.length === 0 ? {} : { 'memory@0': { device_type: 'memory', reg } }),
    ...nodes,
  };
  return auditBoard(readFdt(buildFdt(root)), { ...USUAL_SETUP, ...setup });
}

/** A device at its place. */
export function device(more: NodeSpec = {}): NodeSpec {
  return { compatible: 'x,device', reg: [...u64(0xfe00_0000), ...u64(0x100)], ...more };
}

/** dma-ranges: [address on the bus, machine address, size]. */
export function ranges(...windows: readonly (readonly [number, number, number])[]): number[] {
  return windows.flatMap((window) => window.flatMap(u64));
}

/** A range of machine addresses. */
export function bytes(from: number, to: number): ByteRange<MachineAddr> {
  return [machineAddr(from), machineAddr(to)];
}

/** Class of the only device, or of the one at a path. */
export function classOf(audit: BoardAudit, path?: string) {
  const found = audit.devices.find(({ node }) => path === undefined || node.path === path);
  if (found === undefined) throw new Error(`no device at ${path}`);
  return found.underXen;
}

/** Rules that found something, with severity and path. */
export function found({ findings }: BoardAudit): string[] {
  return findings.map(({ rule, severity, node }) => `${severity} ${rule} ${node.path}`);
}
