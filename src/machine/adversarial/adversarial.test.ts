import { describe, expect, test } from 'vitest';
import { type MachineAddr, machineAddr } from '../../address/index.ts';
import { shortestExecution } from '../history.ts';
import type { MachineFault, MachineSpec, Port } from '../machine.ts';
import { maintenanceCalls } from '../maintenance.ts';
import { AdversarialMachine, type AdversarialOptions } from './adversarial.ts';

const SPEC: MachineSpec = {
  lineSizes: [64],
  outerCache: false,
  localMaintenance: false,
  explicitBarriers: false,
  cpus: 1,
};
const BASE = 2 ** 33 + 3 * 4096;
const at = (offset: number): MachineAddr => machineAddr(BASE + offset);
const CPU = { cpu: 0, cacheable: true } as const;
const UNCACHED = { cpu: 0, cacheable: false } as const;
const DMA: Port = { name: 'dma', snoops: false };
const ACP: Port = { name: 'acp', snoops: true };
const EL1 = maintenanceCalls('EL1-stage2');
const EL2 = maintenanceCalls('EL2');
const READS = { reads: true, writes: false };
const WRITES = { reads: false, writes: true };

function machine(spec: Partial<MachineSpec> = {}, options: AdversarialOptions = {}) {
  const faults: MachineFault[] = [];
  const made = new AdversarialMachine({ ...SPEC, ...spec }, (fault) => faults.push(fault), options);
  return { m: made, faults, told: () => faults.splice(0).map(brief) };
}
const brief = ({ rule, moves, from, to, consequence }: MachineFault): string =>
  `${rule} ${moves} [${from - BASE}, ${to - BASE})${consequence ? ' consequence' : ''}`;

describe('beginnings', () => {
  const received = (m: AdversarialMachine) => {
    m.deviceWrite(DMA, at(16), at(48));
    m.maintain(0, EL1.invalidate, at(16), at(48));
    m.cpuRead(CPU, at(16), at(48));
  };

  test('a line of which a part begins clean is dirty all the same if the rest is somebody\u2019s', () => {
    const { m, told } = machine();
    m.initialise(at(16), at(48), 'clean');
    received(m);
    expect(told()).toEqual(['stale-cpu-read 0 [16, 48)']);
  });

  test.each([
    {
      when: 'before',
      ranges: [
        [0, 16],
        [48, 64],
        [16, 48],
      ],
    },
    {
      when: 'after',
      ranges: [
        [16, 48],
        [48, 64],
        [0, 16],
      ],
    },
  ] as const)('it is clean if the rest was said to be so $when', ({ ranges }) => {
    const { m, told } = machine();
    for (const [from, to] of ranges) m.initialise(at(from), at(to), 'clean');
    received(m);
    expect(told()).toEqual([]);
  });

  test('what has been in use is not begun again by a neighbour', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(32), 'clean');
    m.cpuWrite(CPU, at(0), at(32));
    m.initialise(at(32), at(64), 'clean');
    m.deviceRead(DMA, at(0), at(64));
    expect(told()).toEqual(['stale-device-read 0 [0, 32)']);
  });
});

describe('reads', () => {
  test('a device reads what was never cleaned', () => {
    const { m, told } = machine();
    m.cpuWrite(CPU, at(0), at(4096));
    m.deviceRead(DMA, at(0), at(4096));
    expect(told()).toEqual(['stale-device-read 0 [0, 4096)']);
    m.deviceRead(DMA, at(0), at(100));
    expect(told()).toEqual(['stale-device-read 0 [0, 100) consequence']);
    m.cpuWrite(CPU, at(0), at(10));
    m.maintain(0, EL1.clean, at(0), at(4096));
    m.deviceRead(DMA, at(0), at(4096));
    expect(told()).toEqual([]);
  });

  test('a new store makes the next wrong read a fault again', () => {
    const { m, told } = machine();
    m.deviceRead(DMA, at(0), at(64));
    m.cpuWrite(CPU, at(16), at(32));
    told();
    m.deviceRead(DMA, at(0), at(64));
    expect(told()).toEqual([
      'stale-device-read 0 [0, 16) consequence',
      'stale-device-read 0 [16, 32)',
      'stale-device-read 0 [32, 64) consequence',
    ]);
  });

  test('a fault is one range across frames, and only the bytes that are wrong', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(3 * 4096), 'clean');
    m.cpuWrite(CPU, at(4000), at(9000));
    m.deviceRead(DMA, at(0), at(3 * 4096));
    expect(told()).toEqual(['stale-device-read 0 [4000, 9000)']);
  });

  test('a device that snoops sees the caches', () => {
    const { m, told } = machine();
    m.cpuWrite(CPU, at(0), at(64));
    m.deviceRead(ACP, at(0), at(64));
    m.deviceWrite(ACP, at(0), at(32));
    m.cpuRead(CPU, at(0), at(64));
    expect(told()).toEqual([]);
  });

  test('a load fetches the line for its neighbours too, with no help from the hardware', () => {
    const { m, told } = machine();
    m.setFills(at(0), at(64), false);
    m.initialise(at(0), at(64), 'clean');
    m.cpuRead(CPU, at(0), at(8));
    m.deviceWrite(DMA, at(32), at(64));
    m.cpuRead(CPU, at(0), at(64));
    expect(told()).toEqual(['stale-cpu-read 0 [32, 64)']);
  });

  test('without a cacheable alias nothing is fetched by speculation', () => {
    const { m, told } = machine();
    m.setFills(at(0), at(64), false);
    m.initialise(at(0), at(128), 'clean');
    m.deviceWrite(DMA, at(0), at(128));
    m.cpuRead(CPU, at(0), at(128));
    expect(told()).toEqual(['stale-cpu-read 1 [64, 128)']);
  });

  test('uncached accesses go past the cache', () => {
    const { m, told } = machine();
    m.cpuWrite(CPU, at(0), at(64));
    m.cpuRead(UNCACHED, at(0), at(64));
    expect(told()).toEqual(['stale-cpu-read 0 [0, 64)']);
    m.cpuWrite(UNCACHED, at(0), at(64));
    m.cpuRead(UNCACHED, at(0), at(64));
    expect(told()).toEqual(['stale-cpu-read 1 [0, 64)']);
  });
});

describe('windows', () => {
  test('a received buffer is stale without an invalidate after it, with one hardware move', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(256), 'anything');
    m.maintain(0, EL1.invalidate, at(0), at(256));
    m.openWindow('rx', DMA, at(0), at(256), WRITES);
    m.closeWindow('rx', at(0), at(256));
    m.cpuRead(CPU, at(0), at(256));
    expect(told()).toEqual(['stale-cpu-read 1 [0, 256)']);
  });

  test('are counted: the device may write until the last one closes', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(128), 'clean');
    m.openWindow('a', DMA, at(0), at(128), WRITES);
    m.openWindow('b', DMA, at(64), at(128), WRITES);
    m.closeWindow('a', at(0), at(128));
    m.maintain(0, EL1.invalidate, at(0), at(128));
    m.cpuRead(CPU, at(0), at(128));
    expect(told()).toEqual(['stale-cpu-read 1 [64, 128)']);
  });

  test('close in part', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(256), 'clean');
    m.openWindow('a', DMA, at(0), at(256), WRITES);
    m.closeWindow('a', at(64), at(128));
    m.maintain(0, EL1.invalidate, at(0), at(256));
    m.cpuRead(CPU, at(0), at(256));
    expect(told()).toEqual(['stale-cpu-read 1 [0, 64)', 'stale-cpu-read 1 [128, 256)']);
  });

  test('a device may read at any time: when the window opens and whenever something changes', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(128), 'clean');
    m.cpuWrite(CPU, at(0), at(16));
    m.openWindow('tx', DMA, at(0), at(128), READS);
    expect(told()).toEqual(['stale-device-read 0 [0, 16)']);
    m.cpuWrite(CPU, at(100), at(104));
    expect(told()).toEqual(['stale-device-read 0 [100, 104)']);
    m.maintain(0, EL1.clean, at(0), at(128));
    m.closeWindow('tx', at(0), at(128));
    m.cpuWrite(CPU, at(0), at(128));
    expect(told()).toEqual([]);
  });

  test('of a device that snoops need no maintenance, but suffer from a wrong one', () => {
    const { m, told } = machine();
    m.openWindow('io', ACP, at(0), at(64), { reads: true, writes: true });
    m.cpuWrite(CPU, at(0), at(64));
    m.cpuRead(CPU, at(0), at(64));
    expect(told()).toEqual([]);
    m.maintain(0, EL2.invalidate, at(0), at(64));
    expect(told()).toEqual(['lost-write 0 [0, 64)', 'stale-device-read 0 [0, 64) consequence']);
  });

  test('a wrong read through a window is told of once, and again if it takes fewer moves', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(64), 'anything');
    m.openWindow('tx', DMA, at(0), at(64), READS);
    m.deviceWrite(DMA, at(0), at(64));
    expect(told()).toEqual(['stale-device-read 1 [0, 64)']);
    m.cpuRead(UNCACHED, at(0), at(1));
    told();
    m.maintain(0, EL1.clean, at(0), at(64));
    expect(told()).toEqual(['stale-device-read 0 [0, 64) consequence']);
    m.maintain(0, EL1.clean, at(0), at(64));
    expect(told()).toEqual([]);
  });
});

describe('maintenance', () => {
  test('a real invalidate destroys what it covers whole, and saves lines covered in part', () => {
    const { m, told } = machine();
    m.maintain(0, EL2.invalidate, at(32), at(192));
    expect(told()).toEqual(['lost-write 0 [64, 192)']);
  });

  test('what is spare is no loss; what was lost before is no news', () => {
    const { m, told } = machine();
    m.maintain(0, EL2.invalidate, at(256), at(512), { spare: [at(256), at(384)] });
    expect(told()).toEqual(['lost-write 0 [384, 512)']);
    m.maintain(0, EL2.invalidate, at(256), at(512));
    expect(told()).toEqual([]);
    m.cpuRead(CPU, at(384), at(512));
    expect(told()).toEqual(['stale-cpu-read 0 [384, 512) consequence']);
  });

  test('a core that believes in lines longer than the real ones skips some', () => {
    const { m, told } = machine();
    m.maintain(0, EL1.clean, at(72), at(300), { stride: 128 });
    m.deviceRead(DMA, at(0), at(320));
    expect(told()).toEqual(['stale-device-read 0 [64, 128)', 'stale-device-read 0 [192, 256)']);
  });

  test('a core that believes in shorter lines takes half a line for a whole one', () => {
    const { m, told } = machine();
    m.maintain(0, EL2.invalidate, at(32), at(64), { stride: 32 });
    expect(told()).toEqual(['lost-write 0 [0, 64)']);
    m.maintain(0, EL2.invalidate, at(144), at(192), { stride: 32 });
    // The edge is saved first, so there is nothing left to lose.
    expect(told()).toEqual([]);
  });

  test('by set/way takes everything with it', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(4096), 'clean');
    m.cpuWrite(CPU, at(8), at(16));
    m.invalidateAll(0);
    expect(told()).toEqual(['lost-write 0 [8, 16)']);
    m.cpuRead(CPU, at(4096), at(4100));
    // Nobody had mentioned it, so nothing was said of its loss.
    expect(told()).toEqual(['stale-cpu-read 0 [4096, 4100)']);
  });

  test('is pending until a barrier of the CPU that issued it', () => {
    const { m, told } = machine({ explicitBarriers: true, cpus: 2 });
    m.maintain(0, EL1.clean, at(0), at(64));
    m.barrier(1);
    m.deviceRead(DMA, at(0), at(32));
    expect(told()).toEqual(['stale-device-read 0 [0, 32)']);
    m.barrier(0);
    m.deviceRead(DMA, at(32), at(64));
    expect(told()).toEqual([]);
  });

  test('that is not broadcast reaches one core only', () => {
    const { m, told } = machine({ localMaintenance: true, cpus: 2 });
    m.initialise(at(0), at(128), 'clean');
    m.cpuWrite({ cpu: 1, cacheable: true }, at(0), at(128));
    m.maintain(0, EL1.clean, at(0), at(64));
    m.maintain(1, EL1.clean, at(64), at(128));
    m.deviceRead(DMA, at(0), at(128));
    // Even the right core's own maintenance can fail: the other may have fetched the dirty line meanwhile.
    expect(told()).toEqual(['stale-device-read 0 [0, 64)', 'stale-device-read 1 [64, 128)']);
  });

  test('of an outer cache goes by the address given, and stops there', () => {
    const { m, told } = machine({ outerCache: true, lineSizes: [32] });
    m.cpuWrite(CPU, at(0), at(64));
    m.maintain(0, EL1.clean, at(0), at(64));
    m.maintainOuter('clean', at(4096), at(4096 + 32));
    m.maintainOuter('clean', at(32), at(64));
    m.deviceRead(DMA, at(0), at(64));
    expect(told()).toEqual(['stale-device-read 0 [0, 32)']);
  });

  test('of an outer cache does nothing where there is none', () => {
    const { m, told } = machine();
    m.cpuWrite(CPU, at(0), at(64));
    m.maintainOuter('invalidate', at(0), at(64));
    m.cpuRead(CPU, at(0), at(64));
    expect(told()).toEqual([]);
  });

  test('of half a big line destroys the other half', () => {
    const { m, told } = machine({ lineSizes: [64, 128] });
    m.maintain(0, EL2.invalidate, at(0), at(64));
    expect(told()).toEqual(['lost-write 0 [0, 128)']);
  });
});

describe('owners', () => {
  test('a page that changes hands unscrubbed discloses what it holds', () => {
    const { m, told } = machine();
    m.newOwner(at(0), at(4096));
    m.cpuRead(CPU, at(0), at(64));
    expect(told()).toEqual(['disclosure 0 [0, 64)']);
  });

  test('scrubbed in the cache alone, it still does to those who bypass the cache', () => {
    const { m, told } = machine();
    m.newOwner(at(0), at(4096));
    m.cpuWrite(CPU, at(0), at(4096));
    m.cpuRead(CPU, at(0), at(4096));
    expect(told()).toEqual([]);
    m.cpuRead(UNCACHED, at(0), at(64));
    m.deviceRead(DMA, at(64), at(128));
    expect(told()).toEqual([
      'disclosure 0 [0, 64)',
      'stale-cpu-read 0 [0, 64)',
      'disclosure 0 [64, 128)',
      'stale-device-read 0 [64, 128)',
    ]);
  });

  test('scrubbed and cleaned, it does not', () => {
    const { m, told } = machine();
    m.newOwner(at(0), at(4096));
    m.cpuWrite(CPU, at(0), at(4096));
    m.maintain(0, EL1.clean, at(0), at(4096));
    m.cpuRead(UNCACHED, at(0), at(64));
    m.deviceRead(DMA, at(64), at(128));
    expect(told()).toEqual([]);
  });

  test('a receive buffer that the device fills in part discloses the rest', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(4096), 'anothers');
    m.maintain(0, EL1.invalidate, at(0), at(4096));
    m.deviceWrite(DMA, at(0), at(100));
    m.maintain(0, EL1.invalidate, at(0), at(4096));
    m.cpuRead(CPU, at(0), at(128));
    expect(told()).toEqual(['disclosure 0 [100, 128)']);
  });
});

describe('copies', () => {
  test('are judged where they are read, and what was wrong stays so', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(64), 'clean');
    m.cpuRead(CPU, at(0), at(1));
    m.deviceWrite(DMA, at(0), at(32));
    m.cpuCopy(CPU, at(0), at(64), at(4096));
    expect(told()).toEqual(['stale-cpu-read 0 [0, 32)']);
    m.cpuRead(CPU, at(4096), at(4096 + 64));
    expect(told()).toEqual([]);
    m.deviceRead(DMA, at(4096), at(4096 + 64));
    expect(told()).toEqual([
      'stale-device-read 0 [4096, 4128) consequence',
      'stale-device-read 0 [4128, 4160)',
    ]);
  });

  test('of what nobody cares about are as good as it', () => {
    const { m, told } = machine();
    m.initialise(at(0), at(64), 'anything');
    m.maintain(0, EL1.invalidate, at(0), at(64));
    m.deviceWrite(DMA, at(0), at(32));
    m.maintain(0, EL1.invalidate, at(0), at(64));
    m.cpuCopy(CPU, at(0), at(64), at(4096));
    expect(told()).toEqual([]);
    m.deviceRead(DMA, at(4096), at(4160));
    expect(told()).toEqual(['stale-device-read 0 [4096, 4128)']);
  });
});

describe('history', () => {
  test('of a byte rebuilds its shortest execution', () => {
    const { m, faults } = machine({}, { follow: at(70) });
    m.setFills(at(0), at(4096), true);
    m.initialise(at(0), at(256), 'anything');
    m.label = 1;
    m.maintain(0, EL1.invalidate, at(0), at(256));
    m.label = 2;
    m.openWindow('rx', DMA, at(0), at(256), WRITES);
    m.closeWindow('rx', at(0), at(256));
    m.label = 3;
    m.cpuRead(CPU, at(0), at(256));
    const history = m.history();
    const [fault] = history?.faults ?? [];
    if (history === undefined || fault === undefined) throw new Error('nothing followed');
    expect([fault.label, fault.rule, faults.length]).toEqual([3, 'stale-cpu-read', 1]);
    const found = shortestExecution(history, fault);
    expect(found?.hardwareMoves).toBe(1);
    expect(found?.steps.map(({ spontaneous }) => spontaneous).filter((name) => name)).toEqual([
      'fill',
      'device writes',
    ]);
  });
});

describe('footprint', () => {
  const touched = (run: (m: AdversarialMachine) => void, spec: Partial<MachineSpec> = {}) => {
    const cells = new Map<string, boolean>();
    const touch = (cell: string, write: boolean) => cells.set(cell, write || (cells.get(cell) ?? false));
    run(machine(spec, { footprint: { touch } }).m);
    return [...cells].map(
      ([cell, write]) => `${write ? 'W' : 'R'} ${cell.replace(/\d+/, (n) => `${Number(n) - BASE / 64}`)}`,
    );
  };

  test('names the granules, and tells what commutes from what does not', () => {
    expect(touched((m) => m.cpuRead(CPU, at(60), at(130)))).toEqual([
      'R caches',
      'R line:0',
      'R line:1',
      'R line:2',
    ]);
    expect(touched((m) => m.deviceWrite(DMA, at(0), at(64)))).toEqual(['R caches', 'W line:0']);
    expect(touched((m) => m.cpuCopy(CPU, at(0), at(4), at(64)))).toEqual([
      'R caches',
      'R line:0',
      'W line:1',
    ]);
    expect(touched((m) => m.invalidateAll(0))).toEqual(['W caches']);
  });

  test('a barrier touches what its CPU has pending', () => {
    const run = (m: AdversarialMachine) => {
      m.maintain(0, EL1.clean, at(0), at(64));
      m.maintain(1, EL1.clean, at(64), at(128));
      m.barrier(1);
    };
    const cells: string[] = [];
    const footprint = { touch: (cell: string) => cells.push(cell) };
    const { m } = machine({ explicitBarriers: true, cpus: 2 }, { footprint });
    run(m);
    expect(
      cells.filter((cell) => cell !== 'caches').map((cell) => Number(cell.slice(5)) - BASE / 64),
    ).toEqual([0, 1, 1]);
  });
});

test('a mapping of 64 KiB takes well under a millisecond once its may-sets are known', () => {
  const { m } = machine();
  const size = 65_536;
  const map = (base: number) => {
    m.maintain(0, EL1.clean, at(base), at(base + size));
    m.openWindow('io', DMA, at(base), at(base + size), { reads: true, writes: true });
    m.closeWindow('io', at(base), at(base + size));
    m.maintain(0, EL1.invalidate, at(base), at(base + size));
    m.cpuRead(CPU, at(base), at(base + size));
  };
  map(0);
  const before = performance.now();
  for (let i = 1; i <= 50; i++) map(i * size + 8);
  // 50 of them; generous, for a machine that is busy with something else.
  expect(performance.now() - before).toBeLessThan(500);
});

test('an empty range is nothing', () => {
  const { m, told } = machine({ outerCache: true });
  m.cpuWrite(CPU, at(0), at(64));
  m.cpuRead(CPU, at(8), at(8));
  m.maintain(0, EL2.invalidate, at(8), at(8));
  m.maintainOuter('invalidate', at(8), at(8));
  m.cpuCopy(CPU, at(8), at(8), at(100));
  m.openWindow('none', DMA, at(8), at(8), READS);
  m.cpuRead(CPU, at(0), at(64));
  expect(told()).toEqual([]);
});

test('hardware that is not modelled is refused', () => {
  expect(() => machine({ outerCache: true, lineSizes: [32, 64] })).toThrow(RangeError);
  expect(() => machine({ lineSizes: [32, 128] })).toThrow(RangeError);
  expect(() => machine({ localMaintenance: true, cpus: 4 })).toThrow(RangeError);
});
