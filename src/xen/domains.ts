/** Finding domains, and who may do what to whom. */
import { DOMID_SELF, type DomId } from './abi/domid.ts';
import type { Domain, XenState } from './state.ts';

/** rcu_lock_domain_by_id(): DOMID_SELF is no domain here. */
export function domainById(xen: XenState, domid: DomId): Domain | undefined {
  xen.footprint.touch('domains', false);
  return xen.domains.get(domid);
}

/** rcu_lock_domain_by_any_id(): DOMID_SELF is the caller. */
export function domainByAnyId(xen: XenState, caller: Domain, domid: DomId): Domain | undefined {
  return domid === DOMID_SELF ? caller : domainById(xen, domid);
}

/** XSM_HOOK: anybody, or with SILO only to, from or within the hardware domain (xen/xsm/silo.c). */
export function mayShare(xen: XenState, one: Domain, other: Domain): boolean {
  return xen.platform.xsm === 'dummy' || one.hardware || other.hardware || one === other;
}

/** XSM_TARGET: oneself, or the control domain. */
export function mayControl(caller: Domain, target: Domain): boolean {
  return caller === target || caller.hardware;
}
