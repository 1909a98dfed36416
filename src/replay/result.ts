/** The outcome of a replay: the verdict of each track, and what was seen on the way. */
import type { Problem } from './findings.ts';
import type { Replay } from './replay.ts';
import type { DeviceCount, Session } from './session.ts';
import { type Story, tellStory } from './story.ts';
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
  readonly session: Session;
  readonly maintenanceRecorded: boolean;
  /** How local pages were told from foreign ones. */
  readonly locality: string;
  readonly devices: readonly DeviceCount[];
  readonly tracks: readonly TrackResult[];
  /** How a problem's example goes wrong; undefined where no cache is involved. */
  story(problem: Problem): Story | undefined;
}

/** Sum up after Replay.end(). */
export function resultOf(replay: Replay): ReplayResult {
  const { session } = replay;
  const paths = recordedPaths(replay);
  return {
    session,
    maintenanceRecorded: replay.maintenanceRecorded,
    locality: localityOf(session),
    devices: session.devices.filter((count) => count !== undefined),
    tracks: replay.tracks.map((track) => judgeTrack(track, paths)),
    story: ({ example }) => tellStory(replay.hardware, replay.automaton, example),
  };
}

function localityOf({ platform }: Session): string {
  if (!platform.xen) return 'not on Xen: every page is local';
  return platform.ownRam
    ? 'from /proc/iomem (pfn_valid at 128 MiB sections)'
    : 'inferred from p2m events and from DMA addresses that differ from physical ones (no /proc/iomem given)';
}

function judgeTrack(track: Track, paths: RecordedPaths): TrackResult {
  if (track.design?.needs !== undefined) {
    const because = `not judged on a recording: it needs ${track.design.needs}`;
    return {
      track,
      verdict: 'inconclusive',
      inconclusive: [{ line: 0, device: '', because }],
      conforms: false,
    };
  }
  if (track.design !== undefined)
    return {
      track,
      verdict: verdictOf(track, track.inconclusive),
      inconclusive: track.inconclusive,
      conforms: track.conformance !== undefined && paths.complete,
    };
  if (paths.withdrawn !== undefined) track.findings.withdraw(paths.withdrawn === 'foreign');
  if (paths.nothing) return { track, verdict: 'not-recorded', inconclusive: [], conforms: false };
  const inconclusive = paths.missing ? [...track.inconclusive, paths.missing] : track.inconclusive;
  return { track, verdict: verdictOf(track, inconclusive), inconclusive, conforms: false };
}

function verdictOf(track: Track, inconclusive: readonly Inconclusive[]): Verdict {
  if (track.findings.errorMappings > 0) return 'errors';
  if (inconclusive.length > 0) return 'inconclusive';
  return track.findings.hazardMappings > 0 ? 'hazards' : 'clean';
}

/** Which maintenance was recorded. */
interface RecordedPaths {
  /** None, where some was needed. */
  readonly nothing: boolean;
  /** All that was needed, or none was needed. */
  readonly complete: boolean;
  /** One path of two was not recorded at all. */
  readonly missing: Inconclusive | undefined;
  /** The pages whose recorded maintenance cannot be judged for that. */
  readonly withdrawn: 'foreign' | 'local' | undefined;
}

const HYPERCALLS = 'no cache-flush hypercall is in the trace at all: was its call site probed?';
const NATIVE = 'no native maintenance is in the trace at all: was arch_sync_dma_for_* probed?';

function recordedPaths(replay: Replay): RecordedPaths {
  // A device that the kernel believes coherent gets no maintenance, recorded or not, whatever its hardware needs.
  const { maintainedLocal, maintainedForeign } = replay.session;
  const needed = maintainedLocal + maintainedForeign > 0;
  const noHypercalls = maintainedForeign > 0 && !replay.hypercallsRecorded;
  const noNative = maintainedLocal > 0 && !replay.nativeRecorded;
  // Entries of maintenance functions alone (xen_sync_*, dma_cache_maint) do not say what was executed.
  const executed = replay.nativeRecorded || replay.hypercallsRecorded;
  if (!executed) return { nothing: needed, complete: !needed, missing: undefined, withdrawn: undefined };
  if (!noHypercalls && !noNative)
    return { nothing: false, complete: true, missing: undefined, withdrawn: undefined };
  const because = noHypercalls ? HYPERCALLS : NATIVE;
  return {
    nothing: false,
    complete: false,
    missing: { line: 0, device: '', because },
    withdrawn: noHypercalls ? 'foreign' : 'local',
  };
}
