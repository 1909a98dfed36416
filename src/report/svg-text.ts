/** Elements of an SVG file as text; what comes from outside is escaped here and nowhere else. */

/** Markup, ready to be put into a file. */
export type Svg = string;
export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...children: readonly Svg[]): Svg {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(shown(value))}"`);
  const content = children.filter((child) => child !== '').join('\n');
  return content === '' ? `<${name}${given.join('')}/>` : `<${name}${given.join('')}>${content}</${name}>`;
}

/** Words as they are to be read. */
export function text(words: string): Svg {
  return escaped(words);
}

const shown = (value: string | number) =>
  typeof value === 'number' ? String(Math.round(value * 10) / 10) : value;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0 has no way to say control characters and lone surrogates. */
function escaped(words: string): string {
  return words
    .toWellFormed()
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, '\uFFFD')
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
