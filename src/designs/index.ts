/** The designs: one readable file each, and the registry. */
export { DESIGNS, designOfRelease, findDesign } from './registry.ts';
