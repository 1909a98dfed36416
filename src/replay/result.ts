/** The outcome of a replay: verdict of each track, and what the exit code follows from. */
import type { Replay } from './replay.ts';
import type { DeviceCount } from './session.ts';
import type { Inconclusive, Track } from './track.ts';

export type Verdict = 'clean' | 'hazards' | 'errors' | 'inconclusive' | 'not-recorded';

export interface TrackResult {
  readonly track: Track;
  readonly verdict: Verdict;
  readonly inconclusive: readonly Inconclusive[];
  /** The comparison means something: false where a non-coherent device's maintenance was not recorded. */
  readonly conforms: boolean;
}

export interface ReplayResult {
  readonly devices: readonly DeviceCount[];
  readonly tracks: readonly TrackResult[];
}

/** Sum up after Replay.end(). */
export function resultOf(replay: Replay): ReplayResult {
  const path = recordedPaths(replay);
  return {
    devices: replay.session.devices.filter((count) => count !== undefined),
    tracks: replay.tracks.map((track) => {
      if (track.design !== undefined)
        return {
          track,
          verdict: verdictOf(track, track.inconclusive),
          inconclusive: track.inconclusive,
          conforms: track.conformance !== undefined && path.complete,
        };
      if (path.nothing) return { track, verdict: 'not-recorded', inconclusive: [], conforms: false };
      const inconclusive = path.missing ? [...track.inconclusive, path.missing] : track.inconclusive;
      return { track, verdict: verdictOf(track, inconclusive), inconclusive, conforms: false };
    }),
  };
}

function verdictOf(track: Track, inconclusive: readonly Inconclusive[]): Verdict {
  if (track.findings.errorMappings > 0) return 'errors';
  if (inconclusive.length > 0) return 'inconclusive';
  return track.findings.hazardMappings > 0 ? 'hazards' : 'clean';
}

/** Which maintenance was recorded: none where some was needed, all kinds that were needed, or one kind of two. */
function recordedPaths(replay: Replay): {
  nothing: boolean;
  complete: boolean;
  missing: Inconclusive | undefined;
} {
  const { maintainedLocal, maintainedForeign, needingMaintenance } = replay.session;
  const needed = maintainedLocal + maintainedForeign + needingMaintenance > 0;
  if (!replay.maintenanceRecorded) return { nothing: needed, complete: !needed, missing: undefined };
  const lacks = (what: string): Inconclusive => ({ line: 0, device: '', because: what });
  if (maintainedForeign > 0 && !replay.hypercallsRecorded)
    return {
      nothing: false,
      complete: false,
      missing: lacks('no cache-flush hypercall is in the trace at all: was its call site probed?'),
    };
  if (maintainedLocal > 0 && !replay.nativeRecorded)
    return {
      nothing: false,
      complete: false,
      missing: lacks('no native maintenance is in the trace at all: was arch_sync_dma_for_* probed?'),
    };
  return { nothing: false, complete: true, missing: undefined };
}
