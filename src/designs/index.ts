/** The designs: one readable file each, and the registry. */
export { dmaDirect } from './dma-direct.ts';
export { DESIGNS, designOfRelease, findDesign } from './registry.ts';
