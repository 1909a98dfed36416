/**
 * A shared ring: requests one way, responses the other, in the same entries. Indices run on for ever in 32 bits and are taken
 * modulo the number of entries.
 * Source: xen/include/public/io/ring.h, 4.20; the copy of a request before it is looked at (XSA-155).
 */
import { PAGE_SIZE } from '../address/index.ts';
import { type RingIndexName, sring } from './abi/sring.ts';
import type { SharedPage } from './shared-page.ts';

const MODULUS = 2 ** 32;

/** a - b as 32-bit indices. */
export function distance(a: number, b: number): number {
  return (((a - b) % MODULUS) + MODULUS) % MODULUS;
}
export function plus(index: number, more: number): number {
  return (index + more) % MODULUS;
}

/** Entries of a ring in one page: the biggest power of two that fits (__CONST_RING_SIZE). */
export function ringSize(entryBytes: number): number {
  return 2 ** Math.floor(Math.log2((PAGE_SIZE - sring.size) / entryBytes));
}

/** What both ends do: indices and entries as bytes in the page. */
class Ring {
  readonly page: SharedPage;
  readonly size: number;
  readonly #entryBytes: number;

  constructor(page: SharedPage, entryBytes: number) {
    this.page = page;
    this.#entryBytes = entryBytes;
    this.size = ringSize(entryBytes);
  }

  index(name: RingIndexName): number {
    const [, offset] = sring.fields[name];
    return new DataView(this.page.read(offset, 4).buffer).getUint32(0, true);
  }
  setIndex(name: RingIndexName, value: number): void {
    const { offset, bytes } = sring.field(name, value);
    this.page.write(offset, bytes);
  }
  entry(index: number, size: number): Uint8Array {
    return this.page.read(this.#place(index), size);
  }
  setEntry(index: number, bytes: Uint8Array): void {
    this.page.write(this.#place(index), bytes);
  }
  #place(index: number): number {
    return sring.size + (index % this.size) * this.#entryBytes;
  }
  /** Publish a producer index. @returns whether the other end waits for one of what is new. */
  push(producer: RingIndexName, event: RingIndexName, to: number): boolean {
    const old = this.index(producer);
    this.setIndex(producer, to);
    return distance(to, this.index(event)) < distance(to, old);
  }
}

/** The end of the domain that asks. */
export class FrontRing {
  readonly #ring: Ring;
  readonly #responseBytes: number;
  #reqProd: number;
  #rspCons: number;

  /**
   * SHARED_RING_INIT and FRONT_RING_INIT.
   * @param from first index: 0, but for tests of wrapping.
   */
  constructor(page: SharedPage, entryBytes: number, responseBytes: number, from = 0) {
    this.#ring = new Ring(page, entryBytes);
    this.#responseBytes = responseBytes;
    this.#reqProd = from;
    this.#rspCons = from;
    this.#ring.setIndex('req_prod', from);
    this.#ring.setIndex('rsp_prod', from);
    this.#ring.setIndex('req_event', plus(from, 1));
    this.#ring.setIndex('rsp_event', plus(from, 1));
  }

  get size(): number {
    return this.#ring.size;
  }
  get free(): number {
    return this.#ring.size - distance(this.#reqProd, this.#rspCons);
  }

  /** Write a request; the other end does not see it before push(). @throws RangeError if the ring is full. */
  put(request: Uint8Array): void {
    if (this.free === 0) throw new RangeError('the ring is full');
    this.#ring.setEntry(this.#reqProd, request);
    this.#reqProd = plus(this.#reqProd, 1);
  }

  /** RING_PUSH_REQUESTS_AND_CHECK_NOTIFY. @returns whether the other end is to be notified. */
  push(): boolean {
    return this.#ring.push('req_prod', 'req_event', this.#reqProd);
  }

  /** The next response, copied; undefined where there is none. */
  take(): Uint8Array | undefined {
    if (this.#ring.index('rsp_prod') === this.#rspCons) return undefined;
    const response = this.#ring.entry(this.#rspCons, this.#responseBytes);
    this.#rspCons = plus(this.#rspCons, 1);
    return response;
  }

  /** RING_FINAL_CHECK_FOR_RESPONSES: wait for an event. @returns whether there is one already. */
  finalCheck(): boolean {
    this.#ring.setIndex('rsp_event', plus(this.#rspCons, 1));
    return this.#ring.index('rsp_prod') !== this.#rspCons;
  }
}

/** The end of the domain that serves. It believes nothing that stands in the page. */
export class BackRing {
  readonly #ring: Ring;
  readonly #requestBytes: number;
  #reqCons: number;
  #rspProd: number;

  constructor(page: SharedPage, entryBytes: number, requestBytes: number) {
    this.#ring = new Ring(page, entryBytes);
    this.#requestBytes = requestBytes;
    this.#rspProd = this.#ring.index('rsp_prod');
    this.#reqCons = this.#rspProd;
  }

  /** RING_REQUEST_PROD_OVERFLOW: more requests than the ring has entries that are answered. */
  get overflows(): boolean {
    return distance(this.#ring.index('req_prod'), this.#rspProd) > this.#ring.size;
  }

  /** Requests that are there and not taken. */
  get unconsumed(): number {
    return Math.min(
      distance(this.#ring.index('req_prod'), this.#reqCons),
      this.#ring.size - distance(this.#reqCons, this.#rspProd),
    );
  }

  /** RING_COPY_REQUEST: the next request, read once; undefined where there is none. */
  take(): Uint8Array | undefined {
    if (this.unconsumed === 0) return undefined;
    const request = this.#ring.entry(this.#reqCons, this.#requestBytes);
    this.#reqCons = plus(this.#reqCons, 1);
    return request;
  }

  put(response: Uint8Array): void {
    this.#ring.setEntry(this.#rspProd, response);
    this.#rspProd = plus(this.#rspProd, 1);
  }

  /** RING_PUSH_RESPONSES_AND_CHECK_NOTIFY. @returns whether the other end is to be notified. */
  push(): boolean {
    return this.#ring.push('rsp_prod', 'rsp_event', this.#rspProd);
  }

  /** RING_FINAL_CHECK_FOR_REQUESTS: wait for an event. @returns whether there is one already. */
  finalCheck(): boolean {
    if (this.unconsumed > 0) return true;
    this.#ring.setIndex('req_event', plus(this.#reqCons, 1));
    return this.unconsumed > 0;
  }
}
