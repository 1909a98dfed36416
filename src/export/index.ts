/** Scenarios as models for other checkers: Promela for Spin, Murphi for Rumur. */
import type { Design } from '../linux/index.ts';
import type { Bounds, Case } from '../scenario/index.ts';
import { buildModel } from './build.ts';
import { murphi } from './murphi.ts';
import { promela } from './promela.ts';
import { record } from './record.ts';

export { CannotExport } from './refusal.ts';

export type Language = 'promela' | 'murphi';
export const LANGUAGES: readonly Language[] = ['promela', 'murphi'];

export interface ExportOptions {
  readonly language: Language;
  /** What finding out what agents do may cost. */
  readonly bounds: Bounds;
  /** Lines that the model may have; every further one makes about four times the states. Default 8. */
  readonly lines?: number;
  /** Lines of the comment that the model begins with: which scenario it is. */
  readonly about?: readonly string[];
}

const LINES = 8;
const WRITERS = { promela, murphi } as const;

/**
 * The text of a model of one case with one design.
 * @throws CannotExport for what the models cannot say.
 */
export function exportCase(one: Case, design: Design, options: ExportOptions): string {
  const recording = record(one, design, options.bounds);
  const model = buildModel(one, recording, [...(options.about ?? []), ...ABOUT], options.lines ?? LINES);
  return WRITERS[options.language](model);
}

const ABOUT = [
  '',
  'Which value a copy of a byte holds is told only as current or not. At any time the cache may load an absent line,',
  'write a dirty one back or evict one; software goes on in any order that its signals, waits and locks allow.',
  'Lines that are neither read nor invalidated are left out: nothing is asserted of them.',
  '',
];
