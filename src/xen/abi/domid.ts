/** Domain numbers with a meaning of their own. Source: xen/include/public/xen.h, 4.20. */

/** Domain number, 0 to 0x7fef for real domains. */
export type DomId = number;

export const DOMID_FIRST_RESERVED = 0x7ff0;
/** The caller. */
export const DOMID_SELF = 0x7ff0;
/** Owner of Xen's own frames: no domain, and without a grant table. */
export const DOMID_XEN = 0x7ff2;
