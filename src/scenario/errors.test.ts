/** What is said of wrong scenarios: what was found, what was expected, where. */
import { describe, expect, it } from 'vitest';
import { parseScenario } from './index.ts';
import { only, problemsOf } from './testing.ts';

describe('text that is no YAML', () => {
  it.each([
    ['an empty file', '', '1:1: found an empty file, expected a scenario as YAML text'],
    ['blanks', ' \n\n', '1:1: found an empty file, expected a scenario as YAML text'],
    ['comments only', '# nothing\n', '1:1: found nothing, expected a map'],
    [
      'binary data',
      'title: \u0000\u0001',
      '1:1: found binary data (U+0000 at character 7), expected a scenario as YAML text',
    ],
    [
      'bytes that are no UTF-8',
      'title: \ufffd',
      '1:1: found binary data (U+fffd at character 7), expected a scenario as YAML text',
    ],
    ['a list', '- title: x', '1:1: found the list "- title: x", expected a map'],
    ['a tab', 'a:\n\tb: 1', '2:1: cannot be read as YAML: Tabs are not allowed as indentation'],
    [
      'a colon in a text',
      'title: a: b',
      '1:8: cannot be read as YAML: Nested mappings are not allowed in compact mappings (a text with ": " in it stands in quotes)',
    ],
    ['a key twice', 'title: x\ntitle: y', '2:1: found the key "title" a second time, expected each key once'],
    ['a list as a key', '? [a]\n: b', '1:1: found a list, a map or an alias as a key, expected a name'],
    ['the prototype as a key', '__proto__: 1', '1:1: found the key "__proto__", expected another name'],
    ['an alias of nothing', 'title: *x', '1:8: found the alias *x, expected an anchor &x before it'],
    [
      'an alias within itself',
      'title: &x [*x]',
      '1:12: found lists or maps nested too deeply, expected at most 32 levels',
    ],
    ['an unknown tag', 'title: !x y', '1:8: cannot be read as YAML: Unresolved tag: !x'],
    [
      'several documents',
      'title: x\n---\ntitle: y',
      '2:1: cannot be read as YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('is refused before it is read where it is far too long', () => {
    expect(problemsOf(`title: ${'x'.repeat(10_000_000)}`)).toEqual([
      '1:1: found 10000007 characters, expected a scenario as YAML text of at most 65536 characters',
    ]);
  });

  it('is refused where aliases make a small text large', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `k${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`);
    const [problem] = problemsOf(`k: &a-1 [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}`);
    expect(problem).toMatch(/found more than 100000 values, aliases written out$/);
  });
});

/** A scenario in which everything can be referred to. */
const scenario = ({ platform = 'xen: 4.20', buffers = '', guest = '', dom0 = '', nic = '', rest = '' }) => `
title: x
platform: { ${platform} }
domains: { guest: }
devices: { disk: , nic: }
buffers: { data: { domain: guest, size: 100 }, own: { size: 100 }${buffers} }
agents:
  frontend: { domain: guest, steps: [{ grant: data }, { signal: go }${guest}] }
  backend: { steps: [{ wait: go }, { map-grant: { grant: data, as: page } }${dom0}] }
  engine: { device: nic, steps: [{ wait: go }${nic}] }
${rest}`;

it('a scenario that refers to everything is right', () => {
  expect(problemsOf(scenario({}))).toEqual([]);
});

/** What is wrong, without the place. */
const wrong = (changes: Parameters<typeof scenario>[0]) =>
  problemsOf(scenario(changes)).map((problem) => problem.replace(/^\d+:\d+: /, ''));

describe('a step', () => {
  it.each([
    ['{ read: onw }', 'found "onw" (did you mean own?), expected a buffer: own, page'],
    [
      '{ read: data }',
      'found data, which is in the memory of guest, expected a buffer of dom0 (map-grant makes one of the pages of a grant)',
    ],
    [
      '{ read: { buffer: own, bytes: [0, 101] } }',
      'found [0, 101], expected bytes before 100, which is the end',
    ],
    [
      '{ read: { buffer: page, bytes: [0, 101] } }',
      'found [0, 101], expected bytes before 100, which is the end',
    ],
    ['{ read: { buffer: own, bytes: [8, 8] } }', 'found [8, 8], expected [from, to] with from before to'],
    [
      '{ copy: { from: own, to: page, size: 101 } }',
      'found 101 bytes from 0 on, expected no more than own has, which is 100',
    ],
    [
      '{ copy: { from: own, to: page, toOffset: 100 } }',
      'found 1 bytes from 100 on, expected no more than page has, which is 100',
    ],
    ['{ map: { buffer: own, direction: TO_DEVICE } }', 'found no "device", expected one of: disk, nic'],
    [
      '{ map: { buffer: own, device: dsk, direction: TO_DEVICE } }',
      'found "dsk" (did you mean disk?), expected a device: disk, nic',
    ],
    [
      '{ map: { buffer: own, device: nic, direction: TO_DEVCE } }',
      'found "TO_DEVCE" (did you mean TO_DEVICE?), expected one of: BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE',
    ],
    ['{ unmap: own }', 'found "own", expected a mapping, and there is none'],
    [
      '{ unmap: own }, { map: { buffer: own, device: nic, direction: TO_DEVICE } }',
      'found "own", which only a later step makes, expected a mapping that is there by now',
    ],
    [
      '{ map: { buffer: own, device: nic, direction: TO_DEVICE } }, { unmap-sg: own }',
      'found own, which map made, expected what map-sg made',
    ],
    [
      '{ map-sg: { buffers: [own, page, x], device: nic, direction: TO_DEVICE, as: l } }',
      'found "x", expected a buffer: own, page',
    ],
    [
      '{ map: { buffer: own, bytes: [0, 50], device: nic, direction: TO_DEVICE } }, { sync-for-cpu: { mapping: own, bytes: [0, 51] } }',
      'found [0, 51], expected bytes before 50, which is the end',
    ],
    [
      '{ map-sg: { buffers: [own, page], device: nic, direction: TO_DEVICE, as: l } }, { device-read: { mapping: l, bytes: [0, 201] } }',
      'found [0, 201], expected bytes before 200, which is the end',
    ],
    ['{ device-read: own }', 'found "own", expected a mapping, and there is none'],
    ['{ device-read: { device: nic } }', 'found no "mapping", expected one (or a buffer)'],
    [
      '{ device-read: { device: nic, buffer: own, mapping: own } }',
      'found a mapping and a buffer, expected one of the two',
    ],
    ['{ grant: own }', 'found no "to", expected the domain that dom0 grants it to'],
    [
      '{ grant: { buffer: own, to: gest } }',
      'found "gest" (did you mean guest?), expected a domain: dom0, guest',
    ],
    [
      '{ grant: { buffer: page, to: guest } }',
      'found page, which is made by map-grant, expected a buffer that is there from the beginning or made by allocate',
    ],
    [
      '{ grant: { buffer: own, to: guest } }, { map-grant: { grant: own, as: p } }',
      'found own, which is granted to guest, expected a grant to dom0',
    ],
    [
      '{ map-grant: { grant: data, as: own } }',
      'found "own", which is a buffer from the beginning, expected another name',
    ],
    [
      '{ unmap-grant: own }',
      'found own, which is there from the beginning, expected a buffer that is made by map-grant',
    ],
    ['{ end-access: x }', 'found "x", expected a grant: data'],
    ['{ wait: gone }', 'found "gone" (did you mean go?), expected a name that is signalled: go'],
    ['barier', 'found "barier" (did you mean barrier?), expected one of: barrier, invalidate-all'],
    [
      '{ read: own, write: own }',
      'found the map "{ read: own, write: own }", expected a step with exactly one action',
    ],
    ['{}', 'found an empty map, expected a step with exactly one action'],
    ['read', 'found "read", expected what to read, such as "read: NAME"'],
    ['[own]', 'found the list "[own]", expected one of: barrier, invalidate-all, or a map'],
    ['{ read: [own] }', 'found the list "[own]", expected a text, or a map'],
  ])('%s', (step, problem) => {
    expect(wrong({ dom0: `, ${step}` })).toContain(problem);
  });

  it('of a guest may not drive devices', () => {
    const step = ', { map: { buffer: data, device: nic, direction: TO_DEVICE } }';
    expect(wrong({ guest: step })).toEqual([
      'found map, expected an agent of dom0, which drives the devices; guest does not',
    ]);
  });

  it('of a device is an access or a signal', () => {
    expect(wrong({ nic: ', { read: own }' })).toEqual([
      'found read, expected device-read, device-write, signal, wait only, for engine is the program of a device',
    ]);
    expect(wrong({ nic: ', { device-read: { buffer: own, device: disk } }' })).toEqual([
      'found disk, expected nic, whose program it is',
    ]);
  });

  it('may use what another agent makes at any time', () => {
    const dom0 = ', { map: { buffer: own, device: nic, direction: TO_DEVICE, as: transfer } }';
    expect(wrong({ dom0, nic: ', { device-read: transfer }' })).toEqual([]);
  });

  it('is of Xen only where there is one', () => {
    expect(problemsOf('title: x\nbuffers: { data: }\nsteps: [{ balloon-out: data }]')).toEqual([
      '3:11: found balloon-out, expected a hypervisor to do it (platform: { xen: 4.20 })',
    ]);
    expect(problemsOf('title: x\nsteps: [{ allocate: data }, { free: data }]')).toEqual([]);
  });

  it('may use coherent memory at its DMA address, but not unmap or sync it', () => {
    const ring = ', { alloc-coherent: { as: ring, device: nic, size: 64 } }';
    expect(wrong({ dom0: `${ring}, { device-write: { mapping: ring, bytes: [0, 64] } }` })).toEqual([]);
    expect(wrong({ dom0: `${ring}, { device-write: { mapping: ring, bytes: [0, 65] } }` })).toEqual([
      'found [0, 65], expected bytes before 64, which is the end',
    ]);
    expect(wrong({ dom0: `${ring}, { unmap: ring }, { sync-for-cpu: ring }` })).toEqual([
      'found ring, which alloc-coherent made, expected what map made',
      'found ring, which alloc-coherent made, expected what map or map-sg made',
    ]);
    expect(
      wrong({ dom0: `${ring}, { map: { buffer: own, device: nic, direction: TO_DEVICE, as: ring } }` }),
    ).toEqual(['found "ring", which is coherent memory, expected another name']);
  });

  it('uses mappings by the device that they are for', () => {
    const dom0 = ', { map: { buffer: own, device: disk, direction: TO_DEVICE } }';
    expect(wrong({ dom0: `${dom0}, { device-read: { mapping: own, device: nic } }` })).toEqual([
      'found own, which is mapped for disk, expected a mapping for nic',
    ]);
    expect(wrong({ dom0, nic: ', { device-read: own }' })).toEqual([
      'found own, which is mapped for disk, expected a mapping for nic',
    ]);
  });

  it('names no buffer as one of another domain is named', () => {
    expect(wrong({ dom0: ', { allocate: a }', guest: ', { allocate: a }' })).toEqual([
      'found "a", which dom0 has too, expected another name',
      'found "a", which guest has too, expected another name',
    ]);
  });
});

describe('a grant copy', () => {
  const dom0 = (step: string) => ({ guest: ', { grant: { buffer: data, as: page1 } }', dom0: `, ${step}` });

  it.each([
    ['the grant', 'page1'],
    ['the buffer that is granted', 'data'],
  ])('names %s', (_, from) => {
    const one = only(scenario(dom0(`{ grant-copy: { from: ${from}, to: own } }`)));
    expect(one.agents[1]?.steps.at(-1)).toMatchObject({ do: 'grant-copy', from: 'data', to: 'own' });
  });

  it.each([
    [
      '{ grant-copy: { from: page1, to: own, size: 101 } }',
      'found 101 bytes from 0 on, expected no more than page1 has, which is 100',
    ],
    [
      '{ grant-copy: { from: pag, to: own } }',
      'found "pag" (did you mean page?), expected a buffer: own, page',
    ],
  ])('%s', (step, problem) => {
    expect(wrong(dom0(step))).toContain(problem);
  });

  it('needs a grant to its domain', () => {
    const dom0 =
      ', { grant: { buffer: own, to: guest, as: mine } }, { grant-copy: { from: mine, to: page } }';
    expect(wrong({ dom0 })).toEqual(['found mine, which is granted to guest, expected a grant to dom0']);
  });
});

describe('a platform', () => {
  it.each([
    ['xen: 4', 'found "4", expected none, or a version such as 4.20'],
    ['xen: 4.20, linux: newest', 'found "newest", expected a version such as 6.12'],
    ['xen: 4.20, lineSize: 48', 'found "48", expected a power of two from 32 to 2048'],
    ['xen: 4.20, lineSize: [64, 32]', 'found 64 and 32, expected one size, or the second twice the first'],
    [
      'xen: 4.20, lineSize: [64, 128, 256]',
      'found the list "[64, 128, 256]", expected a power of two from 32 to 2048, or at most 2 elements',
    ],
    [
      'xen: 4.20, architecture: arm65',
      'found "arm65" (did you mean arm64?), expected one of: arm, arm64, x86',
    ],
    ['xen: 4.20, cpus: 0', 'found "0", expected a number from 1 to 64'],
    [
      'xen: 4.20, cpus: 1, believedLineSizes: [32, 64]',
      'found 2 line sizes, expected at most one a core: there are 1',
    ],
    ['xen: 4.20, smmu: yes', 'found "yes", expected true or false'],
    ['xen: 4.20, lpae: false', 'found false, expected true: arm64 has 64-bit addresses'],
  ])('%s', (platform, problem) => {
    expect(wrong({ platform })).toContain(problem);
  });

  it('has quirks that there are', () => {
    expect(wrong({ platform: 'xen: 4.20, quirks: [dsb-mising]' })[0]).toMatch(
      /^found "dsb-mising" \(did you mean dsb-missing\?\), expected one of: /,
    );
  });

  it('without Xen has no bugs of Xen and no domains', () => {
    const text = 'title: x\nplatform: { quirks: [no-keep-allocated] }\ndomains: { guest: }\nsteps: [barrier]';
    expect(problemsOf(text)).toEqual([
      '2:22: found no-keep-allocated, a bug of Xen, expected a platform with Xen',
      '3:12: found the domain "guest", expected only host: there is no hypervisor (platform: xen: 4.20)',
    ]);
  });
});

describe('a buffer', () => {
  it.each([
    ['a: { offset: 4096 }', 'found "4096", expected a number of bytes from 0 to 4095'],
    ['a: { size: 0 }', 'found "0", expected a number of bytes up to 16MiB, such as 4096, 0x1000 or 4KiB'],
    [
      'a: { at: 0x80000200 }',
      'found "0x80000200", expected the machine address of a page, such as 0x140000000 or 5GiB',
    ],
    ['a: { domain: host }', 'found "host", expected a domain: dom0, guest'],
    [
      'a: { at: 0x80000000 }',
      'found a from 0x80000000 to 0x80001000, expected it outside the RAM of guest, from 0x80000000 to 0x90000000',
    ],
    [
      'a: { at: 0x40001000 }',
      'found a from 0x40001000 to 0x40002000, expected it from 0x40003000 to 0x4b800000, where the RAM of dom0 is free, or outside of it',
    ],
    [
      'a: { at: 5GiB }, b: { at: 5GiB, offset: 4095, size: 1 }',
      'found bytes of b that a has too, expected buffers apart',
    ],
    [
      'a: { at: 5GiB, size: 8 }, b: { domain: guest, at: 5GiB, offset: 100, size: 1 }',
      'found pages of b that a has too, expected buffers apart',
    ],
    ['a: { after: b }', 'found "b", expected another buffer that does not follow this one: data, own'],
    ['a: { after: a }', 'found "a", expected another buffer that does not follow this one: data, own'],
    ['a: { after: own, at: 5GiB }', 'found after beside at or offset, expected one of them'],
    [
      'a: { contiguous: false }, b: { after: a }',
      'found a, whose frames do not follow each other, expected a contiguous buffer',
    ],
    ['a: { after: own, domain: guest }', 'found guest, expected dom0, as own has it'],
    ['9a: {}', 'found "9a", expected a name: a letter, then letters, digits, - and _, at most 64 of them'],
  ])('%s', (buffer, problem) => {
    expect(wrong({ buffers: `, ${buffer}` })).toContain(problem);
  });
});

describe('an expectation', () => {
  const expects = (expectation: string) => wrong({ rest: `expect: [${expectation}]` });

  it.each([
    [
      '{ designs: [repaird], verdict: holds, because: x }',
      /^found "repaird" \(did you mean repaired\?\), expected one of: /,
    ],
    [
      '{ designs: [dma-direct], verdict: holds, because: x }',
      /^found dma-direct, expected a design for xen: linux-3/,
    ],
    [
      '{ designs: [repaired], verdict: hold, because: x }',
      /^found "hold" \(did you mean holds\?\), expected one of: holds, violated, inconclusive$/,
    ],
    [
      '{ designs: [repaired], verdict: holds, rule: fault, because: x }',
      /^found a rule for the verdict holds, expected one only for violated$/,
    ],
    [
      '{ designs: [repaired], verdict: violated, rule: falt, because: x }',
      /^found "falt" \(did you mean fault\?\), expected one of: stale-device-read, /,
    ],
    ['{ designs: [repaired], verdict: holds }', /^found no "because", expected a text$/],
    ['{ designs: [repaired], verdict: holds, because: " " }', /^found "", expected some words$/],
    [
      '{ designs: [repaired, repaired], verdict: holds, because: x }',
      /^found repaired once more, expected one verdict of each design$/,
    ],
    ['{ designs: [], verdict: holds, because: x }', /^found an empty list, expected .*at least 1 elements$/],
  ])('%s', (expectation, problem) => {
    expect(expects(expectation)).toContainEqual(expect.stringMatching(problem));
  });
});

describe('agents', () => {
  const texts: readonly (readonly [string, string])[] = [
    [
      'steps: [barrier]\nagents: { a: { steps: [] } }',
      '2:1: found steps beside agents, expected one of the two',
    ],
    ['agents: {}', '2:9: found no agents, expected agents, or steps where there is only one'],
    ['agents: { a: { domain: dom0, steps: [] } }', '2:24: found "dom0", expected a domain: host'],
    ['agents: { a: { device: nic, steps: [] } }', '2:24: found "nic", expected a device, and there is none'],
    [
      'agents: { a: { cpu: 1, steps: [] } }\nplatform: { cpus: 1 }',
      '2:21: found 1, expected a core from 0 to 0',
    ],
    [
      'steps: [barrier]\nschedule: [diver]',
      '3:12: found "diver" (did you mean driver?), expected an agent: driver',
    ],
  ];
  it.each(texts)('%s', (text, problem) => {
    expect(problemsOf(`title: x\n${text}`)).toEqual([problem]);
  });
});

describe('errors', () => {
  it('are the first ten of a file, in its order', () => {
    const steps = Array.from({ length: 20 }, (_, i) => `  - read: unknown${i}`).join('\n');
    const result = parseScenario(`title: x\nbuffers: { data: }\nsteps:\n${steps}`, 'a.yaml');
    expect('errors' in result && result.problems.map(({ line }) => line)).toEqual([
      4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
    ]);
  });
});
