/** Names of a scenario as names of a model. */

/** Letters, digits and underscores only, beginning with a letter; different texts may come out the same. */
function identifier(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_|_$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : `n_${plain}`;
}

/** One identifier for each text, all different. */
export class Identifiers {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();

  of(text: string): string {
    const before = this.#given.get(text);
    if (before !== undefined) return before;
    const wanted = identifier(text);
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted}_${number}`;
    this.#taken.add(name);
    this.#given.set(text, name);
    return name;
  }
}
