/** Error numbers, positive as in the header; a hypercall returns them negated. Source: xen/include/public/errno.h, 4.20. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  ENXIO: 6,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EINVAL: 22,
  EDOM: 33,
  ENOSYS: 38,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
} as const;
