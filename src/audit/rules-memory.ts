/** Rules on what devices reach, and where dom0's memory is. */
import {
  type ByteRange,
  ceilTo,
  commonRanges,
  floorTo,
  hex,
  joinRanges,
  type MachineAddr,
  machineAddr,
  rangesWithout,
} from '../address/index.ts';
import { type Board, nameOf } from './board.ts';
import { type AuditedDevice, servesGuests } from './device.ts';
import type { Finding } from './finding.ts';
import { ABOVE_32_BIT, listRanges } from './reach.ts';

export function memoryRules(board: Board, devices: readonly AuditedDevice[]): Finding[] {
  return [
    ...reach(devices),
    ...oddRanges(devices),
    ...highMemory(board),
    ...sharedSections(board),
    ...lowMemory(board),
  ];
}

function reach(devices: readonly AuditedDevice[]): Finding[] {
  return devices.flatMap(({ node, kind, underXen }): Finding[] => {
    if (underXen.cause !== 'reach') return [];
    const about = { node, explanation: `${nameOf(node)}: ${underXen.because}` };
    if (underXen.class === 'cannot address')
      return [{ rule: 'unaddressable-memory', severity: servesGuests(kind) ? 'error' : 'hazard', ...about }];
    return [{ rule: 'unreachable-memory', severity: 'hazard', ...about }];
  });
}

/** The same dma-ranges serve many devices: once each. */
function oddRanges(devices: readonly AuditedDevice[]): Finding[] {
  const seen = new Set<string>();
  return devices.flatMap(({ node, notes }) =>
    notes
      .filter((note) => note.startsWith('dma-ranges of') && !seen.has(note) && seen.add(note))
      .map(
        (note): Finding => ({
          rule: 'odd-dma-ranges',
          severity: 'hazard',
          node,
          explanation: note,
        }),
      ),
  );
}

function highMemory({ tree, is32, ram }: Board): Finding[] {
  const high = ram.filter(([, to]) => to > ABOVE_32_BIT);
  if (!is32 || high.length === 0) return [];
  return [
    {
      rule: 'high-memory-cut',
      severity: 'error',
      node: tree.root,
      explanation: `RAM is at ${listRanges(high)}: dma_cache_maint of linux-5.4 to linux-7.3 masks a 64-bit machine address with an unsigned long, which on 32-bit Arm cuts it; the hypercall then maintains another frame`,
    },
  ];
}

/** SECTION_SIZE_BITS of arm64 with 4 KiB pages, 5.12 and later (arch/arm64/include/asm/sparsemem.h). */
const SECTION = 2 ** 27;
const MIB = 2 ** 20;

/** pfn_valid is true for whole sections (include/linux/mmzone.h of 6.1), and decides at unmap what is local. */
function sharedSections({ tree, setup, ram, is32 }: Board): Finding[] {
  const memory = setup.dom0Memory;
  if (memory === null || is32 || setup.dom0 === 'translated') return [];
  const rest =
    'pfn_valid of today\u2019s arm64 kernels (5.14 and later) says of foreign frames there that they are dom0\u2019s, and unmap then maintains the wrong page';
  if (!('banks' in memory)) {
    if (memory.size % SECTION === 0) return [];
    return [
      {
        rule: 'shared-section',
        severity: 'hazard',
        node: tree.root,
        explanation: `dom0\u2019s memory of ${memory.size / MIB} MiB is no multiple of 128 MiB, so at least one section of 128 MiB is dom0\u2019s in part; ${rest}`,
      },
    ];
  }
  const shared = partlyOwn(memory.banks, ram);
  if (shared.length === 0) return [];
  return [
    {
      rule: 'shared-section',
      severity: 'hazard',
      node: tree.root,
      explanation: `dom0\u2019s memory ${listRanges(memory.banks)} ends within sections of 128 MiB; ${listRanges(shared)} of these can be other domains\u2019; ${rest}`,
    },
  ];
}

/** Of the sections that hold any of the banks: RAM (where that is known) that is none of dom0's. */
function partlyOwn(
  banks: readonly ByteRange<MachineAddr>[],
  ram: readonly ByteRange<MachineAddr>[],
): ByteRange<MachineAddr>[] {
  const sections = joinRanges(
    banks.map(
      ([from, to]): ByteRange<MachineAddr> => [
        machineAddr(floorTo(from, SECTION)),
        machineAddr(ceilTo(to, SECTION)),
      ],
    ),
  );
  const others = rangesWithout(sections, banks);
  return ram.length === 0 ? others : commonRanges(others, ram);
}

/** allocate_memory_11 (Xen 4.17): the first bank lies below dma_bitsize, else a 32-bit dom0 is not built. */
function lowMemory({ tree, setup, xenPlatform, is32 }: Board): Finding[] {
  const memory = setup.dom0Memory;
  if (memory === null || !('banks' in memory)) return [];
  const bits = Math.min(32, xenPlatform?.dmaBits ?? 32);
  if (memory.banks.some(([from]) => from < 2 ** bits)) return [];
  return [
    {
      rule: 'unaddressable-memory',
      severity: is32 ? 'error' : 'hazard',
      node: tree.root,
      explanation: `dom0 has no memory below ${hex(machineAddr(2 ** bits))}: ${is32 ? 'Xen does not build a 32-bit dom0 then' : 'devices with fewer address bits have no place for bounce buffers'}`,
    },
  ];
}
