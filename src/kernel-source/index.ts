/** A Linux tree's own DMA code, compiled to WebAssembly, as designs. */
export { configurationOf, type KernelSource, sourceDesigns, sourceName } from './design.ts';
export { KernelSourceError } from './exports.ts';
export {
  COMPLETES_MAINTENANCE,
  CONFIGURATIONS,
  type Configuration,
  headerPath,
  OWN_HEADERS,
  PRIVATE_HEADERS,
  PROBES,
  releaseOf,
  SOURCE_FILES,
} from './tree.ts';
