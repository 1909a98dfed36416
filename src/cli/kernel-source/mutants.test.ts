/**
 * Changes for the worse in the kernel's own text are caught by the scenarios that ship: an expectation of the design of its
 * release is not met any more. And a change for the better shows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkScenario } from '../../explore/index.ts';
import { designsOf, type Edit, editedTree, MISSING, shippedScenarios, TREE } from './testing.ts';

const MM = 'arch/arm/xen/mm.c';
const SWIOTLB = 'drivers/xen/swiotlb-xen.c';
const DIRECT = 'kernel/dma/direct.h';

/** What is done to Linux 6.1, in words and as text. */
const MUTANTS: readonly (Edit & { readonly what: string })[] = [
  { what: 'only the first page is maintained', file: MM, from: '} while (size);', to: '} while (0);' },
  {
    what: 'a foreign page that the device wrote is cleaned, not invalidated',
    file: MM,
    from: 'if (dir != DMA_TO_DEVICE)\n\t\tdma_cache_maint(dev, handle, size, GNTTAB_CACHE_INVAL);',
    to: 'if (dir != DMA_TO_DEVICE)\n\t\tdma_cache_maint(dev, handle, size, GNTTAB_CACHE_CLEAN);',
  },
  {
    what: 'a foreign page that the device reads is invalidated, not cleaned',
    file: MM,
    from: 'dma_cache_maint(dev, handle, size, GNTTAB_CACHE_CLEAN);',
    to: 'dma_cache_maint(dev, handle, size, GNTTAB_CACHE_INVAL);',
  },
  {
    what: 'receive buffers are left alone afterwards',
    file: MM,
    from: 'if (dir != DMA_TO_DEVICE)',
    to: 'if (dir == DMA_BIDIRECTIONAL)',
  },
  {
    what: 'foreign pages are not bounced where there is no hypercall',
    file: MM,
    from: 'return (!hypercall_cflush &&',
    to: 'return (false &&',
  },
  {
    what: 'coherent devices are maintained, others are not',
    file: SWIOTLB,
    from: 'done:\n\tif (!dev_is_dma_coherent(dev)',
    to: 'done:\n\tif (dev_is_dma_coherent(dev)',
  },
  {
    what: 'every page is local at unmap',
    file: SWIOTLB,
    from: 'if (pfn_valid(PFN_DOWN(dma_to_phys(hwdev, dev_addr))))',
    to: 'if (true)',
  },
  {
    what: 'the device\u2019s mask does not matter',
    file: SWIOTLB,
    from: 'if (dma_capable(dev, dev_addr, size, true) &&',
    to: 'if (',
  },
  {
    what: 'pages that do not follow each other in the machine are mapped as if they did',
    file: SWIOTLB,
    from: '!range_straddles_page_boundary(phys, size) &&',
    to: '',
  },
  {
    what: 'the last page is not looked at',
    file: SWIOTLB,
    from: 'for (i = 1; i < nr_pages; i++)',
    to: 'for (i = 1; i < nr_pages - 1; i++)',
  },
  {
    what: 'the device gets the page\u2019s beginning',
    file: SWIOTLB,
    from: 'baddr |= paddr & ~XEN_PAGE_MASK;',
    to: '',
  },
  {
    what: 'a slot is never given back, nor copied',
    file: SWIOTLB,
    from: 'if (is_xen_swiotlb_buffer(hwdev, dev_addr))',
    to: 'if (false)',
  },
  {
    what: 'the native operations are swapped at sync',
    file: SWIOTLB,
    from: 'arch_sync_dma_for_cpu(paddr, size, dir);\n\t\telse\n\t\t\txen_dma_sync_for_cpu(dev,',
    to: 'arch_sync_dma_for_device(paddr, size, dir);\n\t\telse\n\t\t\txen_dma_sync_for_cpu(dev,',
  },
  {
    what: 'a sync for the device maintains only foreign pages',
    file: SWIOTLB,
    from: 'arch_sync_dma_for_device(paddr, size, dir);',
    to: ';',
  },
  {
    what: 'without Xen, nothing is done after the device has written',
    file: DIRECT,
    from: 'arch_sync_dma_for_cpu(paddr, size, dir);',
    to: ';',
  },
  {
    what: 'without Xen, a slot is not maintained back',
    file: DIRECT,
    from: 'if (!dev_is_dma_coherent(dev) && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))',
    to: 'if (false)',
  },
];

const scenarios = shippedScenarios();

/** Those that were written for what every release must keep right come first: most is caught there. */
const byPlace = scenarios.toSorted(
  (a, b) => Number(b.file.startsWith('releases/')) - Number(a.file.startsWith('releases/')),
);

/** The first scenario in which the source is not as the design of its release is expected to be. */
function firstUnmet(
  { xen, direct }: ReturnType<typeof designsOf>,
  architecture?: 'arm64',
): string | undefined {
  for (const scenario of byPlace) {
    const { platform } = scenario.cases[0] ?? {};
    if (architecture !== undefined && platform?.architecture !== architecture) continue;
    const design = platform?.xen === undefined ? direct : xen;
    if (!scenario.expectations.some(({ designs }) => designs.includes(design.expectedAs ?? ''))) continue;
    const wrong = checkScenario(scenario, design, { now: () => 0 }).find((row) => row.asExpected === false);
    if (wrong) return `${wrong.scenario}: ${wrong.because}`;
  }
  return undefined;
}

const folder = mkdtempSync(join(tmpdir(), 'dmalab-mutants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf('missing' in TREE)(`the scenarios ${MISSING}`, () => {
  it('are met by the source as it is', { timeout: 60_000 }, () => {
    expect(firstUnmet(designsOf())).toBeUndefined();
  });

  it.each(MUTANTS)('catch that $what', { timeout: 60_000 }, (mutant) => {
    const tree = editedTree(folder, `${MUTANTS.indexOf(mutant)}`, [mutant]);
    const found = firstUnmet(designsOf(tree, ['arm64']), 'arm64');
    expect(found).toBeDefined();
  });
});
