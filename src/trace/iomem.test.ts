import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pfn } from '../address/index.ts';
import { InputError } from '../text/index.ts';
import { parseIomem } from './iomem.ts';

const DOM0 = `10000000-3efeffff : pcie@10000000
  10000000-1001ffff : 0000:00:03.0
    10000000-1001ffff : System RAM
48000000-4fffffff : Xen scratch
c0000000-ffffffff : System RAM
  c0000000-c1d1ffff : Kernel code
4010000000-401fffffff : PCI ECAM
`;

function errorOf(text: string): InputError {
  try {
    parseIomem(text);
  } catch (error) {
    if (error instanceof InputError) return error;
  }
  throw new Error('no InputError');
}

describe('/proc/iomem', () => {
  test('top-level System RAM is RAM, children are not', () => {
    expect(parseIomem(DOM0).ram.ranges).toEqual([[0xc0000000, 0x100000000]]);
    expect(parseIomem(DOM0.replaceAll('\n', '\r\n')).ram.ranges).toEqual([[0xc0000000, 0x100000000]]);
  });

  test('isRam is exact, pfnValid holds for whole sections and for Xen scratch', () => {
    const iomem = parseIomem('4fe00000-4fefffff : System RAM\n100000000-107ffffff : Xen scratch\n');
    const at = (address: number) => pfn(address / 4096);
    expect([0x4fdff000, 0x4fe00000, 0x4feff000, 0x4ff00000].map((a) => iomem.isRam(at(a)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([0x47fff000, 0x48000000, 0x4ffff000, 0x50000000].map((a) => iomem.pfnValid(at(a)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([iomem.pfnValid(at(0x107fff000)), iomem.isRam(at(0x107fff000))]).toEqual([true, false]);
    expect(iomem.scratch.ranges).toEqual([[0x100000000, 0x108000000]]);
  });

  test('read without root is refused with the reason', () => {
    const error = errorOf('00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n');
    expect(error.message).toContain('as root');
  });

  test('something else is refused with its line, what was found and what was expected', () => {
    expect(errorOf(`${DOM0}# tracer: nop\n`)).toMatchObject({ line: 8, found: '"# tracer: nop"' });
    expect(errorOf('')).toMatchObject({ line: undefined, found: 'an empty file' });
    expect(errorOf('10000000-3efeffff : pcie@10000000\n').found).toContain('System RAM');
    expect(errorOf('20000000-10000000 : System RAM\n').line).toBe(1);
  });

  test('an address past 2^53 is refused, not rounded', () => {
    expect(errorOf('20000000000001-20000000000fff : System RAM\n')).toMatchObject({
      line: 1,
      found: 'address 0x20000000000001',
    });
    expect(errorOf('0-ffffffffffffffff : System RAM\n').expected).toContain('2^53');
  });

  test('nothing but InputError is ever thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(DOM0.length).map((cut) => DOM0.slice(0, cut)),
        ),
        (text) => {
          try {
            parseIomem(text);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
    );
  });
});
