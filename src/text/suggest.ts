/** "did you mean": the nearest of some names. */

/** Longer ones are no misspelt names, and would take long. */
const MAX_NAME = 100;

/** Text to add to a message about an unknown name; empty where nothing is near. Capitals do not count. */
export function closest(name: string, names: readonly string[]): string {
  if (name.length > MAX_NAME) return '';
  const [best] = names
    .map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, name.length / 3) ? ` (did you mean ${best.candidate}?)` : '';
}

/** Edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
