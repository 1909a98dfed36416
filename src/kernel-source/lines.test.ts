import { expect, it } from 'vitest';
import { LineTable } from './lines.ts';

/** A module with these sections. */
const moduleOf = (...sections: readonly (readonly number[])[]) =>
  new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
const text = (value: string) => [...new TextEncoder().encode(value)];
const named = (name: string, content: readonly number[]) => {
  const body = [name.length, ...text(name), ...content];
  return [0, body.length, ...body];
};
const word = (value: number) => [value, 0, 0, 0];

/** One function of four bytes: line 10 of a.c, then line 12 of shims/b.h, then line 11. */
const PROGRAM = [
  ...[0, 5, 2, ...word(3)],
  ...[3, 9, 1],
  ...[4, 2, 3, 2, 2, 1, 1],
  ...[4, 1, 3, 0x7f, 2, 1, 1],
  ...[2, 2, 0, 1, 1],
];
const HEADER = [
  ...[1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1],
  ...text('shims'),
  0,
  0,
  ...[...text('a.c'), 0, 0, 0, 0, ...text('b.h'), 0, 1, 0, 0, 0],
];
const UNIT = [4, 0, ...word(HEADER.length), ...HEADER, ...PROGRAM];
const CODE = [10, 8, 0, 0, 0, 0, 0, 0, 0, 0];
const table = new LineTable(moduleOf(CODE, named('.debug_line', [...word(UNIT.length), ...UNIT])));
/** Offset in the module of an address: the code section's content begins there. */
const at = (address: number) => 8 + 2 + address;
const any = () => true;
const own = (file: string) => !file.startsWith('shims');

it('finds the line of a place', () => {
  expect(table.find(at(3), any)).toEqual({ file: 'a.c', line: 10 });
  expect(table.find(at(4), any)).toEqual({ file: 'shims/b.h', line: 12 });
  expect(table.find(at(6), any)).toEqual({ file: 'a.c', line: 11 });
});

it('finds the line around what is inlined', () => {
  expect(table.find(at(4), own)).toEqual({ file: 'a.c', line: 10 });
});

it('finds none before, after, or without debug information', () => {
  expect(table.find(at(2), any)).toBeUndefined();
  expect(table.find(at(60), any)).toBeUndefined();
  expect(new LineTable(moduleOf(CODE)).find(at(3), any)).toBeUndefined();
});
