/** Exit codes (docs/judging.md): the first that applies of 2, 1, 3, 0. */
import type { ReplayResult, TrackResult } from '../replay/index.ts';

export const Exit = { nothingFound: 0, findings: 1, unusable: 2, inconclusive: 3, interrupted: 130 } as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** @param strict hazards count as findings. */
export function exitOf(result: ReplayResult, ownDesign: string, strict: boolean): Exit {
  const { misuse } = result.session;
  const misused = misuse.errors > 0 || (strict && misuse.count > 0);
  const recorded = result.tracks.find(({ track }) => track.design === undefined);
  if (recorded && recorded.verdict !== 'not-recorded') {
    if (misused || isFinding(recorded, strict)) return Exit.findings;
    return recorded.verdict === 'inconclusive' ? Exit.inconclusive : Exit.nothingFound;
  }
  const own = result.tracks.find(({ track }) => track.name === ownDesign);
  if (misused || (own && isFinding(own, strict))) return Exit.findings;
  return Exit.inconclusive;
}

function isFinding({ verdict, track }: TrackResult, strict: boolean): boolean {
  return verdict === 'errors' || (strict && track.findings.hazardMappings > 0);
}
