/** Kernel traces and /proc/iomem: typed events from ftrace text, and text from events. */
export * from './event.ts';
export { InputError, type InputErrorDetails } from './input-error.ts';
export { FtraceReader } from './reader.ts';
