import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonText, memberText, textWithMembers } from './json-text.ts';

it('writes what JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 7 }), (value) => {
      expect([...jsonText(value)].join('')).toBe(JSON.stringify(value, undefined, 2));
    }),
  );
});

it('leaves out what is undefined', () => {
  const value = { a: undefined, b: { c: undefined }, d: [1, { e: undefined }] };
  expect([...jsonText(value)].join('')).toBe(JSON.stringify(value, undefined, 2));
});

it('comes in pieces, none of them near the longest string there is', () => {
  const findings = Array.from({ length: 40_000 }, (_, line) => ({ line, explanation: 'x'.repeat(100) }));
  const texts = [...jsonText({ designs: [{ findings }] })];
  expect(texts.length).toBeGreaterThan(3);
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(2 ** 20 + 1000);
  expect(JSON.parse(texts.join(''))).toEqual({ designs: [{ findings }] });
});

it('writes a document of members that were made before', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1 }), (members) => {
      const texts = textWithMembers({ schema: 'x', members: [] }, members.map(memberText));
      expect([...texts].join('')).toBe(JSON.stringify({ schema: 'x', members }, undefined, 2));
    }),
  );
});
