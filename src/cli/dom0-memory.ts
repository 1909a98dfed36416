/** --dom0-mem: how much memory dom0 has, or which. */
import { type ByteRange, joinRanges, type MachineAddr, machineAddr } from '../address/index.ts';
import type { Dom0Memory } from '../audit/index.ts';
import { UsageError } from './io.ts';

const EXPECTED = 'a size such as 1G, or banks such as 512M@0x40000000,1G@0x880000000 (4 KiB pages)';
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const PAGE = 2 ** 12;

/** Sizes as Xen's dom0_mem takes them, with a unit; banks as SIZE@ADDRESS. @throws UsageError. */
export function parseDom0Memory(text: string): Dom0Memory {
  const refuse = (found: string) =>
    new UsageError(`--dom0-mem: found ${JSON.stringify(found)}, expected ${EXPECTED}`);
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1 && !text.includes('@')) return { size: bytes(text, true) ?? raise(refuse(text)) };
  const banks = parts.map((part): ByteRange<MachineAddr> => {
    const [size = '', at = '', ...rest] = part.split('@');
    const length = bytes(size, true);
    const from = bytes(at, false);
    if (rest.length > 0 || length === undefined || from === undefined || from + length > 2 ** 52)
      throw refuse(part);
    return [machineAddr(from), machineAddr(from + length)];
  });
  const total = banks.reduce((sum, [from, to]) => sum + (to - from), 0);
  const joined = joinRanges(banks);
  if (joined.reduce((sum, [from, to]) => sum + (to - from), 0) !== total)
    throw new UsageError(
      `--dom0-mem: found banks that overlap in ${JSON.stringify(text)}, expected ${EXPECTED}`,
    );
  return { banks: joined };
}

function bytes(text: string, positive: boolean): number | undefined {
  const match = /^(0x[0-9a-f]+|\d+)([KMGT]?)(i?B)?$/i.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? 1);
  return value % PAGE === 0 && value <= 2 ** 52 && (value > 0 || !positive) ? value : undefined;
}

function raise(error: Error): never {
  throw error;
}
