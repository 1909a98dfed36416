/**
 * Structures as data: a field is its kind and byte offset, and reading and writing follow from that.
 *
 * Little endian, LP64, as on Arm. 64-bit fields come in as numbers below 2^53 or not at all: no machine has memory up
 * there, so whoever uses such a value answers with the error code for an address that is not valid. Nothing is rounded.
 */

/** What a u64 field holds: undefined where it is 2^53 or more. */
export type Wide = number | undefined;

type Kind = 'u8' | 'u16' | 's16' | 'u32' | 'u64';
type Fields = Readonly<Record<string, readonly [kind: Kind, offset: number]>>;

/** What reading gives. */
export type Read<F extends Fields> = { readonly [K in keyof F]: F[K][0] extends 'u64' ? Wide : number };
/** What writing takes: fields left out are 0. A u64 above 2^53 is given as bigint. */
export type Written<F extends Fields> = {
  readonly [K in keyof F]?: F[K][0] extends 'u64' ? number | bigint : number;
};

/** Codec of one structure. */
export interface Layout<F extends Fields> {
  /** sizeof, in bytes. */
  readonly size: number;
  readonly fields: F;
  /** @param bytes at least `size` bytes. */
  read(bytes: Uint8Array): Read<F>;
  write(values: Written<F>): Uint8Array;
  /** One field of a structure that is in memory as its own bytes: for writing a result back where it belongs. */
  field(name: keyof F, value: number): { readonly offset: number; readonly bytes: Uint8Array };
}

const SIZES: Readonly<Record<Kind, number>> = { u8: 1, u16: 2, s16: 2, u32: 4, u64: 8 };
const HALF = 2 ** 32;

function get(view: DataView, kind: Kind, offset: number): Wide {
  switch (kind) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
      return view.getUint16(offset, true);
    case 's16':
      return view.getInt16(offset, true);
    case 'u32':
      return view.getUint32(offset, true);
    case 'u64': {
      const high = view.getUint32(offset + 4, true);
      return high < 2 ** 21 ? high * HALF + view.getUint32(offset, true) : undefined;
    }
  }
}

const SET: Readonly<Record<Kind, (view: DataView, offset: number, value: number | bigint) => void>> = {
  u8: (view, offset, value) => view.setUint8(offset, Number(value)),
  u16: (view, offset, value) => view.setUint16(offset, Number(value), true),
  s16: (view, offset, value) => view.setInt16(offset, Number(value), true),
  u32: (view, offset, value) => view.setUint32(offset, Number(value), true),
  u64: (view, offset, value) => view.setBigUint64(offset, BigInt(value), true),
};

/** Describe a structure. */
export function layout<const F extends Fields>(size: number, fields: F): Layout<F> {
  const entries = Object.entries(fields);
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    size,
    fields,
    read(bytes) {
      const from = view(bytes);
      const values: Record<string, Wide> = {};
      for (const [name, [kind, offset]] of entries) values[name] = get(from, kind, offset);
      return values as Read<F>;
    },
    write(values) {
      const bytes = new Uint8Array(size);
      const to = view(bytes);
      for (const [name, [kind, offset]] of entries) {
        const value = values[name];
        if (value !== undefined) SET[kind](to, offset, value);
      }
      return bytes;
    },
    field(name, value) {
      const [kind, offset] = fields[name] as readonly [Kind, number];
      const bytes = new Uint8Array(SIZES[kind]);
      SET[kind](view(bytes), 0, value);
      return { offset, bytes };
    },
  };
}
