/** Where things end; a part of the matcher, in AssemblyScript. All text ends with a newline. */

/** Where the decimal digits at `p` end. */
export function digitsEnd(p: i32): i32 {
  while (true) {
    const digit = v128.sub<i8>(v128.load(p), i8x16.splat(48));
    const others = v128.bitmask<i8>(v128.ge<u8>(digit, i8x16.splat(10)));
    if (others !== 0) return p + ctz(others);
    p += 16;
  }
}

/** Where the token at `p` ends. */
export function tokenEnd(p: i32): i32 {
  while (true) {
    const low = v128.bitmask<i8>(v128.le<u8>(v128.load(p), i8x16.splat(32)));
    if (low !== 0) return p + ctz(low);
    p += 16;
  }
}

/** Where the newline is. */
export function lineEnd(p: i32): i32 {
  while (true) {
    const newline = v128.bitmask<i8>(v128.eq<i8>(v128.load(p), i8x16.splat(10)));
    if (newline !== 0) return p + ctz(newline);
    p += 16;
  }
}
