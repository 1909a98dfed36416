/** What the driver maps for a command, and how. */
import { expect, test } from 'vitest';
import { mfn, offsetBy, PAGE_SIZE, pfn, physAddrOf } from '../../address/index.ts';
import { mapGrants } from '../../linux/simulated/index.ts';
import type { DomId } from '../../xen/index.ts';
import { GUEST_FIRST } from '../host/host.ts';
import { diskHost } from '../testing.ts';
import { NvmeDriver } from './nvme.ts';

/** Map four contiguous pages of a guest, write `size` bytes of them from `offset` on; the calls of the DMA API. */
function callsFor(offset: number, size: number, sgl: boolean): string[] {
  const calls: string[] = [];
  const trace = {
    mapPage: (mapping: { readonly size: number }) => calls.push(`page ${mapping.size}`),
    mapSg: (list: readonly { readonly size: number }[]) =>
      calls.push(`list ${list.map((each) => each.size)}`),
    unmapPage: () => calls.push('unmap page'),
    unmapSg: () => calls.push('unmap list'),
  };
  const { host, disk } = diskHost({ alice: 4 }, {}, { trace });
  const guest = host.guest('alice');
  const at = 0x48000;
  const mapped = mapGrants(
    host.dom0.kernel,
    host.design,
    [0, 1, 2, 3].map((i) => ({
      at: pfn(at + i),
      domain: guest.domid,
      ref: guest.grants.grant(0 as DomId, pfn(GUEST_FIRST + i), false) ?? -1,
      readonly: true,
    })),
  );
  const lastFrame = mfn(mapped[3]?.frame ?? 0);
  const driver = new NvmeDriver(host, disk, { sgl });
  const phys = offsetBy(physAddrOf(pfn(at)), offset);
  driver.submit({
    write: true,
    sector: 0,
    vectors: [{ phys, size, lastFrame }],
    done: (ok) => calls.push(String(ok)),
  });
  host.agenda.run();
  return calls;
}

test('one segment of up to two controller pages is mapped by itself', () => {
  expect(callsFor(0, 2 * PAGE_SIZE, false)).toEqual(['page 8192', 'unmap page', 'true']);
  expect(callsFor(512, 2 * PAGE_SIZE - 512, false)).toEqual(['page 7680', 'unmap page', 'true']);
});

test('a longer one is a list, unless the controller takes any segment', () => {
  expect(callsFor(512, 2 * PAGE_SIZE, false)).toEqual(['list 8192', 'unmap list', 'true']);
  expect(callsFor(512, 2 * PAGE_SIZE, true)).toEqual(['page 8192', 'unmap page', 'true']);
});
