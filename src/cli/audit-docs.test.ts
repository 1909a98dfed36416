/** docs/audit.md: every rule has a section, and the example there is found as it says, and nowhere without it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RULES } from '../audit/index.ts';
import { hasDtc } from '../devicetree/testing.ts';
import { auditDocument } from '../report/audit/schema.ts';
import { dmalab, file, pathOf } from './testing.ts';

const text = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8');
const sections = [...text.matchAll(/^### `([a-z-]+)`\n((?:(?!^##).*\n)*)/gm)].map(
  ([, rule = '', body = '']) => {
    const [, source = ''] = /```dts\n([^`]*)```/.exec(body) ?? [];
    const [, options = '', severity = '', path = ''] =
      /^(?:With `([^`]*)`\. )?Found: \*\*(\w+)\*\* at `([^`]*)`\.$/m.exec(body) ?? [];
    return { rule, source, options: options === '' ? [] : options.split(' '), severity, path };
  },
);

it('every rule has a section, and every section a rule', () => {
  expect(sections.map(({ rule }) => rule)).toEqual(Object.keys(RULES));
});

describe.skipIf(!hasDtc())('the example of', () => {
  it.each(sections)('$rule', async ({ rule, source, options, severity, path }) => {
    const cells = source.startsWith('#address-cells') ? '' : '#address-cells = <1>; #size-cells = <1>;';
    const input = file('example.dts', `/dts-v1/;\n/ { ${cells}\n${source}};\n`);
    const blob = pathOf('example.dtb');
    const dtc = spawnSync('dtc', ['-q', '-f', '-I', 'dts', '-O', 'dtb', '-o', blob, input], {
      encoding: 'utf8',
    });
    expect(dtc.status, dtc.stderr).toBe(0);
    const { exit, out, errors } = await dmalab(['audit', blob, '--json', ...options]);
    expect(errors).toEqual([]);
    const { boards } = auditDocument.parse(JSON.parse(out));
    const found = boards[0]?.findings.filter((finding) => finding.rule === rule);
    expect(found?.map((finding) => [finding.severity, finding.path])).toEqual([[severity, path]]);
    expect(exit).toBe(boards[0]?.findings.some((finding) => finding.severity === 'error') ? 1 : 0);
  });
});
