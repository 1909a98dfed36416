/** A step of a scenario in a few words. */
import type { Action } from '../../scenario/index.ts';

export function describeStep(step: Action): string {
  switch (step.do) {
    case 'map':
      return `map ${name(step.buffer, step.as)} for ${step.device}, ${step.direction}`;
    case 'map-sg':
      return `map_sg ${step.as} for ${step.device}, ${step.direction}`;
    case 'unmap':
    case 'unmap-sg':
    case 'sync-for-cpu':
    case 'sync-for-device':
      return `${step.do.replaceAll('-', '_')} ${step.mapping}`;
    case 'device-read':
    case 'device-write':
      return `${step.do.replace('device-', '')}s ${step.mapping ?? step.buffer ?? ''} by DMA`;
    case 'grant':
      return `grant ${step.buffer} to ${step.to}`;
    case 'map-grant':
      return `map grant ${step.grant} as ${step.as}`;
    case 'copy':
    case 'grant-copy':
      return `${step.do.replace('-', ' ')} ${step.from} to ${step.to}`;
    case 'maintain':
      return `${step.outer === undefined ? '' : 'outer '}${step.operation} ${step.buffer}`;
    case 'read':
    case 'write':
      return `${step.do} ${step.buffer}${step.uncached ? ' uncached' : ''}`;
    case 'alloc-coherent':
    case 'allocate':
      return `${step.do.replaceAll('-', ' ')} ${step.as}`;
    case 'end-access':
      return `end access to ${step.grant}`;
    case 'signal':
    case 'wait':
      return `${step.do} ${step.name}`;
    case 'cache-flush':
      return `GNTTABOP_cache_flush ${step.operation} ${step.buffer}`;
    case 'barrier':
    case 'invalidate-all':
      return step.do === 'barrier' ? 'barrier' : 'invalidate by set/way';
    case 'unmap-grant':
    case 'free-coherent':
    case 'balloon-out':
    case 'balloon-in':
    case 'free':
      return `${step.do.replaceAll('-', ' ')} ${step.buffer}`;
  }
}

const name = (buffer: string, as: string): string => (buffer === as ? buffer : `${buffer} as ${as}`);
