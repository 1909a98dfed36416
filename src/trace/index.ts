/** Kernel traces and /proc/iomem: typed events from ftrace text, and text from events. */
export * from './event.ts';
export { type Iomem, parseIomem } from './iomem.ts';
export { FtraceReader } from './reader.ts';
export { formatEvent, type LineExtras, TRACE_HEADER } from './writer.ts';
