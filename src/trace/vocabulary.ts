/**
 * Which events are read, and which of their fields.
 *
 * Sources: include/trace/events/dma.h and swiotlb.h of Linux 6.12 and 7.3 for the kernel's own events; the
 * probes' argument names are those of docs/recording.md. Field names in `raw` are those of the events' records,
 * which trace-cmd 3.1 prints behind "[FAILED TO PARSE]" for the events with lists.
 */
import { bytesOf } from './bytes.ts';
import { EventKind } from './event.ts';

/** What a field of a line fills in the TraceEvent. */
export const Field = {
  device: 0,
  direction: 1,
  dmaAddr: 2,
  physAddr: 3,
  /** physAddr, which may be NO_SLOT. */
  slot: 4,
  machineAddr: 5,
  size: 6,
  attributes: 7,
  nents: 8,
  ents: 9,
  dmaAddrs: 10,
  physAddrs: 11,
  sizes: 12,
  offset: 13,
  length: 14,
  op: 15,
  ret: 16,
  pfn: 17,
  mfn: 18,
  count: 19,
  dmaMask: 20,
  force: 21,
  /** Words without a value. */
  forceWord: 22,
  normalWord: 23,
  truncatedWord: 24,
  truncated: 25,
} as const;
export type Field = (typeof Field)[keyof typeof Field];

/** How a field's value is written. */
export const Style = {
  /** Decimal, or 0x and hexadecimal. */
  number: 0,
  /** Hexadecimal with or without 0x. */
  hex: 1,
  /** Lists, names, counts, words. */
  special: 2,
} as const;
export type Style = (typeof Style)[keyof typeof Style];

/** How the payload of one event is read. */
export interface Shape {
  readonly kind: EventKind;
  /** Numbers are 0x and hexadecimal, or decimal; otherwise addresses are bare hexadecimal. */
  readonly probe: boolean;
  /** dma_map_phys and dma_unmap_phys. */
  readonly byPhys: boolean;
  /** The payload begins with a device's name. */
  readonly device: boolean;
  /** "size=" and so on, in the order in which the kernel prints them; then words without a value. */
  readonly keys: readonly Uint8Array[];
  /** The keys again, one behind the other, and a newline, which stands for no key. */
  readonly flatKeys: Uint8Array;
  /** Where each key, and the newline, begins in flatKeys. */
  readonly keyStarts: Uint8Array;
  /** The Field of each key. */
  readonly fields: Uint8Array;
  /** The Style of each key's value. */
  readonly styles: Uint8Array;
  /** Bits 1 << Field. */
  readonly required: number;
  /** There is more to check or fill in when all fields are read. */
  readonly finish: boolean;
}

const FIELD_OF_KEY: Readonly<Record<string, Field>> = {
  dir: Field.direction,
  dma_addr: Field.dmaAddr,
  addr: Field.dmaAddr,
  handle: Field.dmaAddr,
  dev_addr: Field.dmaAddr,
  phys_addr: Field.physAddr,
  phys: Field.physAddr,
  paddr: Field.physAddr,
  orig: Field.physAddr,
  slot: Field.slot,
  bus: Field.machineAddr,
  size: Field.size,
  attrs: Field.attributes,
  nents: Field.nents,
  full_nents: Field.nents,
  ents: Field.ents,
  full_ents: Field.ents,
  dma_addrs: Field.dmaAddrs,
  phys_addrs: Field.physAddrs,
  addrs: Field.physAddrs,
  sizes: Field.sizes,
  lengths: Field.sizes,
  off: Field.offset,
  len: Field.length,
  op: Field.op,
  ret: Field.ret,
  pfn: Field.pfn,
  mfn: Field.mfn,
  nr: Field.count,
  dma_mask: Field.dmaMask,
  swiotlb_force: Field.force,
  force: Field.force,
  truncated: Field.truncated,
};

const FIELD_OF_WORD: Readonly<Record<string, Field>> = {
  FORCE: Field.forceWord,
  NORMAL: Field.normalWord,
  NO_FORCE: Field.normalWord,
  '[TRUNCATED]': Field.truncatedWord,
};

const NUMBERS: readonly Field[] = [
  Field.slot,
  Field.machineAddr,
  Field.size,
  Field.offset,
  Field.length,
  Field.op,
  Field.pfn,
  Field.mfn,
  Field.count,
];

function styleOf(field: Field, probe: boolean): Style {
  if (field === Field.dmaAddr || field === Field.physAddr) return probe ? Style.number : Style.hex;
  if (NUMBERS.includes(field) || (probe && field === Field.direction)) return Style.number;
  return Style.special;
}

/** `keys` in the kernel's order; '?' marks one that may be missing (not printed by every kernel). */
function shape(kind: EventKind, family: 'dma' | 'probe', keys: string, words = '', raw = ''): Shape {
  const listed: Uint8Array[] = [];
  const fields: Field[] = [];
  let required = 0;
  const add = (text: string, field: Field | undefined): void => {
    if (field === undefined) throw new RangeError(`no field for "${text}"`);
    listed.push(bytesOf(text));
    fields.push(field);
  };
  for (const item of keys.split(' ')) {
    const key = item.replace('?', '');
    // dma_map_sg_err prints its physical addresses under the name dma_addrs.
    const field =
      kind === EventKind.mapSgError && key === 'dma_addrs' ? Field.physAddrs : (FIELD_OF_KEY[key] as Field);
    add(`${key}=`, field);
    if (key === item) required |= 1 << field;
  }
  for (const word of words.split(' ').filter(Boolean)) add(word, FIELD_OF_WORD[word]);
  for (const key of raw.split(' ').filter(Boolean)) add(`${key}=`, FIELD_OF_KEY[key]);
  const lists = kind === EventKind.syncSgForCpu || kind === EventKind.syncSgForDevice;
  const noPage = kind === EventKind.xsMap && !fields.includes(Field.physAddr);
  return {
    kind,
    probe: family === 'probe',
    byPhys: false,
    device: family === 'dma',
    keys: listed,
    flatKeys: Uint8Array.from([...listed.flatMap((key) => [...key]), 10]),
    keyStarts: Uint8Array.from(
      [0, ...listed.keys()].map((_, i) => listed.slice(0, i).reduce((sum, key) => sum + key.length, 0)),
    ),
    fields: Uint8Array.from(fields),
    styles: Uint8Array.from(fields, (field) => styleOf(field, family === 'probe')),
    required,
    finish: lists || noPage || keys.includes('?') || kind === EventKind.freeSgt,
  };
}

const map = 'dir dma_addr size phys_addr attrs';
const unmap = 'dir dma_addr size attrs';
// The first kernels with these events printed no direction for coherent memory.
const alloc = '?dir dma_addr size attrs';
const sync = 'dir dma_addr size';
const syncSg = 'dir dma_addrs sizes';
const K = EventKind;

/** Shapes of the kernel's own events, by exact name. */
export const KERNEL_EVENTS: Readonly<Record<string, Shape>> = {
  dma_map_page: shape(K.map, 'dma', map),
  dma_map_phys: { ...shape(K.map, 'dma', map), byPhys: true },
  dma_map_resource: shape(K.mapResource, 'dma', map),
  dma_unmap_page: shape(K.unmap, 'dma', unmap, '', 'addr'),
  dma_unmap_phys: { ...shape(K.unmap, 'dma', unmap, '', 'addr'), byPhys: true },
  dma_unmap_resource: shape(K.unmapResource, 'dma', unmap, '', 'addr'),
  // nents and ents came with the limit on the lists' length.
  dma_map_sg: shape(
    K.mapSg,
    'dma',
    'dir ?nents ?ents dma_addrs sizes phys_addrs attrs',
    '[TRUNCATED]',
    'full_nents full_ents truncated lengths',
  ),
  dma_map_sg_err: shape(K.mapSgError, 'dma', 'dir dma_addrs attrs', '', 'phys_addrs'),
  dma_unmap_sg: shape(K.unmapSg, 'dma', 'dir phys_addrs attrs', '', 'addrs'),
  dma_sync_single_for_cpu: shape(K.syncForCpu, 'dma', sync),
  dma_sync_single_for_device: shape(K.syncForDevice, 'dma', sync),
  dma_sync_sg_for_cpu: shape(K.syncSgForCpu, 'dma', syncSg, '', 'lengths'),
  dma_sync_sg_for_device: shape(K.syncSgForDevice, 'dma', syncSg, '', 'lengths'),
  dma_alloc: shape(K.alloc, 'dma', alloc),
  dma_free: shape(K.free, 'dma', alloc),
  dma_alloc_pages: shape(K.allocPages, 'dma', alloc),
  dma_free_pages: shape(K.freePages, 'dma', alloc),
  dma_alloc_sgt: shape(K.allocSgt, 'dma', 'dir dma_addr size phys_addrs ?attrs'),
  dma_free_sgt: shape(K.freeSgt, 'dma', 'dir dma_addr size phys_addrs'),
  dma_alloc_sgt_err: shape(K.allocSgtError, 'dma', alloc),
  swiotlb_bounced: shape(
    K.swiotlbBounced,
    'dma',
    'dma_mask dev_addr size ?swiotlb_force',
    'FORCE NORMAL NO_FORCE',
    'force',
  ),
};

/** Shapes of the probes; a name may carry a number behind it (one probe per call site). */
export const PROBE_EVENTS: Readonly<Record<string, Shape>> = {
  arch_sync_for_device: shape(K.archSyncForDevice, 'probe', 'paddr size dir'),
  arch_sync_for_cpu: shape(K.archSyncForCpu, 'probe', 'paddr size dir'),
  xen_sync_for_device: shape(K.xenSyncForDevice, 'probe', 'handle size dir'),
  xen_sync_for_cpu: shape(K.xenSyncForCpu, 'probe', 'handle size dir'),
  dma_cache_maint: shape(K.dmaCacheMaint, 'probe', 'handle size op'),
  cflush: shape(K.cacheFlush, 'probe', 'bus off len op'),
  cflush_ret: shape(K.cacheFlushReturn, 'probe', 'ret'),
  p2m: shape(K.p2m, 'probe', 'pfn mfn nr'),
  xs_map_page: shape(K.xsMap, 'probe', 'size dir attrs'),
  xs_map_phys: shape(K.xsMap, 'probe', 'phys size dir attrs'),
  xs_unmap_page: shape(K.xsUnmap, 'probe', 'dev_addr size dir attrs'),
  xs_unmap_phys: shape(K.xsUnmap, 'probe', 'dev_addr size dir attrs'),
  xs_sync_single_for_cpu: shape(K.xsSyncForCpu, 'probe', 'dma_addr size dir'),
  xs_sync_single_for_device: shape(K.xsSyncForDevice, 'probe', 'dma_addr size dir'),
  swiotlb_map: shape(K.swiotlbMap, 'probe', 'orig size'),
  swiotlb_map_ret: shape(K.swiotlbMapReturn, 'probe', 'slot'),
  swiotlb_unmap: shape(K.swiotlbUnmap, 'probe', 'slot size dir attrs'),
};

/** Events that carry a text of the user: the kernel's name, and trace-cmd's for the same and for trace_printk. */
export const MARKER_EVENTS: readonly string[] = ['tracing_mark_write', 'print', 'bprint', 'bputs'];

/** Stack dumps, as trace-cmd names them. */
export const STACK_EVENTS: readonly string[] = ['kernel_stack', 'user_stack'];

/** Bits of include/linux/dma-mapping.h (Linux 7.3) by the names that the events print. */
export const ATTRIBUTE_BITS: ReadonlyMap<string, number> = new Map([
  ['WEAK_ORDERING', 1 << 1],
  ['WRITE_COMBINE', 1 << 2],
  ['NO_KERNEL_MAPPING', 1 << 4],
  ['SKIP_CPU_SYNC', 1 << 5],
  ['FORCE_CONTIGUOUS', 1 << 6],
  ['ALLOC_SINGLE_PAGES', 1 << 7],
  ['NO_WARN', 1 << 8],
  ['PRIVILEGED', 1 << 9],
  ['MMIO', 1 << 10],
  ['CACHELINES_OVERLAP', 1 << 11],
  ['REQUIRE_COHERENT', 1 << 12],
  ['CC_SHARED', 1 << 13],
  ['ALLOC_CC_SHARED', 1 << 14],
]);

/** enum dma_data_direction as printed; the index is the number. */
export const DIRECTION_NAMES: readonly string[] = ['BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE', 'NONE'];
