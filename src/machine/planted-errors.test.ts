import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type MachineAddr, offsetBy } from '../address/index.ts';
import { Beginnings } from './adversarial/beginnings.ts';
import { MaySets } from './adversarial/may-sets.ts';
import { Track } from './adversarial/track.ts';
import { Windows } from './adversarial/windows.ts';
import { type Mistake, type Mistakes, NONE, unplayable, unpredicted } from './agreement.ts';
import { Board } from './concrete/board.ts';
import { Hierarchy } from './concrete/hierarchy.ts';
import { Line } from './concrete/line.ts';
import type { CpuAccess, Machine, Port } from './machine.ts';
import { BENCHES, type Bench, stories } from './testing.ts';

const benchNamed = (name: string): Bench => {
  const found = BENCHES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no bench ${name}`);
  return found;
};

/** Do the machines disagree, on some story? */
function isNoticed(one: Bench, mistakes: Mistakes): boolean {
  const both = fc.property(stories(one, 8), fc.nat(one.size - 1), (deeds, byte) => {
    expect(unpredicted(one, deeds, [1, 2, 3], mistakes)).toEqual([]);
    expect(unplayable(one, deeds, byte, mistakes)).toEqual([]);
  });
  return fc.check(both, { numRuns: 3000, endOnFailure: true }).failed;
}

/** The same machine, but for some of its calls. */
function but(calls: (real: Machine) => Partial<Machine>): Mistake {
  return (real) => {
    const wrong = calls(real);
    return new Proxy(real, {
      get: (target, name) => {
        const call: unknown = Reflect.get(wrong, name) ?? Reflect.get(target, name);
        return typeof call === 'function' ? call.bind(target) : call;
      },
    });
  };
}
const least = (a: MachineAddr, b: MachineAddr): MachineAddr => (a < b ? a : b);
const most = (a: MachineAddr, b: MachineAddr): MachineAddr => (a > b ? a : b);
const never = (port: Port): Port => ({ ...port, snoops: false });
const uncached = (access: CpuAccess): CpuAccess => ({ ...access, cacheable: false });

const MISTAKES: Readonly<Record<string, { readonly mistake: Mistake; readonly bench?: string }>> = {
  'maintenance stops a byte short': {
    mistake: but((real) => ({
      maintain: (cpu, call, from, to, options) =>
        real.maintain(cpu, call, from, most(from, offsetBy(to, -1)), options),
    })),
  },
  'maintenance begins a line late': {
    mistake: but((real) => ({
      maintain: (cpu, call, from, to, options) =>
        real.maintain(cpu, call, least(to, offsetBy(from, 32)), to, options),
    })),
  },
  'an invalidate destroys lines that it covers in part': {
    mistake: but((real) => ({
      maintain: (cpu, call, from, to, options) =>
        real.maintain(cpu, { ...call, partialEffect: call.wholeEffect }, from, to, options),
    })),
  },
  'the stride is ignored': {
    mistake: but((real) => ({
      maintain: (cpu, call, from, to, { stride: _, ...options } = {}) =>
        real.maintain(cpu, call, from, to, options),
    })),
  },
  'what is spare is ignored': {
    mistake: but((real) => ({
      maintain: (cpu, call, from, to, { spare: _, ...options } = {}) =>
        real.maintain(cpu, call, from, to, options),
    })),
  },
  'devices never snoop': {
    mistake: but((real) => ({
      deviceRead: (port, from, to) => real.deviceRead(never(port), from, to),
      deviceWrite: (port, from, to) => real.deviceWrite(never(port), from, to),
    })),
  },
  'windows never snoop': {
    mistake: but((real) => ({
      openWindow: (name, port, from, to, window) => real.openWindow(name, never(port), from, to, window),
    })),
  },
  'windows close as soon as they open': {
    mistake: but((real) => ({
      openWindow: (name, port, from, to, window) => {
        real.openWindow(name, port, from, to, window);
        real.closeWindow(name, from, to);
      },
    })),
  },
  'windows never close': { mistake: but(() => ({ closeWindow: () => {} })) },
  'a window that closes closes others, too': {
    mistake: but((real) => ({
      closeWindow: (_, from, to) => {
        real.closeWindow('a', from, to);
        real.closeWindow('b', from, to);
      },
    })),
  },
  'loads are never cached': {
    mistake: but((real) => ({ cpuRead: (access, from, to) => real.cpuRead(uncached(access), from, to) })),
  },
  'stores are never cached': {
    mistake: but((real) => ({ cpuWrite: (access, from, to) => real.cpuWrite(uncached(access), from, to) })),
  },
  'copies are not judged, and defined whatever was read': {
    mistake: but((real) => ({
      cpuCopy: (access, from, to, target) => real.cpuWrite(access, target, offsetBy(target, to - from)),
    })),
  },
  'a page keeps its owner': { mistake: but(() => ({ newOwner: () => {} })) },
  'set/way maintenance does nothing': { mistake: but(() => ({ invalidateAll: () => {} })) },
  'lines can always be filled': { mistake: but(() => ({ setFills: () => {} })) },
  'nothing is said of how memory begins': { mistake: but(() => ({ initialise: () => {} })) },
  'barriers do nothing': { bench: 'explicit barriers', mistake: but(() => ({ barrier: () => {} })) },
  'a barrier completes what all CPUs have issued': {
    bench: 'two CPUs with explicit barriers',
    mistake: but((real) => ({
      barrier: () => {
        real.barrier(0);
        real.barrier(1);
      },
    })),
  },
  'maintenance is always executed by CPU 0': {
    bench: 'maintenance that is not broadcast',
    mistake: but((real) => ({
      maintain: (_, call, from, to, options) => real.maintain(0, call, from, to, options),
    })),
  },
  'the outer cache is maintained a line further': {
    bench: 'an outer cache',
    mistake: but((real) => ({
      maintainOuter: (operation, from, to) =>
        real.maintainOuter(operation, offsetBy(from, 32), offsetBy(to, 32)),
    })),
  },
  'the outer cache is never maintained': {
    bench: 'an outer cache',
    mistake: but(() => ({ maintainOuter: () => {} })),
  },
};

describe.each(Object.entries(MISTAKES))('%s', (_, { mistake, bench = 'one cache' }) => {
  test('is noticed on the adversarial machine', () => {
    expect(isNoticed(benchNamed(bench), { adversarial: mistake, concrete: NONE })).toBe(true);
  });
  test('is noticed on the concrete machine', () => {
    expect(isNoticed(benchNamed(bench), { adversarial: NONE, concrete: mistake })).toBe(true);
  });
});

describe('a part that is wrong is noticed', () => {
  const RIGHT = { adversarial: NONE, concrete: NONE };
  const nothing = () => {};
  const never = () => false;
  const parts: Readonly<Record<string, { readonly plant: () => void; readonly bench?: string }>> = {
    'adversarial: neighbours are forgotten in stores': {
      plant: () => {
        const real = MaySets.prototype.write;
        vi.spyOn(MaySets.prototype, 'write').mockImplementation(function (
          this: MaySets,
          from,
          to,
          operation,
        ) {
          real.call(this, from, to, operation);
        });
      },
    },
    'adversarial: loads fetch the loaded bytes alone': {
      plant: () => {
        const real = MaySets.prototype.read;
        vi.spyOn(MaySets.prototype, 'read').mockImplementation(function (
          this: MaySets,
          from,
          to,
          operation,
          rule,
        ) {
          real.call(this, from, to, operation, rule);
        });
      },
    },
    'adversarial: a line begins as if it had no neighbours': {
      plant: () => {
        const real = Beginnings.prototype.visit;
        vi.spyOn(Beginnings.prototype, 'visit').mockImplementation(function (
          this: Beginnings,
          from,
          to,
          visit,
        ) {
          real.call(this, from, to, (it) => visit({ ...it, dirtyLine: false, dirtyElsewhere: false }));
        });
      },
    },
    'adversarial: changes under a window are not judged': {
      plant: () => vi.spyOn(Windows.prototype, 'anyReads').mockImplementation(never),
    },
    'adversarial: losses are not judged': {
      plant: () => vi.spyOn(Track.prototype, 'judgeLost').mockImplementation(nothing),
    },
    'adversarial: what is loaded is always right': {
      plant: () => vi.spyOn(Track.prototype, 'judgeRead').mockImplementation(nothing),
    },
    'adversarial: stores elsewhere in a granule are forgotten': {
      bench: 'two line sizes',
      plant: () => {
        const real = MaySets.prototype.write;
        vi.spyOn(MaySets.prototype, 'write').mockImplementation(function (
          this: MaySets,
          from,
          to,
          operation,
        ) {
          real.call(this, from, to, operation);
        });
      },
    },
    'concrete: evicted lines are not written back': {
      plant: () =>
        vi.spyOn(Hierarchy.prototype, 'evict').mockImplementation((cache, line) => cache.remove(line)),
    },
    'concrete: nothing is ever written back': {
      plant: () => vi.spyOn(Hierarchy.prototype, 'writeBack').mockImplementation((line) => line.clean()),
    },
    'concrete: maintenance does nothing': {
      plant: () => vi.spyOn(Hierarchy.prototype, 'maintain').mockImplementation(nothing),
    },
    'concrete: stores leave the line clean': {
      plant: () =>
        vi.spyOn(Line.prototype, 'store').mockImplementation(function (this: Line, at, values) {
          this.data.set(values, at - this.at);
        }),
    },
    'concrete: nothing is fetched by speculation': {
      plant: () => vi.spyOn(Board.prototype, 'mayFill').mockImplementation(never),
    },
    'concrete: the outer cache never has anything': {
      bench: 'an outer cache',
      plant: () => vi.spyOn(Hierarchy.prototype, 'maintainOuter').mockImplementation(nothing),
    },
    'concrete: dirty data of a line of the other size is forgotten': {
      bench: 'two line sizes',
      plant: () => vi.spyOn(Line.prototype, 'takeModified').mockImplementation(nothing),
    },
  };

  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(Object.entries(parts))('%s', (_, { plant, bench = 'one cache' }) => {
    plant();
    expect(isNoticed(benchNamed(bench), RIGHT)).toBe(true);
  });
});
