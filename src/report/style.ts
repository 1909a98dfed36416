/** Colours of the terminal report, or none. */
import pc from 'picocolors';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** @param colours false for plain text (NO_COLOR, a pipe). */
export function makeStyle(colours: boolean): Style {
  return pc.createColors(colours);
}
