/** From a step as it was written to an action: what the context decides is filled in, and references are checked. */
import type { MappingName } from './names.ts';
import type { References } from './references.ts';
import type { Draft } from './step-schema.ts';
import type { Action } from './types.ts';

/** Actions of which there is something only under Xen. */
const XEN_ONLY: ReadonlySet<string> = new Set([
  'cache-flush',
  'grant',
  'end-access',
  'map-grant',
  'unmap-grant',
  'grant-copy',
  'balloon-out',
  'balloon-in',
]);
/** What a device's own program may do. */
const OF_DEVICES: ReadonlySet<string> = new Set(['device-read', 'device-write', 'signal', 'wait']);
/** What only a domain that drives devices may do. */
const OF_DRIVERS: ReadonlySet<string> = new Set([
  'map',
  'map-sg',
  'unmap',
  'unmap-sg',
  'sync-for-cpu',
  'sync-for-device',
  'alloc-coherent',
  'free-coherent',
]);

/** The action; where something is wrong with it, it is reported and the action is of no use. */
export function actionOf(draft: Draft, refer: References): Action {
  if (!isAllowed(draft, refer)) return { do: 'barrier' };
  switch (draft.do) {
    case 'read':
    case 'write':
    case 'maintain':
    case 'cache-flush':
      refer.bytes(draft.bytes, refer.ownBuffer('buffer', draft.buffer)?.size);
      return draft;
    case 'copy':
      checkCopy(
        draft,
        refer.ownBuffer('from', draft.from)?.size,
        refer.ownBuffer('to', draft.to)?.size,
        refer,
      );
      return draft;
    case 'grant-copy': {
      const from = refer.bufferOrGrant('from', draft.from);
      const to = refer.bufferOrGrant('to', draft.to);
      checkCopy(draft, from.size, to.size, refer);
      return { ...draft, from: from.name, to: to.name };
    }
    case 'map':
      refer.newMapping('as', draft.as);
      refer.bytes(draft.bytes, refer.ownBuffer('buffer', draft.buffer)?.size);
      return { ...draft, device: refer.device('device', draft.device) };
    case 'map-sg':
      refer.newMapping('as', draft.as);
      for (const [index, buffer] of draft.buffers.entries()) refer.ownBuffer(['buffers', index], buffer);
      return { ...draft, device: refer.device('device', draft.device) };
    case 'unmap':
    case 'unmap-sg': {
      const mapping = streaming(draft.mapping, [draft.do === 'unmap' ? 'map' : 'map-sg'], refer);
      const usual = mapping && 'attributes' in mapping.draft ? mapping.draft.attributes : [];
      return { ...draft, attributes: draft.attributes ?? usual };
    }
    case 'sync-for-cpu':
    case 'sync-for-device':
      refer.bytes(draft.bytes, refer.mappedBytes(streaming(draft.mapping, ['map', 'map-sg'], refer)));
      return draft;
    case 'alloc-coherent':
      refer.newBuffer('as', draft.as);
      return { ...draft, device: refer.device('device', draft.device) };
    case 'free-coherent':
      refer.ownBuffer('buffer', draft.buffer, ['alloc-coherent']);
      return draft;
    case 'device-read':
    case 'device-write':
      return deviceAccess(draft, refer);
    case 'grant':
      refer.ownBuffer('buffer', draft.buffer, ['declared', 'allocate']);
      if (draft.to === undefined && refer.actor.domain === refer.around.hardware)
        refer.wrong('to', `found no "to", expected the domain that ${refer.actor.domain} grants it to`);
      return { ...draft, to: refer.domain('to', draft.to) };
    case 'end-access':
      refer.grant('grant', draft.grant);
      return draft;
    case 'map-grant': {
      refer.newBuffer('as', draft.as);
      const grant = refer.grantToUs('grant', draft.grant);
      return { ...draft, readonly: draft.readonly ?? grant?.draft.readonly ?? false };
    }
    case 'unmap-grant':
      refer.ownBuffer('buffer', draft.buffer, ['map-grant']);
      return draft;
    case 'balloon-out':
    case 'balloon-in':
    case 'free':
      refer.ownBuffer('buffer', draft.buffer, ['declared', 'allocate']);
      return draft;
    case 'allocate':
      refer.newBuffer('as', draft.as);
      return draft;
    case 'wait':
      refer.signal('name', draft.name);
      return draft;
    case 'signal':
    case 'barrier':
    case 'invalidate-all':
      return draft;
  }
}

/** May this agent do such a thing here? */
function isAllowed({ do: action }: Draft, refer: References): boolean {
  const { actor, around } = refer;
  const refuse = (expected: string) => {
    refer.wrong(undefined, `found ${action}, expected ${expected}`);
    return false;
  };
  if (actor.device !== undefined && !OF_DEVICES.has(action))
    return refuse(`${[...OF_DEVICES].join(', ')} only, for ${actor.name} is the program of a device`);
  if (XEN_ONLY.has(action) && !around.xen) return refuse('a hypervisor to do it (platform: { xen: 4.20 })');
  const domain = around.domains.find(({ name }) => name === actor.domain);
  if (OF_DRIVERS.has(action) && domain?.hardware === false)
    return refuse(`an agent of ${around.hardware}, which drives the devices; ${domain.name} does not`);
  return true;
}

/** A mapping that one of these made. */
function streaming(name: string, makers: readonly string[], refer: References): MappingName | undefined {
  const mapping = refer.mapping('mapping', name);
  if (mapping && !makers.includes(mapping.draft.do))
    refer.wrong(
      'mapping',
      `found ${name}, which ${mapping.draft.do} made, expected what ${makers.join(' or ')} made`,
    );
  return mapping;
}

type Copy = Draft & { readonly do: 'copy' | 'grant-copy' };

/** @param from bytes of the source, undefined where not known; `to` likewise. */
function checkCopy(draft: Copy, from: number | undefined, to: number | undefined, refer: References): void {
  const { size = 1, fromOffset, toOffset } = draft;
  const ends = [
    ['fromOffset', draft.from, fromOffset, from],
    ['toOffset', draft.to, toOffset, to],
  ] as const;
  for (const [field, name, offset, end = Number.POSITIVE_INFINITY] of ends)
    if (offset + size > end)
      refer.wrong(
        field,
        `found ${size} bytes from ${offset} on, expected no more than ${name} has, which is ${end}`,
      );
}

type DeviceAccess = Draft & { readonly do: 'device-read' | 'device-write' };

/** Which device it is: the one that is named, else the one whose program it is, else that of the mapping. */
function deviceAccess(draft: DeviceAccess, refer: References): Action {
  const { mapping, buffer, bytes } = draft;
  const own = refer.actor.device;
  if (own !== undefined && draft.device !== undefined && draft.device !== own)
    refer.wrong('device', `found ${draft.device}, expected ${own}, whose program it is`);
  if (mapping !== undefined && buffer !== undefined)
    refer.wrong('buffer', 'found a mapping and a buffer, expected one of the two');
  if (mapping === undefined) {
    if (buffer === undefined) refer.wrong('mapping', 'found no "mapping", expected one (or a buffer)');
    else refer.bytes(bytes, refer.anyBuffer('buffer', buffer)?.size);
    return { ...draft, device: own ?? refer.device('device', draft.device) };
  }
  const found = refer.mapping('mapping', mapping);
  refer.bytes(bytes, refer.mappedBytes(found));
  const device = own ?? refer.device('device', draft.device ?? found?.draft.device);
  const mappedFor = refer.devicesOf(mapping);
  if (found && !mappedFor.includes(device))
    refer.wrong(
      'mapping',
      `found ${mapping}, which is mapped for ${mappedFor.join(' and ')}, expected a mapping for ${device}`,
    );
  return { ...draft, device };
}
