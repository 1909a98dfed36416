/** Calls are ended at any action and called again with recorded answers: nothing between two actions may notice. */
import { describe, expect, test } from 'vitest';
import {
  DMA_MAPPING_ERROR,
  type DmaAddr,
  machineAddr,
  type Pfn,
  pfn,
  pfnOf,
  physAddr,
  physAddrOf,
} from '../address/index.ts';
import { AT_ONCE, type Scheduler } from '../machine/index.ts';
import { allocCoherent, freeCoherent } from './api/coherent.ts';
import { DmaApi } from './api/dma-api.ts';
import { Direction, NO_ATTRIBUTES } from './dma.ts';
import { CacheFlushOp, type Design } from './kernel.ts';
import type { SimulatedDevice } from './simulated/device.ts';
import { allocateForeignPages, freeForeignPages, mapGrants, unmapGrants } from './simulated/foreign-pages.ts';
import { GIB, NIC, Reexecuting, testHost } from './testing.ts';

type Host = ReturnType<typeof testHost>;
type Run = <Answer>(call: () => Answer) => Answer;

/** Uses every service of the kernel that changes anything. */
const thorough: Design = {
  name: 'thorough',
  summary: 'bounces everything, and keeps a table under a lock',
  on: 'xen',
  map(kernel, device, phys, size, direction, attributes) {
    if (size > 0x40000) return DMA_MAPPING_ERROR;
    const slot = kernel.swiotlbMap(device, phys, size, direction, attributes);
    kernel.archSyncForDevice(slot, size, direction);
    const dma = kernel.busToDma(device, machineAddr(slot));
    kernel.lock('mappings');
    kernel.tables.aliasOfMapping.insert(dma, { mapping: 'linear', phys });
    kernel.unlock('mappings');
    return dma;
  },
  unmap(kernel, device, dma, size, direction, attributes) {
    kernel.lock('mappings');
    const [alias] = kernel.tables.aliasOfMapping.find(dma);
    if (alias) kernel.tables.aliasOfMapping.remove(dma, alias);
    kernel.unlock('mappings');
    kernel.archSyncForCpu(physAddr(dma), size, direction);
    kernel.swiotlbUnmap(device, physAddr(dma), size, direction, attributes);
  },
  syncForCpu: (kernel, device, dma, size, direction) =>
    kernel.swiotlbSyncForCpu(device, physAddr(dma), size, direction),
  syncForDevice: (kernel, device, dma, size, direction) =>
    kernel.swiotlbSyncForDevice(device, physAddr(dma), size, direction),
  grantMapped(kernel, frame, machine) {
    kernel.tables.pagesOfFrame.insert(machine, frame);
    return kernel.tables.pagesOfFrame.find(machine).length < 3;
  },
  grantUnmapped: (kernel, frame, machine) => kernel.tables.pagesOfFrame.remove(machine, frame),
};

const BUFFER = physAddr(GIB + 0x1_0100);
const ALIGNED: SimulatedDevice = { ...NIC, minAlignMask: 4095 };

/** What happened, call by call. */
function story(make: (scheduler: Scheduler) => Host, scheduler: Scheduler, run: Run): unknown[] {
  const host = make(scheduler);
  const { dom0, grants } = host;
  const api = new DmaApi(dom0, thorough);
  const answers: unknown[] = [];
  const call = <Answer>(what: () => Answer): Answer => {
    const answer = run(what);
    answers.push(answer, host.machine.deeds.splice(0), host.faults.splice(0));
    return answer;
  };

  const dma = call(() => api.map(ALIGNED, BUFFER, 5000, Direction.bidirectional));
  call(() => api.syncForCpu(ALIGNED, (dma + 100) as DmaAddr, 200, Direction.bidirectional));
  call(() => api.syncForDevice(ALIGNED, (dma + 100) as DmaAddr, 200, Direction.bidirectional));
  call(() => api.unmap(ALIGNED, dma, 5000, Direction.bidirectional));
  const list = [64, 4096, 300].map((size, i) => ({ phys: physAddr(BUFFER + i * 0x2000), size }));
  const mapped = call(() => api.mapSg(NIC, list, Direction.fromDevice));
  call(() => api.unmapSg(NIC, mapped ?? [], Direction.fromDevice));
  call(() => api.mapSg(NIC, [...list, { phys: BUFFER, size: 0x40001 }], Direction.toDevice));
  const coherent = call(() => allocCoherent(dom0, NIC, 9000));
  if (coherent) call(() => freeCoherent(dom0, coherent));

  const refs = [0, 0, 0, 1].map(
    (page) => call(() => grants.grant(0, pfn(pfnOf(physAddr(GIB)) + page), false)) ?? -1,
  );
  const first = call(() => allocateForeignPages(dom0, 4)) as Pfn;
  const requests = refs.map((ref, i) => ({ at: pfn(first + i), domain: 1, ref, readonly: i === 3 }));
  const pages = call(() => mapGrants(dom0, thorough, requests));
  call(() => dom0.cpuCopy(physAddrOf(first), physAddrOf(pfn(first + 3)), 64));
  call(() =>
    dom0.cacheFlush({ devBusAddr: machineAddr(3 * GIB), offset: 8, length: 64, op: CacheFlushOp.invalidate }),
  );
  const live = pages.flatMap(({ status, frame, handle }, i) =>
    status === 0 ? [{ at: pfn(first + i), frame, handle }] : [],
  );
  expect(live).toHaveLength(3);
  call(() => unmapGrants(dom0, thorough, live));
  for (const ref of refs) call(() => grants.endAccess(ref));
  call(() => freeForeignPages(dom0, first, 4));
  call(() => dom0.swiotlbUnmap(NIC, physAddr(dma), 64, Direction.toDevice, NO_ATTRIBUTES));
  answers.push(host.xen.bugs);
  return answers;
}

describe('a call that is ended at every action and called again', () => {
  test.each([
    ['arm64 6.12', {}],
    ['arm64 7.3', { release: [7, 3] }],
    ['arm with an outer cache', { architecture: 'arm', lpae: true, outerCacheDriver: true }],
    ['a p2m whose root is read early', { quirks: ['p2m-root-read-outside-lock'] }],
  ] as const)('does what it does at once, on %s', (_name, dom0) => {
    const make = (scheduler: Scheduler) => testHost({ dom0, scheduler });
    const reexecuting = new Reexecuting();
    expect(story(make, reexecuting, (call) => reexecuting.run(call))).toEqual(
      story(make, AT_ONCE, (call) => call()),
    );
  });
});
