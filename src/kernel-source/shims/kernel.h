/*
 * What the kernel's DMA files use of the rest of the kernel, written for dmalab: types, small macros, struct device, and
 * the services that the simulated machine provides (services.h). Included before every file; headers of the kernel that
 * are neither its own here (own headers, see ../headers.ts) nor a shim are empty.
 */
#pragma once

/* Types (LP64 for arm64, ILP32 for arm: the target decides). */
typedef unsigned char u8, __u8, uint8_t;
typedef signed char s8, __s8, int8_t;
typedef unsigned short u16, __u16, uint16_t;
typedef short s16, __s16, int16_t;
typedef unsigned int u32, __u32, uint32_t, uint, gfp_t, blk_status_t;
typedef int s32, __s32, int32_t;
typedef unsigned long long u64, __u64, uint64_t;
typedef long long s64, __s64, int64_t, loff_t;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t, ptrdiff_t;
typedef unsigned long uintptr_t, pgoff_t;
typedef _Bool bool;
typedef u16 __le16, __be16;
typedef u32 __le32, __be32;
typedef u64 __le64, __be64;
#ifdef CONFIG_PHYS_ADDR_T_64BIT
typedef u64 phys_addr_t, resource_size_t;
#else
typedef u32 phys_addr_t, resource_size_t;
#endif
#ifdef CONFIG_ARCH_DMA_ADDR_T_64BIT
typedef u64 dma_addr_t;
#else
typedef u32 dma_addr_t;
#endif
enum { false = 0, true = 1 };
#define NULL ((void *)0)

/* Compiler. */
#define likely(x) (x)
#define unlikely(x) (x)
#define __init
#define __ref
#define __refdata
#define __initdata
#define __ro_after_init
#define __read_mostly
#define __user
#define __iomem
#define __force
#define __percpu
#define __rcu
#define __maybe_unused __attribute__((unused))
#define __always_unused __attribute__((unused))
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __must_check
#define __cold
#define __weak __attribute__((weak))
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __printf(a, b)
#define __malloc
#define __alloc_size(...)
#define __counted_by(member)
#define __counted_by_ptr(member)
#define __builtin_return_address(level) NULL
#define fallthrough do { } while (0)
#define EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_GPL(symbol)
#define EXPORT_SYMBOL_NS_GPL(symbol, ns)
#define MODULE_LICENSE(text)
#define early_param(name, fn)
#define __setup(name, fn)
#define THIS_MODULE NULL
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define barrier() __asm__ __volatile__("" ::: "memory")
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)
#define static_assert _Static_assert

/* CONFIG_X as 1 or nothing. */
#define __ARG_PLACEHOLDER_1 0,
#define __take_second(ignored, value, ...) value
#define __is_defined_(placeholder) __take_second(placeholder 1, 0, 0)
#define __is_defined__(value) __is_defined_(__ARG_PLACEHOLDER_##value)
#define __is_defined(value) __is_defined__(value)
#define IS_ENABLED(option) __is_defined(option)
#define IS_BUILTIN(option) __is_defined(option)
#define IS_REACHABLE(option) __is_defined(option)

/* Arithmetic. */
#define U8_MAX ((u8)~0U)
#define U16_MAX ((u16)~0U)
#define U32_MAX ((u32)~0U)
#define U64_MAX ((u64)~0ULL)
#define INT_MAX __INT_MAX__
#define UINT_MAX (~0U)
#define ULONG_MAX (~0UL)
#define SIZE_MAX (~(size_t)0)
#define PHYS_ADDR_MAX (~(phys_addr_t)0)
#define GENMASK_ULL(high, low) (((~0ULL) << (low)) & (~0ULL >> (63 - (high))))
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define BITS_PER_LONG (8 * (int)sizeof(long))
#define _AC(x, y) x##y
#define UL(x) (_AC(x, UL))
#define ULL(x) (_AC(x, ULL))
#define __ALIGN_MASK(x, mask) (((x) + (mask)) & ~(mask))
#define ALIGN(x, a) __ALIGN_MASK(x, (__typeof__(x))(a) - 1)
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define PTR_ALIGN(p, a) ((__typeof__(p))ALIGN((unsigned long)(p), (a)))
#define round_up(x, y) ((((x) - 1) | ((__typeof__(x))((y) - 1))) + 1)
#define round_down(x, y) ((x) & ~((__typeof__(x))((y) - 1)))
#define roundup(x, y) ((((x) + ((y) - 1)) / (y)) * (y))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define min(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define min_not_zero(a, b) ({ __typeof__(a) m_ = (a); __typeof__(b) n_ = (b); m_ == 0 ? n_ : n_ == 0 ? m_ : min(m_, n_); })
#define clamp(x, low, high) min(max(x, low), high)
#define swap(a, b) do { __typeof__(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
static inline int fls64(u64 x) { return x == 0 ? 0 : 64 - __builtin_clzll(x); }
static inline int ilog2(u64 x) { return fls64(x) - 1; }
#define roundup_pow_of_two(n) (1UL << fls64((u64)(n) - 1))
#define rounddown_pow_of_two(n) (1UL << (fls64((u64)(n)) - 1))
#define is_power_of_2(n) ((n) != 0 && ((n) & ((n) - 1)) == 0)
#define do_div(n, base) ({ u32 rest_ = (n) % (base); (n) /= (base); rest_; })

/* Errors. */
#define EPERM 1
#define EIO 5
#define ENXIO 6
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define ENODEV 19
#define EINVAL 22
#define ERANGE 34
#define ENOSYS 38
#define EOPNOTSUPP 95
#define EREMOTEIO 121
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
static inline void *ERR_PTR(long error) { return (void *)error; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return IS_ERR_VALUE(p); }

/* Pages of 4 KiB. A struct page is one byte here, so that the address of one says its frame. */
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)
#define PAGE_ALIGNED(x) IS_ALIGNED((unsigned long)(x), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
struct page { u8 frame; };
#define page_to_pfn(page) ((unsigned long)(page) - 1)
#define pfn_to_page(pfn) ((struct page *)((unsigned long)(pfn) + 1))
#define page_to_phys(page) ((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT)
#define phys_to_page(phys) pfn_to_page((phys) >> PAGE_SHIFT)
#define PFN_ALIGN(x) PAGE_ALIGN((unsigned long)(x))
#define PFN_UP(x) (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x) ((x) >> PAGE_SHIFT)
#define PFN_PHYS(x) ((phys_addr_t)(x) << PAGE_SHIFT)
#define PHYS_PFN(x) ((unsigned long)((x) >> PAGE_SHIFT))
static inline int get_order(unsigned long size)
{
	return size <= PAGE_SIZE ? 0 : fls64((size - 1) >> PAGE_SHIFT);
}
typedef struct { u64 value; } pgprot_t;
typedef struct { u64 value; } pte_t;
typedef u64 pci_bus_addr_t;
#define pgprot_noncached(prot) (prot)
#define pgprot_decrypted(prot) (prot)

/* Structures of which the files only hand on pointers, or read a few members. */
struct bus_dma_region;
struct io_tlb_mem;
struct device_dma_parameters {
	unsigned int max_segment_size, min_align_mask;
	unsigned long segment_boundary_mask;
};
struct device {
	u64 *dma_mask;
	u64 coherent_dma_mask, bus_dma_limit;
	const struct bus_dma_region *dma_range_map;
	struct device_dma_parameters *dma_parms;
	const struct dma_map_ops *dma_ops;
	struct io_tlb_mem *dma_io_tlb_mem;
	bool dma_uses_io_tlb, dma_coherent, dma_skip_sync, dma_iommu, dma_ops_bypass;
};
#define dev_name(dev) "device"
/* 7.1 on: flags of a device have accessors. */
#define dev_dma_coherent(dev) ((dev)->dma_coherent)
#define dev_dma_skip_sync(dev) ((dev)->dma_skip_sync)
#define dev_clear_dma_skip_sync(dev) ((dev)->dma_skip_sync = false)
struct rb_node { struct rb_node *left; };
struct rb_root { struct rb_node *rb_node; };
struct list_head { struct list_head *next, *prev; };
typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { int locked; } spinlock_t;
struct notifier_block { int priority; };
struct vm_area_struct { unsigned long vm_start, vm_end, vm_pgoff; pgprot_t vm_page_prot; };
struct resource { resource_size_t start, end; };

/* A scatterlist is a plain array here: lists are walked by the DMA API of the simulated kernel, entry by entry. */
struct scatterlist {
	struct page *page;
	unsigned int offset, length;
	dma_addr_t dma_address;
	unsigned int dma_length;
};
struct sg_table { struct scatterlist *sgl; unsigned int nents, orig_nents; };
#define sg_dma_address(sg) ((sg)->dma_address)
#define sg_dma_len(sg) ((sg)->dma_length)
#define sg_page(sg) ((sg)->page)
#define sg_phys(sg) (page_to_phys(sg_page(sg)) + (sg)->offset)
#define sg_next(sg) ((sg) + 1)
#define for_each_sg(list, sg, count, i) for (i = 0, sg = (list); i < (count); i++, sg = sg_next(sg))
#define sg_dma_is_bus_address(sg) false
#define sg_is_dma_bus_address(sg) false
#define sg_dma_mark_bus_address(sg) do { } while (0)
#define sg_dma_unmark_bus_address(sg) do { } while (0)

/* No memory of other devices is mapped, and none is encrypted. */
#define is_pci_p2pdma_page(page) false
enum cc_attr { CC_ATTR_HOST_MEM_ENCRYPT, CC_ATTR_GUEST_MEM_ENCRYPT, CC_ATTR_MEM_ENCRYPT };
#define cc_platform_has(attr) false

/* The line that DMA buffers are aligned to. */
#ifdef CONFIG_ARM64
#define ARCH_DMA_MINALIGN 128
#else
#define ARCH_DMA_MINALIGN 64
#endif
#define ARCH_HAS_DMA_MINALIGN 1
#define kmalloc_size_roundup(size) (size)

/* Allocation and printing: nothing that maps or unmaps a buffer needs them to do anything. */
#define GFP_KERNEL 0x1u
#define GFP_NOWAIT 0x2u
#define GFP_ATOMIC 0x4u
#define __GFP_DMA 0x8u
#define __GFP_DMA32 0x10u
#define __GFP_NOWARN 0x20u
#define __GFP_HIGHMEM 0x40u
#define __GFP_NORETRY 0x80u
#define __GFP_KSWAPD_RECLAIM 0x100u
#define __GFP_ZERO 0x200u
#define __GFP_COMP 0x400u
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32
#define PAGE_KERNEL ((pgprot_t){ 0 })
#define printk(...) do { } while (0)
#define pr_err(...) do { } while (0)
#define pr_warn(...) do { } while (0)
#define pr_warn_once(...) do { } while (0)
#define pr_warn_ratelimited(...) do { } while (0)
#define pr_info(...) do { } while (0)
#define pr_debug(...) do { } while (0)
#define dev_err(...) do { } while (0)
#define dev_err_once(...) do { } while (0)
#define dev_warn(...) do { } while (0)
#define dev_warn_once(...) do { } while (0)
#define dev_warn_ratelimited(...) do { } while (0)
#define dev_info(...) do { } while (0)
#define dev_dbg(...) do { } while (0)
#define trace_swiotlb_bounced(...) do { } while (0)

#include <linux/sizes.h>
#include "services.h"
