/**
 * What a cache does to a line and the bytes in it, as variables and procedures of a model. Written from the
 * architecture's rules (docs/arm-caches.md: Arm ARM DDI 0487, D7.5 and B2.8), apart from the tables of src/coherence,
 * whose verdicts the models check.
 *
 * A line is ABSENT, CLEAN or DIRTY. Of each class of its bytes a model knows whether memory, and the cached copy if there is
 * one, hold the value that was stored last. It matters to no reader which wrong value it gets.
 * What an absent line "holds" is FALSE, so that equal states look equal.
 */
import type { ByteClass, ModelLine } from './lines.ts';
import {
  all,
  any,
  assign,
  type Condition,
  call,
  is,
  type Move,
  not,
  type Procedure,
  type Statement,
  set,
  type Variable,
  when,
} from './model.ts';
import type { LineEffect } from './operations.ts';

/** What a model can leave out. */
export interface Needs {
  /** Maintenance is pending until a barrier. */
  readonly barriers: boolean;
  /** Pages change hands, so it matters whose data a copy holds. */
  readonly owners: boolean;
  /** Bytes are copied, so it matters whether anybody ever stored to them. */
  readonly copies: boolean;
}

export const STATES = ['ABSENT', 'CLEAN', 'DIRTY'] as const;
const PENDING = { clean: 'CLEANING', invalidate: 'INVALIDATING', 'clean+invalidate': 'FLUSHING' } as const;
const NOTHING = 'NOTHING';

export const lineOf = (line: Pick<ModelLine, 'index'>): string => `line${line.index}`;
const memory = ({ index }: ByteClass): string => `memory${index}`;
const cached = ({ index }: ByteClass): string => `cached${index}`;
const ownMemory = ({ index }: ByteClass): string => `own_memory${index}`;
const ownCached = ({ index }: ByteClass): string => `own_cached${index}`;
const nobodys = ({ index }: ByteClass): string => `nobodys${index}`;
const pending = ({ line }: { readonly line: number }): string => `pending${line}`;
const late = ({ index }: ByteClass): string => `late${index}`;

export type Beginning = 'written' | 'anything' | 'clean' | 'anothers';

export class Cache {
  readonly #needs: Needs;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** @param beginningOf how the bytes begin. A line is dirty unless that was said of none of its bytes. */
  variables(line: ModelLine, beginningOf: (bytes: ByteClass) => Beginning): Variable[] {
    const dirty = line.classes.some((bytes) => beginningOf(bytes) !== 'clean');
    const variables: Variable[] = [
      {
        name: lineOf(line),
        type: STATES,
        typeName: 'LineState',
        initially: dirty ? 'DIRTY' : 'ABSENT',
        about: line.classes.map(({ name }) => name).join(' | '),
      },
    ];
    if (this.#needs.barriers)
      variables.push({
        name: pending({ line: line.index }),
        type: [NOTHING, ...Object.values(PENDING)],
        typeName: 'Pending',
        initially: NOTHING,
        about: 'maintenance issued and not complete',
      });
    for (const bytes of line.classes) {
      const begins = beginningOf(bytes);
      const flag = (name: string, initially: boolean, about: string) =>
        variables.push({ name, type: 'boolean', initially, about });
      flag(memory(bytes), begins !== 'written', `${bytes.name}: memory holds the current value`);
      flag(cached(bytes), dirty, `${bytes.name}: the cached copy does`);
      if (this.#needs.owners) {
        flag(
          ownMemory(bytes),
          begins !== 'anothers',
          `${bytes.name}: memory holds nothing of an earlier owner`,
        );
        flag(
          ownCached(bytes),
          dirty && begins !== 'anothers',
          `${bytes.name}: the cached copy holds nothing of theirs`,
        );
      }
      if (this.#needs.barriers)
        flag(late(bytes), false, `${bytes.name}: stored past the cache while maintenance was pending`);
      if (this.#needs.copies)
        flag(
          nobodys(bytes),
          begins === 'anything' || begins === 'anothers',
          `${bytes.name}: nobody stored to it, whatever it holds will do`,
        );
    }
    return variables;
  }

  procedures(line: ModelLine): Procedure[] {
    const { classes } = line;
    const state = lineOf(line);
    const owners = (statements: readonly Statement[]) => (this.#needs.owners ? statements : []);
    const procedures: Procedure[] = [
      {
        name: this.#load(line),
        about: 'somebody asks for the line: it is loaded if it is absent',
        does: [
          when(
            is(state, 'ABSENT'),
            assign(state, 'CLEAN'),
            ...classes.map((bytes) => assign(cached(bytes), memory(bytes))),
            ...owners(classes.map((bytes) => assign(ownCached(bytes), ownMemory(bytes)))),
          ),
        ],
      },
      {
        name: this.#writeBack(line),
        about: 'dirty data reaches memory, all of the line; the line stays',
        does: [
          when(
            is(state, 'DIRTY'),
            assign(state, 'CLEAN'),
            ...classes.map((bytes) => assign(memory(bytes), cached(bytes))),
            ...owners(classes.map((bytes) => assign(ownMemory(bytes), ownCached(bytes)))),
          ),
        ],
      },
      {
        name: this.#drop(line),
        about: 'the line goes, with what is in it',
        does: [
          assign(state, 'ABSENT'),
          ...classes.map((bytes) => assign(cached(bytes), 'FALSE')),
          ...owners(classes.map((bytes) => assign(ownCached(bytes), 'FALSE'))),
        ],
      },
    ];
    if (this.#needs.barriers)
      procedures.push({
        name: this.#complete(line),
        about:
          'pending maintenance takes effect; what it writes back, it writes over what came to memory meanwhile',
        does: [
          ...classes.map((bytes) => this.#lateLoss(line, bytes)),
          when(is(pending({ line: line.index }), PENDING.clean), ...this.#effect(line, 'clean')),
          when(is(pending({ line: line.index }), PENDING.invalidate), ...this.#effect(line, 'invalidate')),
          when(
            is(pending({ line: line.index }), PENDING['clean+invalidate']),
            ...this.#effect(line, 'clean+invalidate'),
          ),
          assign(pending({ line: line.index }), NOTHING),
          ...classes.map((bytes) => assign(late(bytes), 'FALSE')),
        ],
      });
    return procedures;
  }

  /** At any time: a line may be loaded, written back or evicted. A clean line never becomes dirty by itself. */
  moves(line: ModelLine): Move[] {
    const state = lineOf(line);
    const moves: Move[] = [
      { name: `${state} is loaded`, when: is(state, 'ABSENT'), does: [call(this.#load(line))] },
      { name: `${state} is written back`, when: is(state, 'DIRTY'), does: [call(this.#writeBack(line))] },
      {
        name: `${state} is evicted`,
        when: not(is(state, 'ABSENT')),
        does: [call(this.#writeBack(line)), call(this.#drop(line))],
      },
    ];
    if (this.#needs.barriers)
      moves.push({
        name: `maintenance of ${state} takes effect`,
        when: not(is(pending({ line: line.index }), NOTHING)),
        does: [call(this.#complete(line))],
      });
    return moves;
  }

  // What the CPU does through its caches, in order with maintenance of the line.

  load(line: ModelLine): Statement[] {
    return [...this.#inOrder(line), call(this.#load(line))];
  }
  checkLoaded(bytes: ByteClass): Statement[] {
    return this.#check('stale-cpu-read', set(cached(bytes)), set(ownCached(bytes)), bytes);
  }
  dirty(line: ModelLine): Statement[] {
    return [...this.load(line), assign(lineOf(line), 'DIRTY')];
  }
  /** @param undefinedIf variable that says that nobody cares about the value. */
  store(bytes: ByteClass, source?: ByteClass): Statement[] {
    const whatever = source && this.#needs.copies ? nobodys(source) : 'FALSE';
    return [
      assign(cached(bytes), 'TRUE'),
      // Where any value will do, the one in memory does.
      assign(memory(bytes), whatever),
      ...(this.#needs.owners ? [assign(ownCached(bytes), 'TRUE')] : []),
      ...(this.#needs.copies ? [assign(nobodys(bytes), whatever)] : []),
    ];
  }

  // What reaches memory past the caches.

  checkMemory(bytes: ByteClass, rule: 'stale-cpu-read' | 'stale-device-read'): Statement[] {
    return this.#check(rule, set(memory(bytes)), set(ownMemory(bytes)), bytes);
  }
  storeMemory(bytes: ByteClass, source?: ByteClass): Statement[] {
    const whatever = source && this.#needs.copies ? nobodys(source) : 'FALSE';
    return [
      assign(memory(bytes), 'TRUE'),
      ...(source === undefined || whatever === 'FALSE'
        ? [assign(cached(bytes), 'FALSE')]
        : [when(not(set(whatever)), assign(cached(bytes), 'FALSE'))]),
      ...(this.#needs.owners ? [assign(ownMemory(bytes), 'TRUE')] : []),
      ...(this.#needs.copies ? [assign(nobodys(bytes), whatever)] : []),
    ];
  }

  /** A store past the cache that is about to be made, unless it is one of many that come at any time. */
  storeLate(bytes: ByteClass, unless: readonly Condition[]): Statement[] {
    if (!this.#needs.barriers) return [];
    const isPending = not(is(pending(bytes), NOTHING));
    const conditions = unless.length === 0 ? [isPending] : [isPending, not(any(...unless))];
    return [when(all(...conditions), assign(late(bytes), 'TRUE'))];
  }

  // A device that snoops.

  checkSnooped(line: ModelLine, bytes: ByteClass): Statement[] {
    const either = (inMemory: string, inCache: string) =>
      any(all(is(lineOf(line), 'ABSENT'), set(inMemory)), all(not(is(lineOf(line), 'ABSENT')), set(inCache)));
    return this.#check(
      'stale-device-read',
      either(memory(bytes), cached(bytes)),
      either(ownMemory(bytes), ownCached(bytes)),
      bytes,
    );
  }
  /** Its write takes the line away from the CPUs. */
  snoop(line: ModelLine): Statement[] {
    return [call(this.#writeBack(line)), call(this.#drop(line))];
  }

  // Maintenance.

  /** @param spare is it no loss if the bytes' value is destroyed. */
  maintain(line: ModelLine, effect: LineEffect, spare: (bytes: ByteClass) => boolean): Statement[] {
    // Dirty data that is invalidated is lost or written back. Written back it can be by the hardware just before.
    const losses =
      effect === 'invalidate'
        ? line.classes.flatMap((bytes) => (spare(bytes) ? [] : this.#loss(line, bytes)))
        : [];
    const now = this.#needs.barriers
      ? [assign(pending({ line: line.index }), PENDING[effect])]
      : this.#effect(line, effect);
    return [...this.#inOrder(line), ...losses, ...now];
  }
  /** Invalidate by set/way: complete when it returns. */
  discard(line: ModelLine): Statement[] {
    const losses = line.classes.flatMap((bytes) => this.#loss(line, bytes));
    return [...this.#inOrder(line), ...losses, call(this.#drop(line))];
  }
  barrier(line: ModelLine): Statement[] {
    return this.#inOrder(line);
  }

  /** What the bytes hold is of no use from now on; whoever says so may have stored to them. */
  begin(line: ModelLine, bytes: ByteClass): Statement[] {
    return [
      call(this.#load(line)),
      assign(lineOf(line), 'DIRTY'),
      assign(cached(bytes), 'TRUE'),
      assign(memory(bytes), 'TRUE'),
      ...(this.#needs.owners ? [assign(ownCached(bytes), 'TRUE'), assign(ownMemory(bytes), 'TRUE')] : []),
      ...(this.#needs.copies ? [assign(nobodys(bytes), 'TRUE')] : []),
    ];
  }
  /** Every copy there is is now an earlier owner's; to the new one none of them is current or old. */
  newOwner(line: ModelLine, bytes: ByteClass): Statement[] {
    return [
      assign(memory(bytes), 'TRUE'),
      assign(ownMemory(bytes), 'FALSE'),
      when(not(is(lineOf(line), 'ABSENT')), assign(cached(bytes), 'TRUE')),
      assign(ownCached(bytes), 'FALSE'),
      ...(this.#needs.copies ? [assign(nobodys(bytes), 'TRUE')] : []),
    ];
  }

  #check(
    rule: 'stale-cpu-read' | 'stale-device-read',
    current: Condition,
    own: Condition,
    { name: about }: ByteClass,
  ): Statement[] {
    const check: Statement = { check: current, rule, about };
    return this.#needs.owners ? [check, { check: own, rule: 'disclosure', about }] : [check];
  }
  /** Would the only current copy be destroyed with the line. */
  #loss(line: ModelLine, bytes: ByteClass): Statement[] {
    const lost = all(is(lineOf(line), 'DIRTY'), set(cached(bytes)), not(set(memory(bytes))));
    return [{ check: not(lost), rule: 'lost-write', about: bytes.name }];
  }
  #lateLoss(line: ModelLine, bytes: ByteClass): Statement {
    const lost = all(
      set(late(bytes)),
      is(lineOf(line), 'DIRTY'),
      set(memory(bytes)),
      not(set(cached(bytes))),
    );
    return { check: not(lost), rule: 'lost-write', about: bytes.name };
  }
  #effect(line: ModelLine, effect: LineEffect): Statement[] {
    return [
      // A clean may drop the line, too, as the hardware may just after.
      ...(effect === 'invalidate' ? [] : [call(this.#writeBack(line))]),
      ...(effect === 'clean' ? [] : [call(this.#drop(line))]),
    ];
  }
  #inOrder(line: ModelLine): Statement[] {
    return this.#needs.barriers ? [call(this.#complete(line))] : [];
  }
  #load = (line: ModelLine): string => `load_${lineOf(line)}`;
  #writeBack = (line: ModelLine): string => `write_back_${lineOf(line)}`;
  #drop = (line: ModelLine): string => `drop_${lineOf(line)}`;
  #complete = (line: ModelLine): string => `complete_${lineOf(line)}`;
}
