/** What a step refers to: names are looked up, and what is wrong with them is reported. */
import {
  type Actor,
  type BufferName,
  type ByName,
  type GrantName,
  type Maker,
  type MappingName,
  meaning,
  type Named,
  type Names,
} from './names.ts';
import { type Report, unknownName } from './report.ts';
import type { Path } from './tree.ts';
import type { Bytes, DeviceSpec, DomainSpec } from './types.ts';

/** What steps may refer to. */
export interface Surroundings {
  readonly names: Names;
  readonly domains: readonly DomainSpec[];
  readonly devices: readonly DeviceSpec[];
  /** Name of the domain that drives the devices. */
  readonly hardware: string;
  readonly xen: boolean;
  readonly report: Report;
}

/** A field of the step's argument, or an element of one. */
export type Field = string | readonly [field: string, index: number];

/** The references of one step. */
export class References {
  readonly actor: Actor;
  readonly around: Surroundings;
  readonly #here: Maker;
  /** Path of the step's argument. */
  readonly #path: Path;

  constructor(actor: Actor, here: Maker, path: Path, around: Surroundings) {
    this.actor = actor;
    this.#here = here;
    this.#path = path;
    this.around = around;
  }

  /** Something is wrong with a field; `undefined`: with the action itself. */
  wrong(field: Field | undefined, message: string): void {
    if (field === undefined) this.around.report(this.#path, message, 'key');
    else this.around.report([...this.#path, ...(typeof field === 'string' ? [field] : field)], message);
  }

  /** A buffer in the agent's domain. @param how what it must have been made by; any if not given. */
  ownBuffer(field: Field, name: string, how?: readonly BufferName['how'][]): BufferName | undefined {
    const { buffers } = this.around.names;
    const all = buffers.get(name) ?? [];
    const own = all.filter(({ domain }) => domain === this.actor.domain);
    if (own.length === 0 && all[0]) {
      this.wrong(
        field,
        `found ${name}, which is in the memory of ${all[0].domain}, expected a buffer of ${this.actor.domain} (map-grant makes one of the pages of a grant)`,
      );
      return undefined;
    }
    const buffer = this.#choose('a buffer', field, own, name, () =>
      [...buffers.values()].flat().filter(({ domain }) => domain === this.actor.domain),
    );
    if (buffer && how && !how.includes(buffer.how)) {
      this.wrong(
        field,
        `found ${name}, which is ${MADE[buffer.how]}, expected a buffer that is ${how.map((one) => MADE[one]).join(' or ')}`,
      );
      return undefined;
    }
    return buffer;
  }

  /** A buffer anywhere. */
  anyBuffer(field: Field, name: string): BufferName | undefined {
    return this.#look('a buffer', field, this.around.names.buffers, name);
  }

  /**
   * A buffer of the agent's domain, or one of which there is a grant to it, by the name of either. Bytes; undefined where not
   * known.
   */
  bufferOrGrant(field: Field, name: string): { readonly name: string; readonly size: number | undefined } {
    const { buffers, grants } = this.around.names;
    if (buffers.get(name)?.some(({ domain }) => domain === this.actor.domain))
      return { name, size: this.ownBuffer(field, name)?.size };
    const isGranted = [...grants.values()]
      .flat()
      .some((one) => one.draft.buffer === name && this.#isToUs(one));
    const granted = isGranted ? name : grants.has(name) && this.grantToUs(field, name)?.draft.buffer;
    if (granted) return { name: granted, size: buffers.get(granted)?.[0]?.size };
    return { name, size: grants.has(name) ? undefined : this.ownBuffer(field, name)?.size };
  }

  mapping(field: Field, name: string): MappingName | undefined {
    return this.#look('a mapping', field, this.around.names.mappings, name);
  }

  grant(field: Field, name: string): GrantName | undefined {
    return this.#look('a grant', field, this.around.names.grants, name);
  }

  grantToUs(field: Field, name: string): GrantName | undefined {
    const grant = this.grant(field, name);
    if (grant && !this.#isToUs(grant)) {
      const to = grant.draft.to ?? this.around.hardware;
      this.wrong(field, `found ${name}, which is granted to ${to}, expected a grant to ${this.actor.domain}`);
    }
    return grant;
  }

  signal(field: Field, name: string): void {
    this.#look('a name that is signalled', field, this.around.names.signals, name);
  }

  /** The device of that name, or the only one there is. */
  device(field: Field, name: string | undefined): string {
    const names = this.around.devices.map((device) => device.name);
    if (name !== undefined) {
      if (!names.includes(name)) this.wrong(field, unknownName('a device', name, names));
      return name;
    }
    const [only, ...others] = names;
    if (only === undefined) this.wrong(field, 'found no device, expected one (devices: { NAME: {} })');
    else if (others.length > 0) this.wrong(field, `found no "device", expected one of: ${names.join(', ')}`);
    return only ?? '';
  }

  /** Devices for which there are mappings of that name. */
  devicesOf(mapping: string): string[] {
    const only = this.around.devices[0]?.name ?? '';
    const all = this.around.names.mappings.get(mapping) ?? [];
    return [...new Set(all.map(({ draft }) => draft.device ?? only))];
  }

  /** The domain of that name, or the one that drives the devices. */
  domain(field: Field, name: string | undefined): string {
    const names = this.around.domains.map((domain) => domain.name);
    const found = name ?? this.around.hardware;
    if (!names.includes(found)) this.wrong(field, unknownName('a domain', found, names));
    return found;
  }

  /** A name for a buffer that the step makes. */
  newBuffer(field: Field, name: string): void {
    const all = this.around.names.buffers.get(name) ?? [];
    const other = all.find(({ domain }) => domain !== this.actor.domain);
    const owner = all.some(({ by }) => by === undefined)
      ? 'is a buffer from the beginning'
      : other && `${other.domain} has too`;
    if (owner) this.wrong(field, `found ${JSON.stringify(name)}, which ${owner}, expected another name`);
  }

  /** A name for a mapping that the step makes. */
  newMapping(field: Field, name: string): void {
    if (this.around.names.mappings.get(name)?.some(({ draft }) => draft.do === 'alloc-coherent'))
      this.wrong(field, `found ${JSON.stringify(name)}, which is coherent memory, expected another name`);
  }

  /** @param size bytes of what they are a part of; undefined where not known. */
  bytes(bytes: Bytes, size: number | undefined): void {
    if (bytes === undefined) return;
    const [from, to] = bytes;
    const end = size ?? Number.POSITIVE_INFINITY;
    if (from >= to) this.wrong('bytes', `found [${from}, ${to}], expected [from, to] with from before to`);
    else if (to > end)
      this.wrong('bytes', `found [${from}, ${to}], expected bytes before ${end}, which is the end`);
  }

  /** Bytes that a mapping covers; undefined where not known. */
  mappedBytes(mapping: MappingName | undefined): number | undefined {
    if (mapping === undefined) return undefined;
    const { draft } = mapping;
    const sizeOf = (buffer: string) => this.around.names.buffers.get(buffer)?.[0]?.size;
    if (draft.do === 'alloc-coherent') return draft.size;
    if (draft.do === 'map') return draft.bytes ? draft.bytes[1] - draft.bytes[0] : sizeOf(draft.buffer);
    return draft.buffers.reduce<number | undefined>((sum, buffer) => {
      const size = sizeOf(buffer);
      return sum === undefined || size === undefined ? undefined : sum + size;
    }, 0);
  }

  #isToUs({ draft }: GrantName): boolean {
    return (draft.to ?? this.around.hardware) === this.actor.domain;
  }

  #look<N extends Named>(what: string, field: Field, all: ByName<N>, name: string): N | undefined {
    return this.#choose(what, field, all.get(name) ?? [], name, () => [...all.values()].flat());
  }

  /** @param known all that there are, for the message about a name that nothing has. */
  #choose<N extends Named>(
    what: string,
    field: Field,
    candidates: readonly N[],
    name: string,
    known: () => readonly N[],
  ): N | undefined {
    const found = meaning(candidates, this.#here);
    if (found === undefined)
      this.wrong(
        field,
        unknownName(
          what,
          name,
          known().map((one) => one.name),
        ),
      );
    if (found === 'later')
      this.wrong(
        field,
        `found ${JSON.stringify(name)}, which only a later step makes, expected ${what} that is there by now`,
      );
    return found === 'later' ? undefined : found;
  }
}

const MADE: Readonly<Record<BufferName['how'], string>> = {
  declared: 'there from the beginning',
  allocate: 'made by allocate',
  'alloc-coherent': 'made by alloc-coherent',
  'map-grant': 'made by map-grant',
};
