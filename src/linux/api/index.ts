/** The DMA API as drivers call it, on a simulated kernel. */
export { allocCoherent, type CoherentBuffer, freeCoherent } from './coherent.ts';
export { DmaApi, type MappedSgEntry, type SgEntry } from './dma-api.ts';
export { maxMappingSize } from './max-mapping-size.ts';
