/** What a scalar of a scenario stands for. Each knows what editors may complete and what messages say was expected. */
import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const INTEGER = /^(-?)(0x[0-9a-f]+|\d+) ?(KiB|MiB|GiB)?$/i;

/** The number that a text stands for: decimal or 0x..., with KiB, MiB or GiB behind it; undefined for anything else. */
export function parseInteger(text: string): number | undefined {
  const [, sign, digits, unit] = INTEGER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) * (unit === undefined ? 1 : (UNITS[unit] ?? Number.NaN));
  if (!Number.isSafeInteger(value)) return undefined;
  return sign ? -value : value;
}

/** An integer in [from, to]. @param what as messages name it: "a number of bytes". */
export function integer(
  from: number,
  to: number,
  what: string,
  accepts: (value: number) => boolean = () => true,
) {
  return z
    .unknown()
    .transform((found, context) => {
      const value = typeof found === 'string' ? parseInteger(found) : undefined;
      if (value !== undefined && value >= from && value <= to && accepts(value)) return value;
      context.issues.push({ code: 'custom', input: found, message: what });
      return z.NEVER;
    })
    .meta({
      anyOf: [
        { type: 'integer', minimum: from, maximum: to },
        { type: 'string', pattern: '^(0x[0-9a-fA-F]+|[0-9]+) ?(KiB|MiB|GiB)?$' },
      ],
    });
}

/** What an issue of a value says that was probably meant. */
export interface MeantParams {
  readonly [key: string]: unknown;
  readonly meant?: string;
}

const VERSION = /^(\d{1,4})\.(\d{1,4})$/;

/** Major and minor; 4.20 is not 4.2. */
export type Version = readonly [major: number, minor: number];
/** Versions that exist: the first and the last of each series. */
type Versions = readonly (readonly [first: Version, last: Version])[];

/** A version that exists. @param what "a release of Linux". @param example of what is expected. */
export function version(what: string, known: Versions, example: string) {
  const all = known.map(([first, last]) => `${first.join('.')} to ${last.join('.')}`).join(', ');
  return z
    .unknown()
    .transform((found, context): Version => {
      const [, major, minor] = VERSION.exec(typeof found === 'string' ? found : '') ?? [];
      const complain = (message: string, params: MeantParams = {}) => {
        context.issues.push({ code: 'custom', input: found, message, params });
        return z.NEVER;
      };
      if (major === undefined || minor === undefined) return complain(`a version such as ${example}`);
      const version: Version = [Number(major), Number(minor)];
      if (known.some(([first, last]) => isAtMost(first, version) && isAtMost(version, last))) return version;
      return complain(`${what}: ${all}`, { meant: nearest(version, known).join('.') });
    })
    .meta({ anyOf: [{ type: 'number' }, { type: 'string', pattern: '^[0-9]+\\.[0-9]+$' }] });
}

/** a <= b. */
export function isAtMost(a: Version, b: Version): boolean {
  return a[0] !== b[0] ? a[0] < b[0] : a[1] <= b[1];
}

/** The last one before it that exists, or the first there is. */
function nearest(version: Version, known: Versions): Version {
  const ends = known.flat();
  return ends.findLast((end) => isAtMost(end, version)) ?? ends[0] ?? version;
}

export function flag() {
  return z
    .unknown()
    .transform((found, context) => {
      if (found === 'true' || found === 'false') return found === 'true';
      context.issues.push({ code: 'custom', input: found, message: 'true or false' });
      return z.NEVER;
    })
    .meta({ type: 'boolean' });
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** A name that the scenario gives to something. */
export function name() {
  return z.string().regex(NAME, 'a name: a letter, then letters, digits, - and _, at most 64 of them');
}

/** A map from names to such things, at most so many. */
export function named<Value extends z.ZodType>(value: Value, most: number) {
  return z
    .record(name(), value)
    .refine((all) => Object.keys(all).length <= most, `at most ${most} of them`)
    .meta({ maxProperties: most });
}

/** A text that says something. */
export function words() {
  return z
    .string()
    .refine((text) => text.trim() !== '', 'some words')
    .meta({ minLength: 1 });
}

/** A map with these fields and no others. */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : undefined),
  });
}

/** A map all of whose fields have defaults: nothing stands for an empty one. */
export function optionalFields<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z
    .preprocess((found) => (found === '' ? {} : found), fields(shape))
    .meta({ type: ['object', 'null'] });
}

/** A map, or its main field alone. */
export function shorthand<Shape extends z.core.$ZodLooseShape>(main: keyof Shape & string, shape: Shape) {
  const whole = fields(shape);
  const short = z
    .string()
    .transform((text): unknown => ({ [main]: text }))
    .pipe(whole);
  return z.union([short, whole]);
}
