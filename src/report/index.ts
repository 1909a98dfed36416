/** What all reports share. Each has a door of its own, replay/, check/, run/, audit/: none loads what only another needs. */
export type { KernelSourceReport } from './kernel-source-facts.ts';
export { makeStyle, type Style } from './style.ts';
