/**
 * Every design on the recorded PV disk and network load, with the verdict that its description lets one expect and the reason,
 * written down before it was run. Counts are taken from the text of the trace, by nothing that replay uses.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import { EventKind, FtraceReader } from '../trace/index.ts';
import {
  exampleText,
  type ListedMapping,
  listMappings,
  ON_XEN,
  type Outcome,
  replayExample,
} from './testing.ts';

let outcome: Outcome;
beforeAll(() => {
  outcome = replayExample(exampleText, { designs: ON_XEN });
});

const mappings = listMappings(exampleText);
const closed = mappings.filter((mapping) => mapping.closed);
const foreign = (mapping: ListedMapping) => mapping.foreign;
const received = (mapping: ListedMapping) => mapping.dir === Direction.fromDevice;
const bytes = (some: readonly ListedMapping[]) => some.reduce((sum, { size }) => sum + size, 0);
const pagesOf = ({ phys, size }: ListedMapping): number[] => {
  const first = Math.floor(phys / 4096);
  const last = Math.floor((phys + size - 1) / 4096);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
};

/** Grant mappings, and what a table of one page a frame would refuse of them. */
interface Granted {
  readonly count: number;
  readonly most: number;
  /** Lines [from, to) during which a page is granted a second time. */
  readonly second: readonly { readonly page: number; readonly from: number; to: number }[];
}
function listGrants(text: string): Granted {
  const holder = new Map<number, number>();
  const second: { page: number; from: number; to: number }[] = [];
  const live = new Map<number, number>();
  let count = 0;
  let most = 0;
  const reader = new FtraceReader({
    event({ kind, pfn: page, mfn: frame, line }) {
      if (kind !== EventKind.p2m) return;
      if (frame < 0) {
        const was = live.get(page);
        live.delete(page);
        if (was !== undefined && holder.get(was) === page) holder.delete(was);
        for (const again of second) if (again.page === page && again.to === Infinity) again.to = line;
        return;
      }
      count++;
      live.set(page, frame);
      most = Math.max(most, live.size);
      if (holder.has(frame)) second.push({ page, from: line, to: Infinity });
      else holder.set(frame, page);
    },
    unparsed() {},
  });
  reader.push(new TextEncoder().encode(text));
  reader.end();
  return { count, most, second };
}
const grants = listGrants(exampleText);
const isSecondGrant = (mapping: ListedMapping) =>
  pagesOf(mapping).some((page) =>
    grants.second.some(
      (again) => again.page === page && again.from < mapping.line && mapping.line < again.to,
    ),
  );

interface Expected {
  readonly verdict: 'clean' | 'errors' | 'inconclusive';
  /** Mappings with an error. */
  readonly errors: number;
  readonly because: string;
}
const LOOP: Expected = {
  verdict: 'errors',
  errors: 8,
  because: 'eight foreign buffers begin inside a page and reach into the next one',
};
const EXPECTED: Readonly<Record<string, Expected>> = {
  'linux-3.12': {
    verdict: 'errors',
    errors: closed.filter(foreign).length,
    because: 'the device is given P for every foreign buffer: a frame that is not the buffer\u2019s',
  },
  'linux-3.13': {
    verdict: 'errors',
    errors: closed.filter((mapping) => foreign(mapping) && isSecondGrant(mapping)).length,
    because: 'pages that are the second grant of their frame are refused; every other page is found again',
  },
  'linux-3.17': {
    verdict: 'errors',
    errors: closed.filter(received).length,
    because:
      'arm64 does nothing after map, so whatever a device wrote can be read stale, from local pages too',
  },
  'linux-3.18-bounce': {
    verdict: 'clean',
    errors: 0,
    because: 'no foreign page reaches a device, and slots are local',
  },
  'series-v7': {
    verdict: 'clean',
    errors: 0,
    because:
      'by VA at map and by hypercall afterwards reach the same lines; sync_for_device, which is wrong, is not in the trace',
  },
  'linux-3.19': { verdict: 'clean', errors: 0, because: 'its loop goes by frame' },
  'linux-5.4': LOOP,
  'linux-5.9': LOOP,
  'linux-6.12': LOOP,
  'linux-7.3': LOOP,
  'va-table': {
    verdict: 'clean',
    errors: 0,
    because: 'the backends unmap a grant only after its DMA is over, so that the alias is alive',
  },
  'foreign-index': { verdict: 'clean', errors: 0, because: 'every page is found again' },
  smmu: { verdict: 'inconclusive', errors: 0, because: 'the recorded machine has none' },
  'x86-pv': { verdict: 'inconclusive', errors: 0, because: 'the recorded machine is no x86' },
  repaired: { verdict: 'clean', errors: 0, because: 'all three flaws are repaired' },
};

test('there is an expectation for every design that runs on Xen', () => {
  expect(Object.keys(EXPECTED)).toEqual(ON_XEN);
});

test('the load has what the expectations need', () => {
  expect(closed.filter((mapping) => foreign(mapping) && isSecondGrant(mapping)).length).toBeGreaterThan(0);
  expect(exampleText).not.toContain(': dma_sync_');
});

test.each(Object.entries(EXPECTED))('%s: $verdict, $because', (name, { verdict, errors }) => {
  expect([outcome.verdict(name), outcome.of(name).track.findings.errorMappings]).toEqual([verdict, errors]);
});

describe('what is found', () => {
  const rules = (name: string) => [...new Set(outcome.findings(name).map(({ rule }) => rule))];

  test('linux-3.12 sends devices to frames that are not the buffer\u2019s, and says which', () => {
    expect(rules('linux-3.12')).toEqual(['wrong-frame']);
    expect(outcome.findings('linux-3.12')[0]?.explanation).toMatch(
      /is no frame of this mapping: the device is given 0x4\w+, and the buffer is at machine address 0x1\w+$/,
    );
  });

  test('linux-3.13 has no page where it refused the grant', () => {
    expect(rules('linux-3.13')).toEqual(['fault']);
    expect(outcome.findings('linux-3.13')[0]?.explanation).toMatch(
      /^nothing is mapped at \[0x4\w+000, 0x4\w+000\): machine frame 0x1\w+ was mapped already/,
    );
  });

  test('linux-3.17 leaves what the CPU had cached', () => {
    expect(rules('linux-3.17')).toEqual(['stale-cpu-read']);
    expect(outcome.findings('linux-3.17')[0]?.explanation).toMatch(/: no maintenance at unmap \(line \d+\)$/);
  });

  test('what is for another machine says so', () => {
    expect(outcome.of('smmu').inconclusive).toEqual([
      {
        line: 0,
        device: '',
        because:
          'not judged on a recording: it needs an SMMU that translates dom0\u2019s pseudo-physical addresses',
      },
    ]);
  });
});

describe('cost', () => {
  const costOf = (name: string) => outcome.of(name).track.cost;

  test('bouncing copies every foreign buffer, and those received twice', () => {
    expect(costOf('linux-3.18-bounce')).toMatchObject({
      hypercalls: 0,
      bouncedBytes:
        bytes(mappings.filter(foreign)) +
        bytes(closed.filter((mapping) => foreign(mapping) && received(mapping))),
    });
  });

  test('the index of foreign frames is written at every grant map and unmap', () => {
    const { count, most } = grants;
    expect(costOf('foreign-index')).toMatchObject({
      hypercalls: 0,
      indexInserts: count,
      indexRemoves: count,
      indexPeak: most,
    });
    expect(costOf('foreign-index').indexLookups).toBeGreaterThanOrEqual(closed.length);
  });

  test('the table of aliases has an entry for every page of every foreign mapping while it lasts', () => {
    const pages = (some: readonly ListedMapping[]) => some.reduce((sum, m) => sum + pagesOf(m).length, 0);
    expect(costOf('va-table')).toMatchObject({
      indexInserts: pages(mappings.filter(foreign)),
      indexRemoves: pages(closed.filter(foreign)),
    });
  });

  test('the tree of 3.13 has an entry for every grant that it did not refuse', () => {
    expect(costOf('linux-3.13').indexInserts).toBe(grants.count - grants.second.length);
    expect(costOf('linux-3.13').indexLookups).toBeGreaterThan(2 * closed.length - 2 * grants.second.length);
  });

  test('releases since 3.17 keep no table', () => {
    for (const name of [
      'recorded',
      'linux-3.12',
      'linux-3.17',
      'series-v7',
      'linux-3.19',
      'linux-7.3',
      'repaired',
    ])
      expect(costOf(name)).toMatchObject({ indexInserts: 0, indexRemoves: 0, indexLookups: 0, indexPeak: 0 });
  });

  test('the thread\u2019s series hands Xen what comes after map only', () => {
    expect(costOf('series-v7').hypercalls).toBeGreaterThan(0);
    expect(costOf('series-v7').hypercalls).toBeLessThan(costOf('linux-3.19').hypercalls);
  });
});
