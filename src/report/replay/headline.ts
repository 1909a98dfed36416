/** The verdict of a replay in a line. */
import type { TrackResult, Verdict } from '../../replay/index.ts';
import type { Style } from '../style.ts';
import { plural } from '../words.ts';
import type { ReportContext } from './context.ts';

/** The verdict on the recording in one line; where it was not recorded, on the kernel's own design. */
export function headline(
  context: ReportContext,
  recorded: TrackResult | undefined,
  own: TrackResult | undefined,
  style: Style,
): string {
  const verdict = recorded?.verdict ?? 'inconclusive';
  const { file } = context;
  const line = (colour: (text: string) => string, text: string) => style.bold(`${file}: ${colour(text)}`);
  const lines: string[] = [];
  if (verdict === 'errors') lines.push(line(style.red, corrupted(recorded)));
  if (verdict === 'hazards')
    lines.push(
      line(
        style.yellow,
        `no errors; ${plural(hazardsOf(recorded), 'mapping')} at the mercy of their neighbours`,
      ),
    );
  if (verdict === 'clean')
    lines.push(line(style.green, 'clean: the recorded maintenance is right under every cache behaviour'));
  if (verdict === 'inconclusive')
    lines.push(
      line(
        style.yellow,
        `inconclusive: for ${plural(inconclusiveOf(recorded), 'mapping')} the trace does not tell`,
      ),
    );
  if (verdict === 'not-recorded') {
    lines.push(line(style.yellow, 'maintenance not recorded: no maintenance operation is in the trace'));
    if (own)
      lines.push(
        `  the kernel\u2019s own design, ${own.track.name}, on this load: ${ownVerdict(own, style)}`,
      );
  }
  if (context.cut !== undefined) lines.push(style.red(`  ${context.cut}: what was readable is judged`));
  return lines.join('\n');
}

function ownVerdict(own: TrackResult, style: Style): string {
  const words: Record<Verdict, string> = {
    errors: style.red(corrupted(own)),
    hazards: `no errors, ${plural(hazardsOf(own), 'mapping')} with hazards`,
    clean: style.green('clean'),
    inconclusive: 'inconclusive',
    'not-recorded': 'not recorded',
  };
  return words[own.verdict];
}

function corrupted(result: TrackResult | undefined): string {
  return `data was or could have been corrupted on ${plural(result?.track.findings.errorMappings ?? 0, 'mapping')}`;
}

function hazardsOf(result: TrackResult | undefined): number {
  return result?.track.findings.hazardMappings ?? 0;
}

/** More may be inconclusive than are listed. */
function inconclusiveOf(result: TrackResult | undefined): number {
  return Math.max(result?.inconclusive.length ?? 0, result?.track.inconclusiveCount ?? 0);
}
