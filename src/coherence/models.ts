/** The byte models there are, by name. */
import { DISCIPLINES, type DisciplineName } from './disciplines.ts';
import type { ByteModel } from './model.ts';
import { innerModel } from './models/inner.ts';
import { mixedModel } from './models/mixed.ts';
import { outerModel } from './models/outer.ts';
import { twoCpusModel } from './models/two-cpus.ts';
import type { ByteState } from './state.ts';

const BUILDERS = { inner: innerModel, outer: outerModel, mixed: mixedModel, 'two-cpus': twoCpusModel };

/**
 * - inner: one merged cache over memory;
 * - outer: beyond it an outer cache by physical address, which devices that do not snoop bypass;
 * - mixed: one merged cache with lines of two sizes, a big one as big as two small ones;
 * - two-cpus: a cache for each of two CPUs, and maintenance that may be local.
 */
export type ModelName = keyof typeof BUILDERS;
export const MODEL_NAMES = Object.keys(BUILDERS) as readonly ModelName[];

const built = new Map<string, ByteModel>();

/** The model of this hardware under this discipline; built when first asked for, and the same one ever after. */
export function byteModel(name: 'inner', discipline?: DisciplineName): ByteModel<ByteState>;
export function byteModel(name: ModelName, discipline?: DisciplineName): ByteModel;
export function byteModel(name: ModelName, discipline: DisciplineName = 'currency'): ByteModel {
  const key = `${name} ${discipline}`;
  const known = built.get(key);
  if (known) return known;
  const model = BUILDERS[name](DISCIPLINES[discipline]);
  built.set(key, model);
  return model;
}
