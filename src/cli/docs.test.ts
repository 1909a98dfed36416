/** The examples of docs/rules.md, run. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replayDocument } from '../report/replay/schema.ts';
import { event, file, replayJson, traceFile } from './testing.ts';

const text = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
const iomem = file('iomem.txt', '80000000-83ffffff : System RAM\n');
const HEADER_LINES = 2;
const PROBES = /^(arch_sync_for_(?:device|cpu)|cflush|p2m):/;
const FOUND =
  /Found: \*\*(\w+)\*\*(?: at event (\d+))?(?:, (\d+) hardware moves?)?(?:, missed `(.*?)`)?(?:, touched `(.*?)`)?\./;

/** A section of rules.md: "### `rule`". */
const sections = text.split(/^### `/m).slice(1);
const nameOf = (section: string) => section.slice(0, section.indexOf('`'));
const pairs = (ranges: readonly (readonly string[])[]) =>
  ranges.map(([from, to]) => `[${from}, ${to})`).join(' ');

describe.each(sections.map((section) => [nameOf(section), section] as const))('%s', (rule, section) => {
  const examples = [...section.matchAll(/```trace\n(.*?)```\n\n(.*?)$/gms)];

  it('has an example, or says that it is reserved', () => {
    expect(examples.length > 0).toBe(!section.includes('Reserved'));
  });

  it.each(examples.map(([, payloads, outcome]) => [outcome ?? '', payloads ?? ''] as const))(
    '%s',
    async (outcome, payloads) => {
      const lines = payloads
        .trimEnd()
        .split('\n')
        .map((payload) => event(payload.replace(PROBES, '$1: (probe+0x0/0x40)')));
      const { document } = await replayJson(traceFile('example.txt', lines), [
        '--hardware',
        'non-coherent',
        '--iomem',
        iomem,
      ]);
      const found = FOUND.exec(outcome);
      expect(found).not.toBeNull();
      const [, severity, at, moves, missed, touched] = found ?? [];
      expect(document.trace.unparsed).toBe(0);
      if (at !== undefined) {
        expect(document.misuse).toMatchObject([{ rule, severity, line: Number(at) + HEADER_LINES }]);
        return;
      }
      const findings = document.designs[0]?.findings.filter((finding) => finding.rule === rule);
      expect(findings).toHaveLength(1);
      expect(findings?.[0]).toMatchObject({
        severity,
        hardwareMoves: moves === undefined ? null : Number(moves),
      });
      if (missed) expect(pairs(findings?.[0]?.missed ?? [])).toBe(missed);
      if (touched) expect(pairs(findings?.[0]?.touched ?? [])).toBe(touched);
    },
  );
});

it('has a section for each rule that the schema knows', () => {
  const rules = replayDocument.shape.designs.element.shape.findings.element.shape.rule.options;
  expect(sections.map(nameOf)).toEqual(expect.arrayContaining([...rules]));
});
