/* What the headers of the shims only declare. */
#include <linux/dma-map-ops.h>
#include <linux/dma-direct.h>
#include <linux/swiotlb.h>
#include <xen/interface/grant_table.h>
#include <xen/features.h>
#include <xen/xen.h>
#include <asm/xen/hypervisor.h>
#include <asm/xen/page.h>

u64 dmalab_mask = ~0ULL;
struct dmalab_own dmalab_own = { .device = { .dma_mask = &dmalab_mask, .coherent_dma_mask = ~0ULL } };
s64 __attribute__((address_space(1))) dmalab_blocks_left;
struct io_tlb_mem io_tlb_default_mem;
struct io_tlb_pool dmalab_pool;
unsigned long min_low_pfn, max_low_pfn = ~0UL, max_pfn = ~0UL;

/* Dom0, directly mapped. */
enum xen_domain_type xen_domain_type = XEN_HVM_DOMAIN;
uint32_t xen_start_flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
u8 xen_features[XENFEAT_NR_SUBMAPS * 32];

int dmalab_attributes(unsigned long attrs)
{
	int attributes = attrs & DMA_ATTR_SKIP_CPU_SYNC ? 1 : 0;
#ifdef DMA_ATTR_MMIO
	attributes |= attrs & DMA_ATTR_MMIO ? 2 : 0;
#endif
#ifdef DMA_ATTR_REQUIRE_COHERENT
	attributes |= attrs & DMA_ATTR_REQUIRE_COHERENT ? 4 : 0;
#endif
	return attributes;
}

/* A foreign page's frame, or the page's own number. */
static struct rb_node some_entry;
struct rb_root phys_to_mach = { &some_entry };
unsigned long __pfn_to_mfn(unsigned long pfn) { return IN(unsigned long, dmalab_pfn_to_mfn(OUT(pfn))); }

/* Each maintenance is worth many blocks: a call maintains each of its pages once. */
#define WORTH 20000
static void spend(void)
{
	dmalab_blocks_left -= WORTH;
	if (dmalab_blocks_left <= 0)
		dmalab_hang();
}
void arch_sync_dma_for_device(phys_addr_t phys, size_t size, enum dma_data_direction dir)
{
	spend();
	dmalab_arch_sync_for_device(OUT(phys), OUT(size), dir);
}
void arch_sync_dma_for_cpu(phys_addr_t phys, size_t size, enum dma_data_direction dir)
{
	spend();
	dmalab_arch_sync_for_cpu(OUT(phys), OUT(size), dir);
}
#ifdef CONFIG_ARCH_HAS_BATCHED_DMA_SYNC
void arch_sync_dma_flush(void) { dmalab_arch_sync_flush(); }
#endif

/* A batch goes to Xen element by element; the first that fails ends it, as in Xen. */
int HYPERVISOR_grant_table_op(unsigned int cmd, void *uop, unsigned int count)
{
	struct gnttab_cache_flush *flush = uop;
	unsigned int i;

	if (cmd != GNTTABOP_cache_flush)
		BUG_WITH("a grant table operation other than GNTTABOP_cache_flush");
	for (i = 0; i < count; i++) {
		int rc;

		spend();
		rc = dmalab_cache_flush(OUT(flush[i].a.dev_bus_addr), flush[i].offset, flush[i].length, flush[i].op);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/*
 * Up to 5.13 swiotlb-xen compares addresses with the bounds of a pool of its own. They are those of a pool that holds the address
 * that was translated last, or of one that does not.
 */
#define POOL_VIRT 0x1000UL
phys_addr_t io_tlb_start = POOL_VIRT, io_tlb_end;
phys_addr_t dmalab_virt_to_phys(const volatile void *address)
{
	uintptr_t at = (uintptr_t)address;
	bool inside;

	if (at != POOL_VIRT && at != POOL_VIRT + IO_TLB_DEFAULT_SIZE)
		return at;
	inside = dmalab_in_swiotlb(OUT(dmalab_own.last_translated));
	return (at == POOL_VIRT) == inside ? 0 : ~(phys_addr_t)0;
}

/* Takes a slot, and maintains it if the device does not snoop: kernel/dma/swiotlb.c. */
dma_addr_t swiotlb_map(struct device *dev, phys_addr_t phys, size_t size, enum dma_data_direction dir,
		       unsigned long attrs)
{
	phys_addr_t slot = dmalab_take_slot(dev, phys, size, dir, attrs);
	dma_addr_t dma;

	if (slot == (phys_addr_t)DMA_MAPPING_ERROR)
		return DMA_MAPPING_ERROR;
	dma = phys_to_dma(dev, slot);
	if (!dma_capable(dev, dma, size, true)) {
		dmalab_give_slot(dev, slot, size, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
		return DMA_MAPPING_ERROR;
	}
	if (!dev_is_dma_coherent(dev) && !(attrs & DMA_ATTR_SKIP_CPU_SYNC)) {
		arch_sync_dma_for_device(slot, size, dir);
#ifdef CONFIG_ARCH_HAS_BATCHED_DMA_SYNC
		arch_sync_dma_flush();
#endif
	}
	return dma;
}

unsigned long __get_free_pages(gfp_t flags, unsigned int order) { return 0; }
void free_pages(unsigned long address, unsigned int order) { }
void *memblock_alloc(phys_addr_t size, phys_addr_t align) { return NULL; }
void memblock_free(phys_addr_t base, phys_addr_t size) { }

void *memset(void *to, int value, size_t count)
{
	volatile u8 *at = to;

	while (count--)
		*at++ = value;
	return to;
}
void *memcpy(void *to, const void *from, size_t count)
{
	volatile u8 *at = to;
	const u8 *source = from;

	while (count--)
		*at++ = *source++;
	return to;
}

/* What a call may take: blocks of the kernel's code (services.h). */
void dmalab_wind_up(u64 size)
{
	dmalab_blocks_left = WORTH * (100 + 2 * (s64)(size >> PAGE_SHIFT));
}

/* Undefined behaviour in the kernel's files: what clang's checks call (UndefinedBehaviorSanitizer). */
struct where {
	const char *file;
	u32 line, column;
};
#define UNDEFINED(name, text) \
	void __ubsan_handle_##name##_abort(const struct where *at) \
	{ \
		dmalab_bug(dmalab_text(at->file), at->line, dmalab_text(text)); \
	}
UNDEFINED(type_mismatch_v1, "NULL is used as an address")
UNDEFINED(shift_out_of_bounds, "a shift by more bits than there are")
UNDEFINED(out_of_bounds, "an index beyond the array")
UNDEFINED(divrem_overflow, "a division by zero")
