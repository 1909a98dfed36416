/** The steps of an agent: a map with one key, the action's name. What the context decides is left open here. */
import { z } from 'zod';
import { DIRECTION_NAMES } from '../linux/index.ts';
import { fields, flag, integer, name, shorthand } from './values.ts';

/** Bytes of a buffer: more pages than any of the bugs needs. */
const MAX_SIZE = 16 * 2 ** 20;

/** Bytes of a buffer. */
export const bufferSize = () =>
  integer(1, MAX_SIZE, 'a number of bytes up to 16MiB, such as 4096, 0x1000 or 4KiB');
const size = () => bufferSize().optional();
const offset = () =>
  integer(0, MAX_SIZE, 'a number of bytes, such as 0, 512 or 0x200')
    .optional()
    .describe('bytes from its beginning; 0 if not given');
const bytes = () =>
  z
    .tuple([
      integer(0, MAX_SIZE, 'a number of bytes, such as 0, 512 or 0x200'),
      integer(0, MAX_SIZE, 'a number of bytes, such as 512 or 0x200'),
    ])
    .optional()
    .describe('[from, to): bytes from the beginning, half open; all if not given');
const buffer = () => name().describe('a buffer');
const device = () => name().optional().describe('a device; the only one if not given');
const attributes = () =>
  z
    .array(z.enum(['skip-cpu-sync', 'mmio']))
    .optional()
    .describe('DMA_ATTR_SKIP_CPU_SYNC, DMA_ATTR_MMIO');
const direction = () => z.enum(DIRECTION_NAMES);
const as = (what: string) => name().describe(what);

const mayFail = () => flag().optional().describe('it is no violation that this step fails');
/** Left out where it is not so. */
const failing = (value: boolean | undefined): { readonly mayFail?: true } => (value ? { mayFail: true } : {});

const access = (action: 'read' | 'write', what: string) =>
  shorthand('buffer', {
    buffer: buffer(),
    bytes: bytes(),
    uncached: flag().optional().describe('through a Normal non-cacheable alias'),
    mayFail: mayFail(),
  })
    .transform(({ uncached, mayFail, ...rest }) => ({
      do: action,
      bytes: undefined,
      ...rest,
      uncached: uncached ?? false,
      ...failing(mayFail),
    }))
    .describe(what);

const copying = (action: 'copy' | 'grant-copy', what: string) =>
  fields({
    from: name(),
    to: name(),
    size: size().describe('bytes; as many as both have left if not given'),
    fromOffset: offset(),
    toOffset: offset(),
  })
    .transform(({ fromOffset, toOffset, ...rest }) => ({
      do: action,
      size: undefined,
      ...rest,
      fromOffset: fromOffset ?? 0,
      toOffset: toOffset ?? 0,
    }))
    .describe(what);

const maintenance = (operation: 'clean' | 'invalidate' | 'clean-invalidate', what: string) =>
  shorthand('buffer', {
    buffer: buffer(),
    bytes: bytes(),
    at: z
      .enum(['EL1', 'EL1-stage2', 'EL2'])
      .optional()
      .describe('exception level; that of the domain if not given'),
    outer: z
      .enum(['pseudo-physical', 'machine'])
      .optional()
      .describe('maintain the outer cache instead, by this kind of address'),
  })
    .transform((rest) => ({
      do: 'maintain' as const,
      operation,
      bytes: undefined,
      at: undefined,
      outer: undefined,
      ...rest,
    }))
    .describe(what);

const unmapping = (action: 'unmap' | 'unmap-sg', what: string) =>
  shorthand('mapping', {
    mapping: name().describe('a mapping'),
    size: size().describe('a wrong size, of a wrong driver'),
    direction: direction().optional().describe('a wrong direction, of a wrong driver'),
    entries: integer(0, 128, 'a number of entries').optional().describe('wrong nents, of a wrong driver'),
    attributes: attributes().describe('those of the map if not given'),
  })
    .transform((rest) => ({
      do: action,
      size: undefined,
      direction: undefined,
      entries: undefined,
      attributes: undefined,
      ...rest,
    }))
    .describe(what);

const syncing = (action: 'sync-for-cpu' | 'sync-for-device', what: string) =>
  shorthand('mapping', {
    mapping: name().describe('a mapping'),
    bytes: bytes(),
    direction: direction().optional().describe('a wrong direction, of a wrong driver'),
  })
    .transform((rest) => ({ do: action, bytes: undefined, direction: undefined, ...rest }))
    .describe(what);

const deviceAccess = (action: 'device-read' | 'device-write', what: string) =>
  shorthand('mapping', {
    mapping: name().optional().describe('a mapping: at its DMA address'),
    buffer: name().optional().describe('a buffer: at its machine address, which nobody mapped'),
    device: name().optional().describe('a device; that of the mapping if not given'),
    bytes: bytes(),
    posted: flag()
      .optional()
      .describe('the write sits in a buffer on its way to memory until a later write arrives there'),
  })
    .transform(({ posted, ...rest }) => ({
      do: action,
      device: undefined,
      mapping: undefined,
      buffer: undefined,
      bytes: undefined,
      ...rest,
      posted: posted ?? false,
    }))
    .describe(what);

const onBuffer = <Action extends string>(action: Action, what: string) =>
  shorthand('buffer', { buffer: buffer() })
    .transform((rest) => ({ do: action, ...rest }))
    .describe(what);

const named = <Action extends string>(action: Action, what: string) =>
  name()
    .transform((text) => ({ do: action, name: text }))
    .describe(what);

/** Every action that takes something, by its name. */
const ACTIONS = {
  read: access('read', 'the CPU reads the buffer, and must see the current data'),
  write: access('write', 'the CPU writes the buffer'),
  copy: copying('copy', 'the CPU copies from one buffer to another'),
  clean: maintenance('clean', 'clean to the point of coherency, by VA'),
  invalidate: maintenance('invalidate', 'invalidate to the point of coherency, by VA'),
  'clean-invalidate': maintenance(
    'clean-invalidate',
    'clean and invalidate to the point of coherency, by VA',
  ),
  map: shorthand('buffer', {
    buffer: buffer(),
    bytes: bytes(),
    device: device(),
    direction: direction(),
    as: as('name of the mapping; the buffer\u2019s if not given').optional(),
    attributes: attributes(),
    mayFail: mayFail(),
  })
    .transform(({ as, attributes, mayFail, ...rest }) => ({
      do: 'map' as const,
      bytes: undefined,
      device: undefined,
      ...rest,
      as: as ?? rest.buffer,
      attributes: attributes ?? [],
      ...failing(mayFail),
    }))
    .describe('dma_map_page'),
  'map-sg': fields({
    buffers: z.array(name()).min(1).max(128).describe('the entries of the list, in order'),
    device: device(),
    direction: direction(),
    as: as('name of the mapping'),
    attributes: attributes(),
  })
    .transform(({ attributes, ...rest }) => ({
      do: 'map-sg' as const,
      device: undefined,
      ...rest,
      attributes: attributes ?? [],
    }))
    .describe('dma_map_sg'),
  unmap: unmapping('unmap', 'dma_unmap_page'),
  'unmap-sg': unmapping('unmap-sg', 'dma_unmap_sg'),
  'sync-for-cpu': syncing('sync-for-cpu', 'dma_sync_single_for_cpu'),
  'sync-for-device': syncing('sync-for-device', 'dma_sync_single_for_device'),
  'alloc-coherent': shorthand('as', {
    as: as('name of the new buffer'),
    device: device(),
    size: size().describe('bytes; a page if not given'),
  })
    .transform(({ size, ...rest }) => ({
      do: 'alloc-coherent' as const,
      device: undefined,
      ...rest,
      size: size ?? 4096,
    }))
    .describe('dma_alloc_coherent'),
  'free-coherent': onBuffer('free-coherent', 'dma_free_coherent'),
  'device-read': deviceAccess('device-read', 'the device reads, and must see the current data'),
  'device-write': deviceAccess('device-write', 'the device writes'),
  'cache-flush': shorthand('buffer', {
    buffer: buffer(),
    bytes: bytes(),
    operation: z.enum(['clean', 'invalidate']).describe('the bit of the hypercall'),
  })
    .transform((rest) => ({ do: 'cache-flush' as const, bytes: undefined, ...rest }))
    .describe('GNTTABOP_cache_flush by the domain itself'),
  grant: shorthand('buffer', {
    buffer: buffer(),
    to: name().optional().describe('a domain; the hardware domain if not given'),
    readonly: flag().optional(),
    as: as('name of the grant; the buffer\u2019s if not given').optional(),
  })
    .transform(({ as, readonly, ...rest }) => ({
      do: 'grant' as const,
      to: undefined,
      ...rest,
      readonly: readonly ?? false,
      as: as ?? rest.buffer,
    }))
    .describe('gnttab_grant_foreign_access of each page'),
  'end-access': shorthand('grant', { grant: name().describe('a grant') })
    .transform((rest) => ({ do: 'end-access' as const, ...rest }))
    .describe('gnttab_end_foreign_access'),
  'map-grant': fields({
    grant: name().describe('a grant'),
    as: as('name of the buffer that its pages are in this domain'),
    readonly: flag().optional().describe('as it was granted if not given'),
    mayFail: mayFail(),
  })
    .transform(({ mayFail, ...rest }) => ({
      do: 'map-grant' as const,
      readonly: undefined,
      ...rest,
      ...failing(mayFail),
    }))
    .describe('GNTTABOP_map_grant_ref: the pages of a grant appear in the domain of the agent'),
  'unmap-grant': onBuffer('unmap-grant', 'GNTTABOP_unmap_grant_ref'),
  'grant-copy': copying('grant-copy', 'GNTTABOP_copy between buffers of this domain and grants to it'),
  'balloon-out': onBuffer('balloon-out', 'XENMEM_decrease_reservation'),
  'balloon-in': onBuffer('balloon-in', 'XENMEM_populate_physmap'),
  free: onBuffer('free', 'the domain gives the pages back to Xen'),
  allocate: shorthand('as', {
    as: as('name of the new buffer'),
    size: size().describe('bytes; a page if not given'),
    offset: offset(),
  })
    .transform(({ as, size, offset }) => ({
      do: 'allocate' as const,
      as,
      size: size ?? 4096,
      offset: offset ?? 0,
    }))
    .describe('the domain gets pages from Xen, those freed last first'),
  signal: named('signal', 'what waits for this name goes on'),
  wait: named('wait', 'go on when the name was signalled'),
};

/** Actions that take nothing. */
export const BARE_ACTIONS = ['barrier', 'invalidate-all'] as const;

const optional = Object.fromEntries(
  Object.entries(ACTIONS).map(([action, argument]) => [action, argument.optional()]),
) as { [Name in keyof typeof ACTIONS]: z.ZodOptional<(typeof ACTIONS)[Name]> };

/** What an action says before the context fills in what it leaves open. */
export type Draft =
  | z.output<(typeof ACTIONS)[keyof typeof ACTIONS]>
  | { readonly do: (typeof BARE_ACTIONS)[number] };

/** One step. */
export const step = z
  .union([
    z
      .unknown()
      .transform((text, context): Draft => {
        const bare = BARE_ACTIONS.find((action) => action === text);
        if (bare !== undefined) return { do: bare };
        context.issues.push(
          typeof text === 'string' && Object.hasOwn(ACTIONS, text)
            ? { code: 'custom', input: text, message: `what to ${text}, such as "${text}: NAME"` }
            : { code: 'invalid_value', input: text, values: [...BARE_ACTIONS] },
        );
        return z.NEVER;
      })
      .meta({ type: 'string', enum: [...BARE_ACTIONS] }),
    fields(optional)
      .transform((found, context): Draft => {
        const [action, ...more] = Object.values(found).filter((one) => one !== undefined);
        if (action !== undefined && more.length === 0) return action;
        // An unknown key was reported already.
        if (context.issues.length > 0) return z.NEVER;
        context.issues.push({ code: 'custom', input: found, message: 'a step with exactly one action' });
        return z.NEVER;
      })
      .meta({ minProperties: 1, maxProperties: 1 }),
  ])
  .meta({ id: 'step' });
