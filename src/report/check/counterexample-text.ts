/** Text that fits into a width, whatever its words. */

/** A range is a word: it is not broken at its comma where it can be helped. */
const WORD = /\[0x[^)\s]*, 0x[^)\s]*\)|\S+/g;

/**
 * Break a text into lines of at most `width` characters, longer words too.
 * @param hanging spaces before every line but the first; spaces at the text's beginning stay, and are added to it.
 */
export function fold(text: string, width: number, hanging = 0): string[] {
  const lead = Math.min(text.length - text.trimStart().length, Math.floor(width / 3));
  const indent = ' '.repeat(lead + hanging);
  const words = (text.match(WORD) ?? []).flatMap((word) => cut(word, width - indent.length));
  const lines: string[] = [];
  let line = ' '.repeat(lead);
  let empty = true;
  for (const word of words) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line.trimEnd()];
}

/** A word in pieces of at most `width`: a range at its comma, any other anywhere. */
function cut(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  const parts = word.split(' ');
  if (parts.length > 1) return parts.flatMap((part) => cut(part, width));
  return [word.slice(0, width), ...cut(word.slice(width), width)];
}
