/*
 * The services of the simulated machine, as the kernel's files call them. Each ends in a function that the WebAssembly module
 * imports ("kernel" in ../imports.ts). Addresses cross as doubles, exact below 2^53 and without the cost of a BigInt; all ones
 * cross as -1, and what is larger is refused.
 */
#pragma once

#define IMPORT(name) __attribute__((import_module("kernel"), import_name(#name))) extern
IMPORT(pfn_valid) int dmalab_pfn_valid(double frame);
IMPORT(pfn_to_mfn) double dmalab_pfn_to_mfn(double frame);
IMPORT(bus_to_dma) double dmalab_bus_to_dma(double bus);
IMPORT(dma_to_bus) double dmalab_dma_to_bus(double dma);
IMPORT(dma_capable) int dmalab_dma_capable(double dma, double size);
IMPORT(kmalloc_needs_bounce) int dmalab_kmalloc_needs_bounce(double size, int direction);
IMPORT(in_swiotlb) int dmalab_in_swiotlb(double phys);
IMPORT(swiotlb_map) double dmalab_swiotlb_map(double phys, double size, int direction, int attributes);
IMPORT(swiotlb_unmap) void dmalab_swiotlb_unmap(double slot, double size, int direction, int attributes);
IMPORT(swiotlb_sync_for_cpu) void dmalab_swiotlb_sync_for_cpu(double slot, double size, int direction);
IMPORT(swiotlb_sync_for_device) void dmalab_swiotlb_sync_for_device(double slot, double size, int direction);
IMPORT(arch_sync_for_device) void dmalab_arch_sync_for_device(double phys, double size, int direction);
IMPORT(arch_sync_for_cpu) void dmalab_arch_sync_for_cpu(double phys, double size, int direction);
IMPORT(arch_sync_flush) void dmalab_arch_sync_flush(void);
IMPORT(cache_flush) int dmalab_cache_flush(double dev_bus_addr, int offset, int length, int op);
IMPORT(warn) void dmalab_warn(double file, int line, double text);
IMPORT(bug) void dmalab_bug(double file, int line, double text);
IMPORT(hang) void dmalab_hang(void);

/* BUG() and WARN(): findings, with the kernel's file and line. */
#define dmalab_text(text) ((double)(uintptr_t)(text))
#define BUG_WITH(text) do { dmalab_bug(dmalab_text(__FILE__), __LINE__, dmalab_text(text)); __builtin_trap(); } while (0)
#define BUG() BUG_WITH("BUG()")
#define BUG_ON(condition) do { if (condition) BUG_WITH("BUG_ON(" #condition ")"); } while (0)
#define panic(...) BUG_WITH("panic()")
#define WARN_WITH(condition, text) \
	({ bool warns_ = !!(condition); if (warns_) dmalab_warn(dmalab_text(__FILE__), __LINE__, dmalab_text(text)); warns_; })
#define WARN_ON(condition) WARN_WITH(condition, "WARN_ON(" #condition ")")
#define WARN_ON_ONCE(condition) WARN_WITH(condition, "WARN_ON_ONCE(" #condition ")")
#define WARN(condition, ...) WARN_WITH(condition, "WARN(" #condition ")")
#define WARN_ONCE(condition, ...) WARN_WITH(condition, "WARN_ONCE(" #condition ")")
#define dev_WARN(dev, ...) WARN_WITH(1, "dev_WARN()")
#define dev_WARN_ONCE(dev, condition, ...) WARN_WITH(condition, "dev_WARN_ONCE(" #condition ")")

/* Numbers at the border. */
static inline double dmalab_number(u64 value)
{
	s64 number = (s64)value;

	if (number > (1LL << 53) || number < -(1LL << 53))
		dmalab_bug(0, 0, dmalab_text("an address or a size of more than 53 bits"));
	return (double)number;
}
/* All ones of a narrower type are all ones, too. */
#define OUT(value) ((value) == (__typeof__(value))~0ULL ? -1.0 : dmalab_number(value))
#define IN(type, number) ((type)(u64)(s64)(number))

/* What changes from call to call: all of the shims' variables that do. */
extern struct dmalab_own {
	/* The one device that a call is about, and whether everything of it is bounced. */
	struct device device;
	bool swiotlb_forced;
	/* The bus address that was translated last in this call, and what it is of. */
	bool has_translated;
	dma_addr_t last_dma;
	phys_addr_t last_translated;
	/* The frame that was asked for last in this call, and whether it is valid: a memory map does not change. */
	bool has_asked;
	bool last_valid;
	unsigned long last_asked;
} dmalab_own;
#define dmalab_device dmalab_own.device

/* A global of the module, in no memory: there it made a judged call 2 % slower. */
extern s64 __attribute__((address_space(1))) dmalab_blocks_left;

/* For every basic block of the kernel's code: what goes on for too long never ends. Inlined it belongs to the block's line. */
static __attribute__((used, nodebug)) void __sanitizer_cov_trace_pc(void)
{
	if (--dmalab_blocks_left <= 0)
		dmalab_hang();
}
static inline void dmalab_check_device(const struct device *dev)
{
	if (dev != &dmalab_device)
		dmalab_bug(0, 0, dmalab_text("a pointer that is not the device's is used as one"));
}

static inline int pfn_valid(unsigned long pfn)
{
	if (!dmalab_own.has_asked || dmalab_own.last_asked != pfn) {
		dmalab_own.last_valid = dmalab_pfn_valid(OUT(pfn));
		dmalab_own.last_asked = pfn;
		dmalab_own.has_asked = true;
	}
	return dmalab_own.last_valid;
}
static inline int page_is_ram(unsigned long pfn) { return pfn_valid(pfn); }

/* Pages of the linear map have the virtual address of their number. */
#define phys_to_virt(phys) ((void *)(uintptr_t)(phys))
#define __va(phys) phys_to_virt(phys)
#define __pa(address) ((phys_addr_t)(uintptr_t)(address))
#define virt_to_phys(address) dmalab_virt_to_phys(address)
#define virt_to_page(address) phys_to_page(virt_to_phys(address))
#define page_to_virt(page) phys_to_virt(page_to_phys(page))
#define page_address(page) page_to_virt(page)
phys_addr_t dmalab_virt_to_phys(const volatile void *address);

/* Run once, when the kernel has booted. */
#define INITCALL(fn) static __attribute__((constructor)) void boot_##fn(void) { fn(); }
#define early_initcall(fn) INITCALL(fn)
#define core_initcall(fn) INITCALL(fn)
#define arch_initcall(fn) INITCALL(fn)
#define postcore_initcall(fn) INITCALL(fn)
#define subsys_initcall(fn) INITCALL(fn)
#define late_initcall(fn) INITCALL(fn)

int HYPERVISOR_grant_table_op(unsigned int cmd, void *uop, unsigned int count);
#ifdef CONFIG_ARCH_HAS_BATCHED_DMA_SYNC
void arch_sync_dma_flush(void);
#endif
#define arm64_kernel_unmapped_at_el0() false

/* Coherent memory is allocated by the simulated kernel, not by these. */
#ifndef DMALAB_DIRECT
#define dma_direct_alloc dmalab_no_alloc
#define dma_direct_free dmalab_no_free
#endif

/* Called while the kernel boots: memory is there, the rest says no. */
#define for_each_mem_range(i, start, end) for (i = 0, *(start) = 0; i < 1; i++)
unsigned long __get_free_pages(gfp_t flags, unsigned int order);
void free_pages(unsigned long address, unsigned int order);
void __free_pages(struct page *page, unsigned int order);
void *memblock_alloc(phys_addr_t size, phys_addr_t align);
void memblock_free(phys_addr_t base, phys_addr_t size);
void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);
extern unsigned long min_low_pfn, max_low_pfn, max_pfn;
#define is_vmalloc_addr(address) false
#define vmalloc_to_page(address) virt_to_page(address)
#define virt_addr_valid(address) pfn_valid(virt_to_phys(address) >> PAGE_SHIFT)
#define SetPageXenRemapped(page) do { } while (0)
#define TestClearPageXenRemapped(page) false
