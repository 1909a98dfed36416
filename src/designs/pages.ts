/** A range cut at the page boundaries that lie in it. */
import { type AnyAddr, offsetBy, PAGE_SIZE, pageOffset } from '../address/index.ts';

/** Call `visit` with the part of [at, at + size) in each 4 KiB page that it touches, in order. `size` is 1 or more. */
export function eachPage<A extends AnyAddr>(
  at: A,
  size: number,
  visit: (at: A, length: number) => void,
): void {
  let next = at;
  let left = size;
  do {
    const length = Math.min(left, PAGE_SIZE - pageOffset(next));
    visit(next, length);
    next = offsetBy(next, length);
    left -= length;
  } while (left > 0);
}

/**
 * The same for a table that knows foreign pages only, and knows all or none of a range.
 * @param visit false: the table does not know the page.
 * @returns false if it does not know the first one; the others are not visited then.
 */
export function eachKnownPage<A extends AnyAddr>(
  at: A,
  size: number,
  visit: (at: A, length: number) => boolean,
): boolean {
  const first = Math.min(size, PAGE_SIZE - pageOffset(at));
  if (!visit(at, first)) return false;
  if (first < size) eachPage(offsetBy(at, first), size - first, visit);
  return true;
}
