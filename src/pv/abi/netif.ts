/** Messages of the network rings. Source: xen/include/public/io/netif.h, 4.20. */
import { layout } from '../../xen/index.ts';

export const netif_tx_request = layout(12, {
  gref: ['u32', 0],
  offset: ['u16', 4],
  flags: ['u16', 6],
  id: ['u16', 8],
  /** Of the first slot of a packet: bytes of the whole packet; of the others: of this slot. */
  size: ['u16', 10],
});
export const netif_tx_response = layout(4, { id: ['u16', 0], status: ['s16', 2] });
export const netif_rx_request = layout(8, { id: ['u16', 0], gref: ['u32', 4] });
export const netif_rx_response = layout(8, {
  id: ['u16', 0],
  offset: ['u16', 2],
  flags: ['u16', 4],
  /** Bytes of this slot, or a NETIF_RSP. */
  status: ['s16', 6],
});

/** NETTXF and NETRXF. */
export const NETTXF = { more_data: 4, extra_info: 8 } as const;
export const NETRXF = { more_data: 4 } as const;
export const NETIF_RSP = { okay: 0, error: -1, dropped: -2, null: 1 } as const;

/** Bytes of an entry of each ring. */
export const TX_ENTRY = 12;
export const RX_ENTRY = 8;
