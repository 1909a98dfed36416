/** One byte of one cache line under every cache behaviour. Knows no addresses. */
export { Automaton, NEVER, type Node } from './automaton.ts';
export type { DisciplineName } from './disciplines.ts';
export type { ByteModel, Copy, SpontaneousName } from './model.ts';
export { byteModel, MODEL_NAMES, type ModelName } from './models.ts';
export {
  addModes,
  hasAnyMode,
  type Instruction,
  Mode,
  type ModeSet,
  maintenance,
  Operation,
  type Regime,
  removeModes,
  Start,
} from './operations.ts';
export type { ByteState } from './state.ts';
export { elsewhere, local, onCpu, outer } from './variants.ts';
export { type Fault, type Step, type Witness, type WitnessStep, witness } from './witness.ts';
