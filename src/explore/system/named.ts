/** What steps call by name: buffers, mappings and grants, as they come and go. */

import type { ForeignPage } from '../../linux/simulated/index.ts';
import type { Footprint, Scheduler } from '../../machine/index.ts';
import type { Case } from '../../scenario/index.ts';
import type { DomId } from '../../xen/index.ts';
import type { Findings } from './findings.ts';
import type { Mapping } from './mapping.ts';
import type { Place } from './places.ts';

/** What a name may be one of: a buffer and its mapping, or its grant, often have the same. */
export type Kind = 'buffer' | 'mapping' | 'grant';

/** A grant: the pages of a buffer, granted to a domain. */
export interface Grant {
  readonly name: string;
  readonly place: Place;
  readonly from: DomId;
  readonly to: DomId;
  readonly refs: readonly number[];
}

export class Named {
  readonly places = new Map<string, Place>();
  readonly grants = new Map<string, Grant>();
  /** What grants are mapped, by the name of the buffer that came of it. */
  readonly foreign = new Map<string, { readonly pages: readonly ForeignPage[] }>();
  /** Live ones by name, in the order in which they were made. */
  readonly #mappings = new Map<string, readonly Mapping[]>();
  /** The last that was unmapped: a device that has not finished goes on using the address that it was given. */
  readonly #ended = new Map<string, Mapping>();
  #mapped = 0;
  /** Names that no step makes or takes away. */
  readonly #fixed: ReadonlySet<string>;
  /** Buffers, mappings and grants that were there at some time, by kind and name. */
  readonly #made = new Set<string>();
  readonly #footprint: Footprint;
  readonly #scheduler: Scheduler;
  readonly #findings: Findings;

  constructor(one: Case, footprint: Footprint, scheduler: Scheduler, findings: Findings) {
    this.#fixed = fixedNames(one);
    this.#footprint = footprint;
    this.#scheduler = scheduler;
    this.#findings = findings;
  }

  /** A buffer that is there from the beginning. */
  declare(place: Place): void {
    this.places.set(place.name, place);
    this.#made.add(`buffer ${place.name}`);
  }

  /** The buffer of that name, if it exists now. */
  placeFor(name: string): Place | undefined {
    if (this.#fixed.has(name)) return this.places.get(name);
    return this.#look('buffer', name, () => this.places.get(name));
  }
  /** The mapping of that name that is live now; of several the one that this agent made last, else the last one. */
  mapping(name: string, agent: number): Mapping | undefined {
    return this.#look('mapping', name, () => this.#live(name, agent));
  }
  grantFor(name: string): Grant | undefined {
    return this.#look('grant', name, () => this.grants.get(name));
  }
  /** The grant of a buffer to a domain that there is now, whatever its name. */
  grantOf(buffer: string, to: DomId): Grant | undefined {
    return this.#scheduler.atomic(`look up the grant of ${buffer}`, () => {
      this.#footprint.touch('grants', false);
      return [...this.grants.values()].find((grant) => grant.place.name === buffer && grant.to === to);
    });
  }
  /** The mapping whose address a device was given last under that name, live or not; within an atomic action that has touched the name. */
  givenToDevice(name: string, agent: number): Mapping | undefined {
    return this.#live(name, agent) ?? this.#ended.get(name);
  }
  #live(name: string, agent: number): Mapping | undefined {
    const all = this.#mappings.get(name) ?? [];
    return all.findLast((each) => each.agent === agent) ?? all.at(-1);
  }

  /** A mapping is made; within an atomic action that has touched the name. */
  mappingMade(made: Omit<Mapping, 'id'>): Mapping {
    const { name } = made;
    const others = this.#mappings.get(name) ?? [];
    const mapping = { ...made, id: others.length === 0 ? name : `${name} (${++this.#mapped})` };
    this.#mappings.set(name, [...others, mapping]);
    return mapping;
  }
  /** It is unmapped; within an atomic action that has touched the name. */
  mappingEnded(mapping: Mapping): void {
    const { name } = mapping;
    const others = (this.#mappings.get(name) ?? []).filter((each) => each !== mapping);
    this.#mappings.set(name, others);
    this.#ended.set(name, mapping);
  }
  /** A buffer and what was made of it are gone; within an atomic action. */
  forget(name: string): void {
    this.touch(name, true);
    this.places.delete(name);
    this.#mappings.delete(name);
    this.foreign.delete(name);
  }

  #look<Value>(kind: Kind, name: string, find: () => Value | undefined): Value | undefined {
    return this.#scheduler.atomic(`look up ${name}`, () => {
      this.touch(name, false);
      const value = find();
      if (value === undefined) this.missing(kind, name);
      return value;
    });
  }

  /**
   * A step uses what is not there; within an atomic action that has touched the name. Gone again, or never there because something
   * went wrong before: whoever comes late does nothing.
   */
  missing(kind: Kind, name: string): void {
    if (!this.#made.has(`${kind} ${name}`) && !this.#findings.hasFailed())
      this.#findings.fail(
        'fault',
        `the ${kind} ${name} is used before there is any: the step does not wait for whoever makes it`,
        [],
      );
  }
  /** A name is a cell. */
  touch(name: string, write: boolean): void {
    this.#footprint.touch(`name:${name}`, write);
  }
  /** A step makes, or should have made, something of that name; within an atomic action. */
  make(kind: Kind, name: string): void {
    this.touch(name, true);
    this.#made.add(`${kind} ${name}`);
  }
}

/** Names of buffers that are there, in the same pages, from beginning to end. */
function fixedNames(one: Case): ReadonlySet<string> {
  const changing = new Set(
    one.agents.flatMap(({ steps }) =>
      steps.flatMap((step) => {
        if (step.do === 'map-grant' || step.do === 'allocate' || step.do === 'alloc-coherent')
          return [step.as];
        return step.do === 'free-coherent' || step.do === 'unmap-grant' || step.do === 'balloon-in'
          ? [step.buffer]
          : [];
      }),
    ),
  );
  return new Set(one.buffers.map(({ name }) => name).filter((name) => !changing.has(name)));
}
