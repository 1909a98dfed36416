/** Values as a scenario file has them: scalars are text. */

export type Value = string | readonly Value[] | Fields;
export interface Fields {
  readonly [field: string]: Value;
}

/** A scalar, or a list of them. */
type Plain = string | number | boolean | readonly Plain[];

export function textOf(value: Plain): Value {
  return typeof value === 'object' ? value.map(textOf) : String(value);
}

/** Fields whose value is not the default. A field that is undefined is not written. */
export function differing<Spec extends { readonly [Field in keyof Spec]: Plain | undefined }>(
  spec: Spec,
  defaults: { readonly [Field in keyof Spec]?: Plain | undefined },
): Fields {
  const written: Record<string, Value> = {};
  for (const field in spec) {
    const value = spec[field];
    if (value !== undefined && !same(value, defaults[field])) written[field] = textOf(value);
  }
  return written;
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Nothing is in it. */
export function isEmpty(value: object | string): boolean {
  return typeof value === 'string' ? value === '' : Object.keys(value).length === 0;
}
