/**
 * /proc/iomem: which physical addresses are this kernel's RAM, and what its pfn_valid() therefore answers.
 *
 * Sources: r_show in kernel/resource.c (two blanks before a line for each level of nesting, addresses 0 for
 * readers without CAP_SYS_ADMIN); SECTION_SIZE_BITS in arch/arm64/include/asm/sparsemem.h; "Xen scratch" in
 * drivers/xen/unpopulated-alloc.c (address space with struct pages and without RAM behind it).
 */
import { type ByteRange, type Pfn, type PhysAddr, physAddr, physAddrOf, RangeSet } from '../address/index.ts';
import { InputError } from '../text/index.ts';

/**
 * Bytes of a sparse memory section of arm64 with 4 KiB pages (2^27). Present sections have struct pages for every
 * frame, so pfn_valid() is true throughout a section that holds any RAM.
 */
const SECTION_SIZE = 2 ** 27;

/** What /proc/iomem says of RAM. */
export interface Iomem {
  /** Top-level "System RAM". Never empty. */
  readonly ram: RangeSet<PhysAddr>;
  /** Top-level "Xen scratch": where a Xen guest maps foreign pages. */
  readonly scratch: RangeSet<PhysAddr>;
  /** pfn_valid(): the frame's section holds some RAM or Xen scratch. False for negative sentinels. */
  pfnValid(frame: Pfn): boolean;
  /** The frame is RAM of this kernel, exactly. */
  isRam(frame: Pfn): boolean;
}

const EXPECTED = '"FROM-TO : NAME" with hexadecimal addresses';
const LINE = /^( *)([0-9a-fA-F]{1,16})-([0-9a-fA-F]{1,16}) : (.*)$/;
const RAM = /^System RAM( \(.*\))?$/;
const AS_ROOT = 'read /proc/iomem as root: it shows zeros to others';

/**
 * Read the text of /proc/iomem.
 * @throws InputError with the line, if a line is of another form, a range ends before it begins or reaches past
 * 2^53; without a line, if there is no RAM or all addresses are zero.
 */
export function parseIomem(text: string): Iomem {
  const ram: ByteRange<PhysAddr>[] = [];
  const scratch: ByteRange<PhysAddr>[] = [];
  let lines = 0;
  let allZero = true;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    if (line === '') continue;
    lines++;
    const parts = LINE.exec(line);
    if (!parts) throw new InputError({ line: index + 1, found: quote(line), expected: EXPECTED });
    const [, indent, from, to, name] = parts as unknown as [string, string, string, string, string];
    const range: ByteRange<PhysAddr> = [address(from, 0, index + 1), address(to, 1, index + 1)];
    if (range[0] >= range[1]) {
      const expected = 'a range that does not end before it begins';
      throw new InputError({ line: index + 1, found: quote(line), expected });
    }
    if (range[1] > 1) allZero = false;
    if (indent !== '') continue;
    if (RAM.test(name)) ram.push(range);
    else if (name === 'Xen scratch') scratch.push(range);
  }
  if (lines === 0) throw new InputError({ found: 'an empty file', expected: `lines ${EXPECTED}` });
  if (allZero) throw new InputError({ found: 'only zero addresses', expected: 'addresses', hint: AS_ROOT });
  if (ram.length === 0)
    throw new InputError({ found: 'no "System RAM"', expected: 'at least one line of it' });
  return new RamMap(new RangeSet(ram), new RangeSet(scratch));
}

class RamMap implements Iomem {
  readonly ram: RangeSet<PhysAddr>;
  readonly scratch: RangeSet<PhysAddr>;
  readonly #sections: RangeSet<PhysAddr>;

  constructor(ram: RangeSet<PhysAddr>, scratch: RangeSet<PhysAddr>) {
    this.ram = ram;
    this.scratch = scratch;
    this.#sections = new RangeSet([...ram.ranges, ...scratch.ranges].map(wholeSections));
  }

  pfnValid(frame: Pfn): boolean {
    return this.#sections.has(physAddrOf(frame));
  }

  isRam(frame: Pfn): boolean {
    return this.ram.has(physAddrOf(frame));
  }
}

function wholeSections([from, to]: ByteRange<PhysAddr>): ByteRange<PhysAddr> {
  const first = from - (from % SECTION_SIZE);
  return [first, Math.ceil(to / SECTION_SIZE) * SECTION_SIZE] as unknown as ByteRange<PhysAddr>;
}

/** A hexadecimal address plus `more`, exact or refused. */
function address(digits: string, more: number, line: number): PhysAddr {
  const value = BigInt(`0x${digits}`) + BigInt(more);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new InputError({ line, found: `address 0x${digits}`, expected: 'addresses below 2^53' });
  }
  return physAddr(Number(value));
}

function quote(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}...` : line);
}
