/**
 * Trace events as text, as the kernel's `trace` file shows them: for tests, and for traces of simulated runs.
 *
 * Sources: include/trace/events/dma.h and swiotlb.h, trace_print_context in kernel/trace/trace_output.c (Linux
 * 6.12 and 7.3); the probes of docs/recording.md. What a TraceEvent does not hold (task name, virtual address,
 * allocation flags) is made up; what it holds is written so that FtraceReader reads it back the same.
 */
import { Context, EventKind, type TraceEvent } from './event.ts';
import { ATTRIBUTE_BITS, DIRECTION_NAMES } from './vocabulary.ts';

/** What of a line is not in the event. */
export interface LineExtras {
  /** Name of the task, at most 15 bytes; "task" if not given. */
  readonly task?: string;
  /** Time in microseconds; 0 if not given. */
  readonly time?: number;
}

/** The comments that the kernel writes before the first event. */
export const TRACE_HEADER = `# tracer: nop
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

/** Names that events of a kind get if the event has none. */
const USUAL_NAME: Readonly<Record<EventKind, string>> = {
  [EventKind.map]: 'dma_map_page',
  [EventKind.unmap]: 'dma_unmap_page',
  [EventKind.mapResource]: 'dma_map_resource',
  [EventKind.unmapResource]: 'dma_unmap_resource',
  [EventKind.mapSg]: 'dma_map_sg',
  [EventKind.mapSgError]: 'dma_map_sg_err',
  [EventKind.unmapSg]: 'dma_unmap_sg',
  [EventKind.syncForCpu]: 'dma_sync_single_for_cpu',
  [EventKind.syncForDevice]: 'dma_sync_single_for_device',
  [EventKind.syncSgForCpu]: 'dma_sync_sg_for_cpu',
  [EventKind.syncSgForDevice]: 'dma_sync_sg_for_device',
  [EventKind.alloc]: 'dma_alloc',
  [EventKind.free]: 'dma_free',
  [EventKind.allocPages]: 'dma_alloc_pages',
  [EventKind.freePages]: 'dma_free_pages',
  [EventKind.allocSgt]: 'dma_alloc_sgt',
  [EventKind.freeSgt]: 'dma_free_sgt',
  [EventKind.allocSgtError]: 'dma_alloc_sgt_err',
  [EventKind.swiotlbBounced]: 'swiotlb_bounced',
  [EventKind.archSyncForDevice]: 'arch_sync_for_device',
  [EventKind.archSyncForCpu]: 'arch_sync_for_cpu',
  [EventKind.xenSyncForDevice]: 'xen_sync_for_device',
  [EventKind.xenSyncForCpu]: 'xen_sync_for_cpu',
  [EventKind.dmaCacheMaint]: 'dma_cache_maint',
  [EventKind.cacheFlush]: 'cflush',
  [EventKind.cacheFlushReturn]: 'cflush_ret',
  [EventKind.p2m]: 'p2m',
  [EventKind.xsMap]: 'xs_map_phys',
  [EventKind.xsUnmap]: 'xs_unmap_phys',
  [EventKind.xsSyncForCpu]: 'xs_sync_single_for_cpu',
  [EventKind.xsSyncForDevice]: 'xs_sync_single_for_device',
  [EventKind.swiotlbMap]: 'swiotlb_map',
  [EventKind.swiotlbMapReturn]: 'swiotlb_map_ret',
  [EventKind.swiotlbUnmap]: 'swiotlb_unmap',
  [EventKind.marker]: 'tracing_mark_write',
  [EventKind.lost]: '',
};

/**
 * The line of one event, without its newline.
 * @param devices names by the index that event.device holds.
 * @throws RangeError if the event needs a device and has none.
 */
export function formatEvent(event: TraceEvent, devices: readonly string[], extras: LineExtras = {}): string {
  if (event.kind === EventKind.lost) {
    return event.lost === 0
      ? `CPU:${event.cpu} [LOST EVENTS]`
      : `CPU:${event.cpu} [LOST ${event.lost} EVENTS]`;
  }
  const task = `${(extras.task ?? 'task').padStart(16)}-${String(event.pid).padEnd(7)}`;
  const flags = `d.${FLAG_OF_CONTEXT[event.context]}..`;
  const name = event.name === '' ? USUAL_NAME[event.kind] : event.name;
  const line = `${task} [${String(event.cpu).padStart(3, '0')}] ${flags} ${formatTime(extras.time ?? 0)}: ${name}: `;
  return line + payload(event, devices);
}

const FLAG_OF_CONTEXT: Readonly<Record<Context, string>> = {
  [Context.process]: '.',
  [Context.softirq]: 's',
  [Context.hardirq]: 'h',
  [Context.nmi]: 'z',
};

function formatTime(microseconds: number): string {
  const seconds = Math.floor(microseconds / 1e6);
  return `${String(seconds).padStart(5)}.${String(Math.floor(microseconds % 1e6)).padStart(6, '0')}`;
}

function payload(event: TraceEvent, devices: readonly string[]): string {
  switch (event.kind) {
    case EventKind.archSyncForDevice:
    case EventKind.archSyncForCpu:
      return probe(`paddr=${ox(event.physAddr)} size=${event.size} dir=${event.direction}`);
    case EventKind.xenSyncForDevice:
    case EventKind.xenSyncForCpu:
      return probe(`handle=${ox(event.dmaAddr)} size=${event.size} dir=${event.direction}`);
    case EventKind.dmaCacheMaint:
      return probe(`handle=${ox(event.dmaAddr)} size=${event.size} op=${ox(event.op)}`);
    case EventKind.cacheFlush:
      return probe(
        `bus=${ox(event.machineAddr)} off=${event.offset} len=${event.length} op=${ox(event.op)} cmd=12`,
      );
    case EventKind.cacheFlushReturn:
      return probe(`ret=${event.ret}`);
    case EventKind.p2m:
      return probe(`pfn=${ox(event.pfn)} mfn=${ox(event.mfn)} nr=${event.count}`);
    case EventKind.xsMap: {
      const page = event.physAddr < 0 ? 'page=0xfffffe0000000000 off=0x0' : `phys=${ox(event.physAddr)}`;
      return probe(`${page} size=${event.size} dir=${event.direction} attrs=${ox(event.attributes)}`);
    }
    case EventKind.xsUnmap: {
      const rest = `size=${event.size} dir=${event.direction} attrs=${ox(event.attributes)}`;
      return probe(`dev_addr=${ox(event.dmaAddr)} ${rest}`);
    }
    case EventKind.xsSyncForCpu:
    case EventKind.xsSyncForDevice:
      return probe(`dma_addr=${ox(event.dmaAddr)} size=${event.size} dir=${event.direction}`);
    case EventKind.swiotlbMap:
      return probe(`orig=${ox(event.physAddr)} size=${event.size}`);
    case EventKind.swiotlbMapReturn:
      return probe(`slot=${ox(event.physAddr)}`);
    case EventKind.swiotlbUnmap: {
      const rest = `size=${event.size} dir=${event.direction} attrs=${ox(event.attributes)}`;
      return probe(`slot=${ox(event.physAddr)} ${rest}`);
    }
    case EventKind.marker:
      return event.text;
    default:
      return ofDevice(event, devices);
  }
}

function ofDevice(event: TraceEvent, devices: readonly string[]): string {
  const device = devices[event.device];
  if (device === undefined)
    throw new RangeError(`no device ${event.device}, expected 0 to ${devices.length - 1}`);
  const size = `size=${event.size}`;
  const address = `dma_addr=${hexDigits(event.dmaAddr)}`;
  if (event.kind === EventKind.swiotlbBounced) {
    const mask = Number.isFinite(event.dmaMask) ? hexDigits(event.dmaMask) : hexDigits(-1);
    const force = event.force ? 'FORCE' : 'NORMAL';
    return `dev_name: ${device} dma_mask=${mask} dev_addr=${hexDigits(event.dmaAddr)} ${size} ${force}`;
  }
  const start = `${device} dir=${DIRECTION_NAMES[event.direction]}`;
  const attributes = `attrs=${attributeNames(event.attributes)}`;
  const dmaAddrs = `dma_addrs=${list(event.dmaAddrs, event.dmaCount)}`;
  const physAddrs = list(event.physAddrs, event.physCount);
  const sizes = `sizes=${list(event.sizes, event.sizeCount)}`;
  switch (event.kind) {
    case EventKind.map:
    case EventKind.mapResource:
      return `${start} ${address} ${size} phys_addr=${hexDigits(event.physAddr)} ${attributes}`;
    case EventKind.unmap:
    case EventKind.unmapResource:
      return `${start} ${address} ${size} ${attributes}`;
    case EventKind.mapSg: {
      const counts = `nents=${event.physCount}/${event.nents} ents=${event.dmaCount}/${event.ents}`;
      const cut = event.truncated ? ' [TRUNCATED]' : '';
      return `${start} ${counts}${cut} ${dmaAddrs} ${sizes} phys_addrs=${physAddrs} ${attributes}`;
    }
    case EventKind.mapSgError:
      return `${start} dma_addrs=${physAddrs} err=-5 ${attributes}`;
    case EventKind.unmapSg:
      return `${start} phys_addrs=${physAddrs} ${attributes}`;
    case EventKind.syncForCpu:
    case EventKind.syncForDevice:
      return `${start} ${address} ${size}`;
    case EventKind.syncSgForCpu:
    case EventKind.syncSgForDevice:
      return `${start} ${dmaAddrs} ${sizes}`;
    case EventKind.allocSgt:
      return `${start} ${address} ${size} phys_addrs=${physAddrs} flags=GFP_KERNEL ${attributes}`;
    case EventKind.freeSgt:
      return `${start} ${address} ${size} phys_addrs=${physAddrs}`;
    case EventKind.free:
    case EventKind.freePages:
      return `${start} ${address} ${size} virt_addr=0000000000000001 ${attributes}`;
    default:
      return `${start} ${address} ${size} virt_addr=0000000000000001 flags=GFP_KERNEL ${attributes}`;
  }
}

/** As the kernel's kprobes print: where the probe sits, then the arguments. */
function probe(fields: string): string {
  return `(probe+0x0/0x40) ${fields}`;
}

/** Bare hexadecimal; the sentinels, which are -1 here, as all ones. */
function hexDigits(value: number): string {
  return value === -1 ? 'ffffffffffffffff' : value.toString(16);
}

function ox(value: number): string {
  return `0x${hexDigits(value)}`;
}

function list(values: Float64Array, count: number): string {
  return `{${Array.from(values.subarray(0, count), ox).join(',')}}`;
}

/** As __print_flags: names joined with "|", what has no name behind them as a number. */
function attributeNames(bits: number): string {
  const names: string[] = [];
  let rest = bits;
  for (const [name, bit] of ATTRIBUTE_BITS) {
    if ((rest & bit) === 0) continue;
    names.push(name);
    rest -= bit;
  }
  if (rest !== 0) names.push(ox(rest));
  return names.join('|');
}
