/** One load on other machines: coherence, windows, IOMMUs, 32 bits, what /proc/iomem says, bounce pools. */
import { describe, expect, test } from 'vitest';
import { Direction } from '../linux/index.ts';
import {
  archForCpu,
  archForDevice,
  BARE,
  type BufferOf,
  bounced,
  CLEAN,
  cflush,
  cflushAll,
  deviceFacts,
  devicesAre,
  FIRST,
  INVAL,
  map,
  mapSg,
  p2m,
  ramAt,
  replayText,
  slotFor,
  trace,
  unmap,
  unmapSg,
  windowOf,
  xsMap,
} from './testing.ts';

const GIB = 2 ** 30;
const { bidirectional, toDevice, fromDevice } = Direction;
const rx: BufferOf = { dma: 0xc1000000, size: 4096, dir: fromDevice };
const tx: BufferOf = { dma: 0xc2000000, size: 4096, dir: toDevice };
const foreign: BufferOf = { dma: 0x140000000, phys: 0x48000000, size: 4096, dir: fromDevice };
const granted = p2m(0x48000, 0x140000);

/** Maps and unmaps without any maintenance event. */
const standard = trace(map(rx), unmap(rx), map(tx), unmap(tx));
const withMaintenance = trace(
  archForDevice(rx),
  map(rx),
  archForCpu(rx),
  unmap(rx),
  archForDevice(tx),
  map(tx),
  archForCpu(tx),
  unmap(tx),
);
const coherent = devicesAre({ coherent: true });

describe('what the kernel believes of a device, and what the hardware does', () => {
  test('a coherent device needs nothing: with standard events alone it is clean', () => {
    const outcome = replayText(standard, { findDevice: coherent });
    for (const { verdict } of outcome.result.tracks) expect(verdict).toBe('clean');
    expect(outcome.conformance('linux-6.12')).toBe('0/0');
    expect(outcome.of('linux-6.12').conforms).toBe(true);
  });

  test('a device that does not snoop, with standard events alone, is not recorded, and its designs are judged', () => {
    const outcome = replayText(standard);
    expect([outcome.verdict(), outcome.verdict('linux-6.12')]).toEqual(['not-recorded', 'clean']);
    expect(outcome.of('linux-6.12').conforms).toBe(false);
  });

  test('believed coherent, but it is not: every mapping is an error, in every design', () => {
    const outcome = replayText(standard, { findDevice: coherent, hardware: 'non-coherent' });
    const expected = [`${FIRST} stale-cpu-read`, `${FIRST + 2} stale-device-read`];
    for (const { track } of outcome.result.tracks.filter(({ track: { design } }) => design))
      expect(outcome.errors(track.name)).toEqual(expected);
  });

  test('a recording whose maintenance was probed and did not run is an error too', () => {
    // Another device's operation shows that maintenance was probed.
    const other = { ...rx, dma: 0xc8000000, device: 1 };
    const outcome = replayText(standard + trace(archForDevice(other), map(other)), {
      findDevice: (name) => deviceFacts({ coherent: name === '0000:00:01.0' }),
      hardware: 'non-coherent',
    });
    expect(outcome.errors()).toEqual([`${FIRST} stale-cpu-read`, `${FIRST + 2} stale-device-read`]);
  });

  test('believed non-coherent, but it snoops: maintenance too many does no harm', () => {
    const outcome = replayText(withMaintenance, { hardware: 'coherent' });
    for (const { verdict } of outcome.result.tracks) expect(verdict).toBe('clean');
    expect(outcome.conformance('linux-6.12')).toBe('4/4');
  });

  test('believed non-coherent, but it snoops: without maintenance events nothing is missing either', () => {
    const outcome = replayText(standard, { hardware: 'coherent' });
    expect(outcome.errors('linux-6.12')).toEqual([]);
    expect(outcome.errors()).toEqual([]);
  });

  test('--hardware stands in for a device tree that is not there', () => {
    const { findDevice: _none, ...noTree } = { findDevice: undefined };
    const outcome = replayText(standard, { ...noTree, findDevice: undefined, hardware: 'coherent' });
    expect(outcome.verdict()).toBe('clean');
    expect(outcome.result.devices[0]?.device.because).toContain('--hardware');
  });

  test.each<[string, Parameters<typeof replayText>[1]]>([
    ['no device tree', { findDevice: undefined }],
    ['a device tree that does not know the device', { findDevice: () => undefined }],
  ])('%s: nothing is said of the device', (_name, setup) => {
    const outcome = replayText(withMaintenance, setup);
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 1, FIRST + 5]);
  });

  test('without /proc/iomem foreign pages are told by p2m events and addresses', () => {
    const text = trace(
      granted,
      cflushAll(foreign.dma, 4096, INVAL),
      map(foreign),
      cflushAll(foreign.dma, 4096, INVAL),
      unmap(foreign),
      archForDevice(rx),
      map(rx),
      archForCpu(rx),
      unmap(rx),
    );
    const outcome = replayText(text, { ownRam: undefined });
    expect(outcome.conformance('linux-6.12')).toBe('4/4');
    expect(outcome.replay.session.foreignMappings).toBe(1);
    for (const { verdict } of outcome.result.tracks) expect(verdict).toBe('clean');
  });
});

describe('shared lines', () => {
  const b = { dma: 0xc1000040, size: 1522, dir: fromDevice };
  const text = trace(archForDevice(b), map(b), archForCpu(b), unmap(b));

  test('a receive buffer that ends inside a line is a hazard and no error', () => {
    const outcome = replayText(text);
    expect(outcome.errors()).toEqual([]);
    expect(outcome.verdict()).toBe('hazards');
    expect(outcome.findings('recorded', 'hazard')[0]).toMatchObject({
      missed: [[b.dma + 1472, b.dma + 1522]],
    });
  });

  test('a bounce slot has its lines to itself', () => {
    const slot = { ...b, dma: 0xf0000040, phys: 0xc1000040 };
    const own = { ...slot, phys: slot.dma };
    const outcome = replayText(
      trace(
        slotFor({ ...b, dma: slot.phys }, slot.dma),
        archForDevice(own),
        map(slot),
        archForCpu(own),
        unmap(slot),
      ),
    );
    expect(outcome.verdict()).toBe('clean');
  });
});

describe('windows of dma-ranges (Raspberry Pi 4: DMA address = machine address + 16 GiB)', () => {
  const OFFSET = 16 * GIB;
  const findDevice = devicesAre({ windows: [windowOf(OFFSET, 0, 8 * GIB)] });
  const b = { dma: 0xc1000000 + OFFSET, phys: 0xc1000000, size: 4096, dir: fromDevice };
  const own = { ...b, dma: b.phys };
  const f = { dma: 0x140000000 + OFFSET, phys: 0x48000000, size: 4096, dir: fromDevice };
  const text = trace(
    granted,
    archForDevice(own),
    map(b),
    archForCpu(own),
    unmap(b),
    cflushAll(0x140000000, 4096, INVAL),
    map(f),
    cflushAll(0x140000000, 4096, INVAL),
    unmap(f),
  );
  const outcome = replayText(text, { findDevice });

  test('the recording is clean and conforms', () => {
    expect([outcome.verdict(), outcome.conformance('linux-6.12')]).toEqual(['clean', '4/4']);
  });

  test('the local mapping is local, the foreign one foreign', () => {
    expect([outcome.replay.session.mappings, outcome.replay.session.foreignMappings]).toEqual([2, 1]);
  });

  test.each(['linux-3.19', 'linux-5.4'])('%s programs the device with a wrong frame', (name) => {
    const wrong = outcome.findings(name).filter(({ rule }) => rule === 'wrong-frame');
    expect(new Set(wrong.map(({ line }) => line))).toEqual(new Set([FIRST + 2, FIRST + 7]));
  });

  test.each(['linux-5.9', 'linux-6.12', 'linux-7.3', 'repaired'])('%s is clean', (name) => {
    expect(outcome.verdict(name)).toBe('clean');
  });
});

describe('behind an IOMMU without Xen', () => {
  const iommu = devicesAre({ iommu: '/smmu' });
  const b: BufferOf = { dma: 0xffff0000, phys: 0xc1000000, size: 4096, dir: fromDevice };
  const own = { ...b, dma: b.phys ?? 0 };
  const text = trace(archForDevice(own), map(b), archForCpu(own), unmap(b));

  test('maintenance by the physical address is right', () => {
    const outcome = replayText(text, { ...BARE, findDevice: iommu });
    expect([outcome.verdict(), outcome.conformance('dma-direct')]).toEqual(['clean', '2/2']);
  });

  test('no release takes the device\u2019s address for a machine address: dma-iommu runs in each', () => {
    const outcome = replayText(text, {
      ...BARE,
      findDevice: iommu,
      designs: ['linux-3.19', 'linux-5.4', 'repaired'],
    });
    expect(['linux-3.19', 'linux-5.4', 'repaired'].map((name) => outcome.verdict(name))).toEqual([
      'clean',
      'clean',
      'clean',
    ]);
  });

  test('missing maintenance is found, at the device\u2019s addresses', () => {
    const outcome = replayText(trace(archForDevice(own), map(b), unmap(b)), { ...BARE, findDevice: iommu });
    expect(outcome.findings()).toMatchObject([
      { rule: 'stale-cpu-read', dma: b.dma, missed: [[b.dma, b.dma + 4096]] },
    ]);
  });

  test('a list whose entries were merged is inconclusive, and its pieces\u2019 maintenance is nobody else\u2019s', () => {
    const pieces = [0xc1000000, 0xc3000000];
    const list = {
      entries: [{ dma: 0xffff0000, phys: 0xc1000000, size: 8192 }],
      physAddrs: pieces,
      nents: 2,
      ents: 1,
      dir: fromDevice,
    };
    const each = (make: typeof archForCpu) => pieces.map((dma) => make({ dma, size: 4096, dir: fromDevice }));
    const outcome = replayText(
      trace(
        each(archForDevice),
        mapSg(list),
        unmapSg(list),
        each(archForCpu),
        archForDevice(tx),
        map(tx),
        archForCpu(tx),
        unmap(tx),
      ),
      { ...BARE, findDevice: iommu },
    );
    expect(outcome.errors()).toEqual([]);
    expect(outcome.inconclusiveLines()).toEqual([FIRST + 2]);
    expect(outcome.mismatches('dma-direct')).toEqual([]);
  });
});

describe('32-bit Arm with LPAE', () => {
  const text = trace(
    granted,
    cflushAll(foreign.dma, 4096, INVAL),
    map(foreign),
    cflushAll(foreign.dma, 4096, INVAL),
    unmap(foreign),
  );
  const outcome = replayText(text, { architecture: 'arm' });

  // Before 5.4 it was `xen_pfn << XEN_PAGE_SHIFT`, and xen_pfn was an unsigned long (arch/arm/xen/mm.c, 4.9).
  test.each(['linux-3.19', 'linux-5.4', 'linux-5.9', 'linux-6.12', 'linux-7.3'])(
    '%s cuts the address: wrong frame, and stale data',
    (name) => {
      expect(outcome.errors(name).sort()).toEqual([
        `${FIRST + 3} stale-cpu-read`,
        `${FIRST + 3} wrong-frame`,
      ]);
      const wrong = outcome.findings(name).find(({ rule }) => rule === 'wrong-frame');
      expect(wrong?.touched).toEqual([[0x40000000, 0x40001000]]);
    },
  );

  test('repaired keeps it', () => {
    expect(outcome.verdict('repaired')).toBe('clean');
  });

  test('below 4 GiB every release is right', () => {
    const low = { ...foreign, dma: 0x50000000 };
    const there = replayText(
      trace(
        p2m(0x48000, 0x50000),
        cflushAll(low.dma, 4096, INVAL),
        map(low),
        cflushAll(low.dma, 4096, INVAL),
        unmap(low),
      ),
      { architecture: 'arm' },
    );
    for (const { verdict } of there.result.tracks) expect(verdict).toBe('clean');
  });

  test('FROM_DEVICE at map is an invalidate there, and a clean on arm64', () => {
    const native = trace(archForDevice(rx), map(rx));
    const cost = (architecture: 'arm' | 'arm64') =>
      replayText(native, { ...BARE, architecture }).of('recorded').track.cost;
    expect(cost('arm')).toMatchObject({ linesInvalidated: 64, linesCleaned: 0 });
    expect(cost('arm64')).toMatchObject({ linesInvalidated: 0, linesCleaned: 64 });
  });
});

describe('a foreign frame in a section that is partly dom0\u2019s', () => {
  // 128 MiB sections: RAM of one page at 0x147000000 makes 0x140000000 to 0x147ffffff valid.
  const ownRam = ramAt([3 * GIB, 4 * GIB], [0x147000000, 0x147001000]);
  const tx2 = { ...foreign, dir: bidirectional };
  const asKernel = trace(
    granted,
    // Another foreign mapping, so that the hypercall is seen to have been probed.
    p2m(0x49000, 0x150000),
    cflush(0x150000000, 4096, CLEAN),
    map({ ...foreign, dma: 0x150000000, phys: 0x49000000, dir: toDevice }),
    archForDevice({ dma: 0x48000000, size: 4096, dir: bidirectional }),
    map(tx2),
    archForCpu({ dma: foreign.dma, size: 4096, dir: bidirectional }),
    unmap(tx2),
  );

  test('the kernel maintains an alias that it does not have', () => {
    const outcome = replayText(asKernel, { ownRam });
    expect(outcome.errors('linux-6.12')).toContain(`${FIRST + 6} fault`);
    expect(outcome.conformance('linux-6.12')).toBe('3/3');
    expect(outcome.errors()).toEqual(outcome.errors('linux-6.12'));
  });

  test('repaired asks Xen', () => {
    const outcome = replayText(asKernel, { ownRam });
    expect(outcome.verdict('repaired')).toBe('clean');
    expect(outcome.of('repaired').track.cost.hypercalls).toBe(3);
  });

  test('where the alias is somebody else\u2019s page it is a wrong frame', () => {
    // The pseudo-physical page of that number is another grant.
    const outcome = replayText(trace(p2m(0x140000, 0x150000)) + asKernel, { ownRam });
    expect(outcome.findings('linux-6.12').map(({ rule }) => rule)).toContain('wrong-frame');
  });
});

describe('bounced mappings', () => {
  const SLOT = 0xf0000800;
  const onXen = { ...foreign, dma: SLOT };
  const slot = { ...onXen, phys: SLOT };
  const text = trace(
    granted,
    xsMap(onXen),
    slotFor({ ...foreign, dma: foreign.phys ?? 0 }, SLOT),
    archForDevice(slot),
    map(onXen),
    archForCpu(slot),
    unmap(onXen),
  );

  test('on Xen the slot is judged, and every design bounces where the kernel did', () => {
    const outcome = replayText(text);
    for (const { track, verdict } of outcome.result.tracks) {
      expect([track.name, verdict]).toEqual([track.name, 'clean']);
      expect(track.cost).toMatchObject({ bouncedBytes: 8192, hypercalls: 0 });
    }
    expect(outcome.conformance('linux-6.12')).toBe('2/2');
    expect(outcome.replay.session.foreignMappings).toBe(0);
  });

  test('maintenance of the buffer in place of the slot is no maintenance of the slot', () => {
    const outcome = replayText(
      trace(
        slotFor({ ...rx }, SLOT),
        archForDevice(rx),
        map({ ...rx, dma: SLOT, phys: rx.dma }),
        archForCpu({ ...rx, dma: SLOT }),
        unmap({ ...rx, dma: SLOT, phys: rx.dma }),
      ),
    );
    expect(outcome.errors()).toContain(`${FIRST + 3} stale-cpu-read`);
  });

  test('missed bytes are the slot\u2019s', () => {
    const outcome = replayText(
      trace(
        slotFor(rx, SLOT),
        archForDevice({ ...rx, dma: SLOT }),
        map({ ...rx, dma: SLOT, phys: rx.dma }),
        unmap({ ...rx, dma: SLOT, phys: rx.dma }),
      ),
    );
    expect(outcome.findings()).toMatchObject([{ dma: SLOT, missed: [[SLOT, SLOT + 4096]] }]);
  });

  test.each([
    ['Xen', {}, 'linux-6.12'],
    ['bare metal', BARE, 'dma-direct'],
  ] as const)('the kernel\u2019s own event alone tells it, on %s', (_name, setup, own) => {
    const moved = { ...rx, dma: SLOT, phys: rx.dma };
    const outcome = replayText(
      trace(
        bounced(rx),
        archForDevice({ ...rx, dma: SLOT }),
        map(moved),
        archForCpu({ ...rx, dma: SLOT }),
        unmap(moved),
      ),
      setup,
    );
    expect([outcome.verdict(), outcome.conformance(own)]).toEqual(['clean', '2/2']);
    expect(outcome.of('recorded').track.cost.bouncedBytes).toBe(8192);
  });

  test.each<[Direction, number]>([
    [toDevice, 4096],
    [fromDevice, 8192],
    [bidirectional, 8192],
  ])('direction %i copies %i bytes', (dir, bytes) => {
    const moved = { ...rx, dir, dma: SLOT, phys: rx.dma };
    const outcome = replayText(trace(bounced(rx), map(moved), unmap(moved)), BARE);
    for (const { track } of outcome.result.tracks) expect(track.cost.bouncedBytes).toBe(bytes);
  });

  test('SKIP_CPU_SYNC at unmap copies nothing back', () => {
    const moved = { ...rx, dma: SLOT, phys: rx.dma };
    const outcome = replayText(trace(bounced(rx), map(moved), unmap({ ...moved, attrs: 32 })), BARE);
    for (const { track } of outcome.result.tracks) expect(track.cost.bouncedBytes).toBe(4096);
  });

  test('a bounce that a failed map left behind is not given to the next map', () => {
    const outcome = replayText(
      trace(
        bounced(rx),
        map({ ...rx, dma: -1, phys: rx.dma }),
        archForDevice(rx),
        map(rx),
        archForCpu(rx),
        unmap(rx),
      ),
      BARE,
    );
    expect(outcome.of('recorded').track.cost.bouncedBytes).toBe(0);
    expect(outcome.verdict()).toBe('clean');
  });

  test('without a cache-flush hypercall every design bounces foreign pages of a device that does not snoop', () => {
    const outcome = replayText(
      trace(
        granted,
        cflushAll(foreign.dma, 4096, CLEAN),
        map({ ...foreign, dir: toDevice }),
        unmap({ ...foreign, dir: toDevice }),
      ),
      {
        hasCacheFlush: false,
      },
    );
    for (const { track } of outcome.result.tracks.filter(({ track: { design } }) => design)) {
      expect(track.cost).toMatchObject({ bouncedBytes: 4096, hypercalls: 0 });
      expect(track.findings.errorMappings).toBe(0);
    }
  });
});

test('a hypercall on a local page of dom0 is maintenance like any other', () => {
  const outcome = replayText(
    trace(cflush(rx.dma, 4096, INVAL), map(rx), cflush(rx.dma, 4096, INVAL), unmap(rx)),
  );
  expect(outcome.errors()).toEqual([]);
  expect(outcome.mismatches('linux-6.12').length).toBeGreaterThan(0);
});
