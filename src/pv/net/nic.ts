/**
 * A network card as a DMA device, and dom0's driver of it: a packet's head and its fragments are mapped one by one, buffers to receive
 * into are the driver's own.
 * Source: e1000_tx_map(), e1000_alloc_rx_buffers(), e1000_clean_rx_irq() of drivers/net/ethernet/intel/e1000e/netdev.c, Linux
 * 6.12.
 */
import { offsetBy, type PhysAddr, physAddrOf } from '../../address/index.ts';
import { Direction } from '../../linux/index.ts';
import { type DeviceSpec, DmaDevice } from '../host/device.ts';
import type { Host } from '../host/host.ts';
import type { MappingRecord } from '../host/journal.ts';
import type { Frame, PacketPart } from './packet.ts';

/** Bytes of a buffer (an Ethernet frame with VLAN tag and checksum), and where it begins in its page. */
export const RX_BUFFER = 1522;
const RX_OFFSET = 64;

interface RxBuffer {
  readonly phys: PhysAddr;
  mapping: MappingRecord | undefined;
}

export class Nic {
  readonly device: DmaDevice;
  readonly #host: Host;
  readonly #buffers: RxBuffer[] = [];
  readonly #sending: (() => void)[] = [];
  readonly #receiving: (() => void)[] = [];
  readonly #completing: (() => void)[] = [];
  /** What was sent. */
  readonly wire: Frame[] = [];
  /** Frames that came and found no buffer. */
  dropped = 0;
  /** Told of a packet in dom0's memory; it is copied out before this returns. */
  onReceive: (at: PhysAddr, size: number) => void = () => {};

  constructor(host: Host, spec: DeviceSpec, rxBuffers = 16) {
    this.#host = host;
    this.device = new DmaDevice(host, spec);
    for (let i = 0; i < rxBuffers; i++) {
      const page = host.dom0.takePage();
      if (page === undefined) throw new RangeError('dom0 has no page for a receive buffer');
      const buffer: RxBuffer = { phys: offsetBy(physAddrOf(page), RX_OFFSET), mapping: undefined };
      this.#buffers.push(buffer);
      this.#post(buffer);
    }
  }

  /** Buffers to receive into. */
  get bufferCount(): number {
    return this.#buffers.length;
  }

  /** Send a packet. @param done its memory is not used any more; false: it was not sent. */
  send(parts: readonly PacketPart[], done: (sent: boolean) => void): void {
    const { dma, agenda } = this.#host;
    const mappings: MappingRecord[] = [];
    for (const { phys, size } of parts) {
      const mapping = dma.map(this.device.kernelDevice, phys, size, Direction.toDevice);
      if (mapping === undefined) {
        for (const each of mappings) dma.unmap(each);
        agenda.later(() => done(false));
        return;
      }
      mappings.push(mapping);
    }
    this.#inOrder(this.#sending, () => {
      const frame = this.#transmit(mappings);
      if (frame) this.wire.push(frame);
      agenda.later(() => {
        for (const each of mappings) dma.unmap(each);
        done(frame !== undefined);
      });
    });
  }

  /** The card works on its rings from one end to the other. */
  #inOrder(queue: (() => void)[], work: () => void): void {
    queue.push(work);
    this.#host.agenda.later(() => queue.shift()?.());
  }

  /** The card reads a packet. */
  #transmit(mappings: readonly MappingRecord[]): Frame | undefined {
    const { journal } = this.#host;
    const size = mappings.reduce((sum, mapping) => sum + mapping.size, 0);
    const bytes = new Uint8Array(size);
    const marks = new Uint32Array(size);
    const faults = new Uint32Array(size);
    let at = 0;
    for (const mapping of mappings) {
      const before = journal.faults.length;
      const content = this.device.read(mapping, 0, mapping.size, `${this.device.kernelDevice.name} sends`);
      if (content === undefined) return undefined;
      bytes.set(content.bytes, at);
      marks.set(content.marks, at);
      const [start] = mapping.buffer[0] ?? [];
      for (let i = before; i < journal.faults.length; i++) {
        const fault = journal.faults[i];
        if (fault && start !== undefined)
          faults.fill(
            i + 1,
            at + Math.max(0, fault.from - start),
            at + Math.min(mapping.size, fault.to - start),
          );
      }
      at += mapping.size;
    }
    return { content: { bytes, marks }, faults };
  }

  /** A frame comes from the wire. */
  receive(frame: Frame): void {
    const { dma } = this.#host;
    const buffer = this.#buffers.find(({ mapping }) => mapping !== undefined);
    const mapping = buffer?.mapping;
    if (buffer === undefined || mapping === undefined || frame.content.bytes.length > RX_BUFFER) {
      this.dropped++;
      return;
    }
    buffer.mapping = undefined;
    this.#inOrder(this.#receiving, () => {
      const { name } = this.device.kernelDevice;
      if (!this.device.write(mapping, 0, frame.content, `${name} receives`)) return;
      this.#inOrder(this.#completing, () => {
        dma.unmap(mapping);
        this.onReceive(buffer.phys, frame.content.bytes.length);
        this.#post(buffer);
      });
    });
  }

  /** Hand a buffer to the card. */
  #post(buffer: RxBuffer): void {
    const { dma } = this.#host;
    buffer.mapping = dma.map(this.device.kernelDevice, buffer.phys, RX_BUFFER, Direction.fromDevice);
  }
}
