import { describe, expect, it } from 'vitest';
import { buildFdt } from './build.ts';
import { readFdt } from './fdt.ts';
import {
  addressCells,
  cells,
  isAvailable,
  isCompatible,
  readNumber,
  readPhandles,
  readString,
  readStrings,
  readU32,
  readU64,
  sizeCells,
} from './properties.ts';

const tree = readFdt(
  buildFdt({
    one: [1],
    two: [0xffffffff, 0xfffffffe],
    short: new Uint8Array([1, 2]),
    text: 'abc',
    list: ['a', '', 'c'],
    unterminated: new Uint8Array([0x61]),
    empty: true,
    compatible: ['Vendor,Board', 'vendor,soc'],
    bus: { '#address-cells': [2], '#size-cells': [0], dev: { inner: {} } },
    plain: {},
    off: { status: 'disabled' },
    fail: { status: 'fail-sss' },
    on: { status: 'ok' },
    odd: { status: true },
    a: { phandle: [1], '#x-cells': [1] },
    b: { phandle: [2], '#x-cells': [0] },
    c: { phandle: [3] },
    user: {
      xs: [1, 10, 0, 2, 1, 20],
      unknown: [1, 10, 99, 1, 11],
      uncounted: [1, 10, 3, 1, 11],
      cut: [2, 1],
    },
  }),
);
const at = (path: string) => tree.find(path) ?? expect.fail(path);

describe('numbers', () => {
  it('are read where there is enough of a value, else are as missing', () => {
    expect(readU32(tree.root, 'one')).toBe(1);
    expect(readU32(tree.root, 'two')).toBe(0xffffffff);
    expect(readU32(tree.root, 'short')).toBeUndefined();
    expect(readU32(tree.root, 'none')).toBeUndefined();
    expect(readU64(tree.root, 'two')).toBe(0xffff_ffff_ffff_fffen);
    expect(readU64(tree.root, 'one')).toBeUndefined();
    expect(cells(tree.root.property('two') ?? new Uint8Array())).toEqual([0xffffffff, 0xfffffffe]);
    expect(cells(tree.root.property('short') ?? new Uint8Array())).toEqual([]);
  });

  it('of more than two cells are their last two, exact to the last bit', () => {
    const value = new Uint8Array([9, 9, 9, 9, 0, 0x20, 0, 0, 0, 0, 0, 1]);
    expect(readNumber(value, 0, 3)).toBe(2n ** 53n + 1n);
    expect(readNumber(value, 0, 1)).toBe(0x09090909n);
    expect(readNumber(value, 0, 0)).toBe(0n);
  });
});

describe('strings', () => {
  it('come one or all', () => {
    expect(readString(tree.root, 'text')).toBe('abc');
    expect(readStrings(tree.root, 'text')).toEqual(['abc']);
    expect(readStrings(tree.root, 'list')).toEqual(['a', '', 'c']);
  });

  it('without their NUL are none', () => {
    expect(readString(tree.root, 'unterminated')).toBeUndefined();
    expect(readStrings(tree.root, 'unterminated')).toEqual([]);
    expect(readStrings(tree.root, 'empty')).toEqual([]);
  });

  it('of compatible are compared without case', () => {
    expect(isCompatible(tree.root, 'vendor,board')).toBe(true);
    expect(isCompatible(tree.root, 'vendor')).toBe(false);
  });
});

it('a device is available unless its status says something other than okay or ok', () => {
  expect(['plain', 'on', 'off', 'fail', 'odd'].map((name) => isAvailable(at(`/${name}`)))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

it('counts of cells are inherited from above, and 1 where nobody says', () => {
  expect([addressCells(at('/bus')), sizeCells(at('/bus'))]).toEqual([2, 0]);
  expect([addressCells(at('/bus/dev/inner')), sizeCells(at('/bus/dev/inner'))]).toEqual([2, 0]);
  expect([addressCells(at('/plain')), sizeCells(at('/plain'))]).toEqual([1, 1]);
});

describe('lists of phandles', () => {
  const read = (list: string) =>
    readPhandles(at('/user'), list, '#x-cells').map(({ node, args }) => [node?.path ?? null, args]);

  it('take as many arguments as each target says, and know the empty entry', () => {
    expect(read('xs')).toEqual([
      ['/a', [10]],
      [null, []],
      ['/b', []],
      ['/a', [20]],
    ]);
  });

  it('end where a target is unknown, says no count, or its arguments are cut', () => {
    expect(read('unknown')).toEqual([['/a', [10]]]);
    expect(read('uncounted')).toEqual([['/a', [10]]]);
    expect(read('cut')).toEqual([['/b', []]]);
    expect(read('none')).toEqual([]);
  });
});
