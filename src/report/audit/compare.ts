/** The report of `audit --compare`: what changed in DMA terms; for people, and as dmalab/audit-comparison@1. */
import type { Comparison, Finding } from '../../audit/index.ts';
import type { Style } from '../style.ts';
import { wrap } from '../words.ts';
import { findingJson } from './json.ts';
import type { ComparisonDocument } from './schema.ts';

export interface NamedComparison {
  readonly before: string;
  readonly after: string;
  readonly comparison: Comparison;
}

export function comparisonJson({ before, after, comparison }: NamedComparison): ComparisonDocument {
  return {
    schema: 'dmalab/audit-comparison@1',
    before,
    after,
    removed: [...comparison.removed],
    added: [...comparison.added],
    changed: comparison.changed.map(({ path, changes }) => ({ path, changes: [...changes] })),
    resolved: comparison.resolved.map(findingJson),
    introduced: comparison.introduced.map(findingJson),
  };
}

export function comparisonReport({ before, after, comparison }: NamedComparison, style: Style): string {
  const { removed, added, changed, resolved, introduced } = comparison;
  const lines = [style.bold(`${before} -> ${after}`)];
  for (const path of removed) lines.push(style.red(`- ${path}`));
  for (const path of added) lines.push(style.green(`+ ${path}`));
  for (const { path, changes } of changed) {
    lines.push(path);
    for (const { what, before: was, after: is } of changes) lines.push(`    ${what}: ${was} -> ${is}`);
  }
  const findings = (title: string, list: readonly Finding[]) => {
    if (list.length > 0) lines.push(style.bold(title));
    for (const { rule, severity, explanation } of list)
      lines.push(`  ${severity} ${rule}`, ...wrap(explanation, 4, 118));
  };
  findings('No longer found', resolved);
  findings('New', introduced);
  if (lines.length === 1) lines.push('Nothing changed in DMA terms.');
  return `${lines.join('\n')}\n`;
}
