/**
 * A machine with real bytes and real caches: one behaviour of all those that the adversarial machine allows. It follows a seed,
 * or a script in which a byte is known to go wrong.
 *
 * Every value ever stored is different, and what a machine without caches would hold is kept beside it, so every wrong byte is
 * seen.
 */
import { floorTo, type MachineAddr, offsetBy } from '../../address/index.ts';
import { type Copy, type DisciplineName, Operation } from '../../coherence/index.ts';
import { wholeLines } from '../lines.ts';
import type {
  CpuAccess,
  FaultSink,
  Initial,
  Machine,
  MachineSpec,
  MaintainOptions,
  OuterOperation,
  Port,
  Window,
} from '../machine.ts';
import type { MaintenanceCall } from '../maintenance.ts';
import type { Board } from './board.ts';
import type { Value } from './contents.ts';
import type { Content, ReadContent } from './data.ts';
import type { Director } from './director.ts';
import type { MaintenanceKind } from './hierarchy.ts';
import type { Issued } from './pending.ts';
import { type ConcreteOptions, Stage } from './stage.ts';

const KIND: Partial<Record<Operation, MaintenanceKind>> = {
  [Operation.clean]: 'clean',
  [Operation.invalidate]: 'invalidate',
  [Operation.cleanInvalidate]: 'cleanInvalidate',
};

export class ConcreteMachine implements Machine {
  readonly spec: MachineSpec;
  readonly granule: number;
  readonly #stage: Stage;
  readonly #board: Board;
  readonly #director: Director;
  readonly #sink: FaultSink;
  /**
   * @param sink told of every fault, at the end of the operation that shows it; `moves` are those of the byte's granule so far.
   * @throws RangeError for hardware that is not modelled.
   */
  constructor(spec: MachineSpec, sink: FaultSink, options: ConcreteOptions = {}) {
    this.spec = spec;
    this.#sink = sink;
    this.#stage = new Stage(spec, options);
    this.#board = this.#stage.board;
    this.#director = this.#stage.director;
    this.granule = this.#stage.granule;
  }

  /** What the copies of a byte hold now. */
  copies(at: MachineAddr, discipline: DisciplineName): Copy[] {
    this.#stage.begin(at, offsetBy(at, 1));
    return this.#board.copies(at, discipline);
  }

  /** The byte's current value is nowhere any more. */
  isLost(at: MachineAddr): boolean {
    this.#stage.begin(at, offsetBy(at, 1));
    return this.#board.isLost(at);
  }

  /** No operation follows: what may still happen by itself does, or what the script has to the end. */
  finish(): void {
    this.#director.finish();
    this.#board.flush(this.#sink);
  }

  initialise(from: MachineAddr, to: MachineAddr, initial: Initial): void {
    this.#stage.say(from, to, initial);
  }

  /** @returns what was read. */
  cpuRead(access: CpuAccess, from: MachineAddr, to: MachineAddr): ReadContent {
    const { values } = this.#stage.load(access, from, to);
    this.#done();
    return this.#content(from, values);
  }

  /** @param content as many bytes. Nobody knows which, where it is not said. */
  cpuWrite(access: CpuAccess, from: MachineAddr, to: MachineAddr, content?: Content): void {
    this.#stage.store(access, from, to, content ? { content } : {});
    this.#done();
  }

  cpuCopy(access: CpuAccess, from: MachineAddr, to: MachineAddr, target: MachineAddr): void {
    // What is copied may be what a device has just written.
    for (const opening of this.#board.windows.all()) this.#stage.mayWrite('first', opening);
    const { values, about } = this.#stage.load(access, from, to);
    const content = this.#content(from, values);
    this.#stage.store(access, target, offsetBy(target, to - from), { about, content });
    this.#done();
  }

  /** @returns what was read. */
  deviceRead(port: Port, from: MachineAddr, to: MachineAddr): ReadContent {
    this.#stage.use(from, to);
    const loaded: Value[] = [];
    this.#stage.eachPiece(from, to, (low, high) => {
      const values = this.#director.act(low, high, {
        perform: () => this.#board.deviceRead(port, low, high - low),
        returned: (read, at) => read[at - low],
      });
      this.#board.judge(low, values, 'stale-device-read');
      loaded.push(...values);
    });
    this.#done();
    return this.#content(from, loaded);
  }

  /** @param content as many bytes. Nobody knows which, where it is not said. */
  deviceWrite(port: Port, from: MachineAddr, to: MachineAddr, content?: Content): void {
    this.#stage.use(from, to);
    this.#stage.deviceWrites(
      port,
      from,
      to,
      (low, high, perform, before) => this.#director.act(low, high, { before, perform }),
      content,
    );
    this.#done();
  }

  /** What every reader of these bytes should get. */
  current(from: MachineAddr, to: MachineAddr): Content {
    this.#stage.begin(from, to);
    const { contents } = this.#board;
    return this.#content(
      from,
      Array.from({ length: to - from }, (_, i) => contents.current(offsetBy(from, i))),
    );
  }

  #content(from: MachineAddr, values: readonly Value[]): ReadContent {
    const { contents } = this.#board;
    const size = values.length;
    const content = {
      bytes: new Uint8Array(size),
      marks: new Uint32Array(size),
      wrong: new Uint8Array(size),
    };
    for (const [i, value] of values.entries()) {
      content.bytes[i] = contents.data.byteOf(value);
      content.marks[i] = contents.data.markOf(value);
      if (!contents.isCurrent(offsetBy(from, i), value)) content.wrong[i] = 1;
    }
    return content;
  }

  openWindow(name: string, port: Port, from: MachineAddr, to: MachineAddr, window: Window): void {
    if (from >= to) return;
    this.#stage.begin(from, to);
    this.#director.act(...wholeLines(from, to, this.#board.sizes.small), {
      perform: () => this.#board.windows.open({ name, port, from, to, ...window }),
    });
    this.#stage.mayWrite('first', { name, port, from, to, ...window });
    this.#done();
  }

  closeWindow(name: string, from: MachineAddr, to: MachineAddr): void {
    if (from >= to) return;
    this.#stage.begin(from, to);
    this.#director.act(...wholeLines(from, to, this.#board.sizes.small), {
      before: () => {
        for (const opening of this.#board.windows.named(name, from, to))
          this.#stage.mayWrite('last', opening);
      },
      perform: () => this.#board.windows.close(name, from, to),
    });
    this.#done();
  }

  maintain(
    cpu: number,
    call: MaintenanceCall,
    from: MachineAddr,
    to: MachineAddr,
    { stride = this.#board.sizes.small, spare }: MaintainOptions = {},
  ): void {
    if (from >= to) return;
    let last: Pick<Issued, 'at' | 'kind'> | undefined;
    for (let at = floorTo(from, stride); at < to; at = offsetBy(at, stride)) {
      const whole = from <= at && offsetBy(at, stride) <= to;
      const kind = KIND[whole ? call.wholeEffect : call.partialEffect];
      const line = floorTo(at, this.#board.sizes.small);
      // The same once more is the same.
      if (kind === undefined || (last?.at === line && last.kind === kind)) continue;
      last = { at: line, kind };
      this.#stage.use(line, offsetBy(line, 1));
      const granule = this.#board.granuleOf(line);
      this.#director.act(...this.#stage.wholeGranule(granule), {
        before: () => this.#board.noteIssued(cpu, granule),
        perform: () => this.#board.maintain({ cpu, at: line, kind, spare }),
      });
    }
    this.#done();
  }

  invalidateAll(cpu: number): void {
    for (const granule of this.#stage.all())
      for (const line of this.#stage.linesOf(granule))
        this.#director.act(...this.#stage.wholeGranule(granule), {
          perform: () => {
            this.#board.complete(cpu, line);
            for (const cache of this.#board.ownCaches(cpu)) this.#board.invalidateLine(cache, line);
          },
        });
    this.#stage.wipeWhatComes(cpu);
    this.#done();
  }

  maintainOuter(operation: OuterOperation, from: MachineAddr, to: MachineAddr): void {
    if (!this.spec.outerCache || from >= to) return;
    const { small } = this.#board.sizes;
    for (let at = floorTo(from, small); at < to; at = offsetBy(at, small)) {
      this.#stage.use(at, offsetBy(at, 1));
      this.#director.act(at, offsetBy(at, small), {
        perform: () => this.#board.maintainOuter(operation, at),
      });
    }
    this.#done();
  }

  barrier(cpu: number): void {
    for (const granule of this.#board.takeIssued(cpu))
      this.#director.act(...this.#stage.wholeGranule(granule), {
        perform: () => {
          for (const line of this.#stage.linesOf(granule)) this.#board.complete(cpu, line);
        },
      });
    this.#done();
  }

  newOwner(from: MachineAddr, to: MachineAddr): void {
    this.#stage.use(from, to);
    this.#director.act(from, to, {
      before: () => {
        for (let at = from; at < to; at = offsetBy(at, 1)) this.#board.contents.disown(at);
      },
      perform: () => {},
    });
    this.#done();
  }

  setFills(from: MachineAddr, to: MachineAddr, possible: boolean): void {
    if (from >= to) return;
    this.#stage.begin(from, to);
    this.#director.act(from, to, { perform: () => this.#board.setFills(from, to, possible) });
    this.#done();
  }

  #done(): void {
    this.#board.flush(this.#sink);
  }
}
