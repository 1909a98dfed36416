/** What maintenance costs, by size and alignment of requests: one request written and read back for each. */
import { pattern } from '../load/pattern.ts';
import { runDisk } from './disk-run.ts';
import type { RunSpec } from './spec.ts';

export interface CostPoint {
  readonly request: number;
  /** GNTTABOP_cache_flush for the request and its way back. */
  readonly flushes: number;
  /** Cache lines maintained, each time it is done. */
  readonly lines: number;
  /** Bytes copied to and from bounce slots. */
  readonly bounced: number;
  /** It can go wrong. */
  readonly wrong: boolean;
}

/** Sizes of requests, bytes. */
export const SWEPT_REQUESTS = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] as const;
/** Offsets of their buffers. */
export const SWEPT_OFFSETS = [0, 512, 2560] as const;

/** Of buffers over contiguous frames at one offset, by size. */
export function costsAt(run: Omit<RunSpec, 'machine' | 'seed'>, align: number): CostPoint[] {
  return SWEPT_REQUESTS.map((request) => {
    const { costs, findings } = runDisk(
      { ...run, machine: 'adversarial', seed: 1 },
      {
        data: pattern(1, 0, request),
        request,
        align,
        contiguous: Number.POSITIVE_INFINITY,
        depth: 1,
        persistent: false,
      },
    );
    return {
      request,
      flushes: costs.hypercalls['GNTTABOP_cache_flush'] ?? 0,
      lines: costs.linesCleaned + costs.linesInvalidated + costs.linesCleanInvalidated,
      bounced: costs.bouncedBytes,
      wrong: findings.length > 0,
    };
  });
}
