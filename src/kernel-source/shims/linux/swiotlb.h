/* The bounce pool is a service of the simulated machine; what the files call of linux/swiotlb.h of 5.10 to 7.3. */
#pragma once
#include <linux/dma-direction.h>

#define IO_TLB_SEGSIZE 128
#define IO_TLB_SHIFT 11
#define IO_TLB_SIZE (1 << IO_TLB_SHIFT)
#define IO_TLB_DEFAULT_SIZE (64UL << 20)

enum swiotlb_force { SWIOTLB_NORMAL, SWIOTLB_FORCE, SWIOTLB_NO_FORCE };
enum dma_sync_target { SYNC_FOR_CPU, SYNC_FOR_DEVICE };
#define swiotlb_force (dmalab_own.swiotlb_forced ? SWIOTLB_FORCE : SWIOTLB_NORMAL)

/* One pool, whatever it is called. */
struct io_tlb_pool { phys_addr_t start, end; unsigned long nslabs; };
struct io_tlb_mem { phys_addr_t start, end; unsigned long nslabs; struct io_tlb_pool defpool; };
extern struct io_tlb_mem io_tlb_default_mem;
extern struct io_tlb_pool dmalab_pool;
extern phys_addr_t io_tlb_start, io_tlb_end;

/* DMA_ATTR_* as the services know them. */
int dmalab_attributes(unsigned long attrs);

static inline bool is_swiotlb_force_bounce(struct device *dev)
{
	dmalab_check_device(dev);
	return dmalab_own.swiotlb_forced;
}
/* Whether there is a pool at all, the service says by having no slot. */
#define is_swiotlb_active(...) true
#define is_swiotlb_for_alloc(dev) false
#define is_swiotlb_allocated() true

#define OVERLOADED static inline __attribute__((overloadable))
/* 5.11 on: with the device. */
OVERLOADED bool is_swiotlb_buffer(struct device *dev, phys_addr_t phys)
{
	dmalab_check_device(dev);
	return dmalab_in_swiotlb(OUT(phys));
}
OVERLOADED bool is_swiotlb_buffer(phys_addr_t phys) { return dmalab_in_swiotlb(OUT(phys)); }
static inline struct io_tlb_pool *swiotlb_find_pool(struct device *dev, phys_addr_t phys)
{
	return is_swiotlb_buffer(dev, phys) ? &dmalab_pool : NULL;
}

static inline phys_addr_t dmalab_take_slot(struct device *dev, phys_addr_t phys, size_t size,
					   enum dma_data_direction dir, unsigned long attrs)
{
	dmalab_check_device(dev);
	/* A slot of replay's own may lie in a frame that was asked for before it was one. */
	dmalab_own.has_asked = false;
	return IN(phys_addr_t, dmalab_swiotlb_map(OUT(phys), OUT(size), dir, dmalab_attributes(attrs)));
}
/* 5.10: allocated size. */
OVERLOADED phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t phys, size_t size, size_t allocated,
					      enum dma_data_direction dir, unsigned long attrs)
{
	return dmalab_take_slot(dev, phys, size, dir, attrs);
}
/* Allocated size and alignment. */
OVERLOADED phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t phys, size_t size, size_t allocated,
					      unsigned int mask, enum dma_data_direction dir, unsigned long attrs)
{
	return dmalab_take_slot(dev, phys, size, dir, attrs);
}
/* 7.3: alignment only (also of 6.12, in the place of the allocated size), and attributes that may change. */
OVERLOADED phys_addr_t swiotlb_tbl_map_single(struct device *dev, phys_addr_t phys, size_t size, size_t mask,
					      enum dma_data_direction dir, unsigned long *attrs)
{
	return dmalab_take_slot(dev, phys, size, dir, *attrs);
}

static inline void dmalab_give_slot(struct device *dev, phys_addr_t slot, size_t size, enum dma_data_direction dir,
				    unsigned long attrs)
{
	dmalab_check_device(dev);
	dmalab_swiotlb_unmap(OUT(slot), OUT(size), dir, dmalab_attributes(attrs));
}
/* 5.10: also what is not in the pool must not be given, and there are two sizes. */
OVERLOADED void swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t slot, size_t size, size_t allocated,
					 enum dma_data_direction dir, unsigned long attrs)
{
	dmalab_give_slot(dev, slot, size, dir, attrs);
}
static inline void __swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t slot, size_t size,
					      enum dma_data_direction dir, unsigned long attrs,
					      struct io_tlb_pool *pool)
{
	dmalab_give_slot(dev, slot, size, dir, attrs);
}
#ifdef DMALAB_SWIOTLB_FINDS_POOL
/* 6.9 on: whatever is not in a pool is left alone. */
#define ONLY_IN_POOL(dev, phys) if (!is_swiotlb_buffer(dev, phys)) return
#else
#define ONLY_IN_POOL(dev, phys)
#endif
OVERLOADED void swiotlb_tbl_unmap_single(struct device *dev, phys_addr_t slot, size_t size,
					 enum dma_data_direction dir, unsigned long attrs)
{
	ONLY_IN_POOL(dev, slot);
	dmalab_give_slot(dev, slot, size, dir, attrs);
}

static inline void __swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t slot, size_t size,
						 enum dma_data_direction dir, struct io_tlb_pool *pool)
{
	dmalab_check_device(dev);
	dmalab_swiotlb_sync_for_cpu(OUT(slot), OUT(size), dir);
}
static inline void __swiotlb_sync_single_for_device(struct device *dev, phys_addr_t slot, size_t size,
						    enum dma_data_direction dir, struct io_tlb_pool *pool)
{
	dmalab_check_device(dev);
	dmalab_swiotlb_sync_for_device(OUT(slot), OUT(size), dir);
}
static inline void swiotlb_sync_single_for_cpu(struct device *dev, phys_addr_t slot, size_t size,
					       enum dma_data_direction dir)
{
	ONLY_IN_POOL(dev, slot);
	__swiotlb_sync_single_for_cpu(dev, slot, size, dir, NULL);
}
static inline void swiotlb_sync_single_for_device(struct device *dev, phys_addr_t slot, size_t size,
						  enum dma_data_direction dir)
{
	ONLY_IN_POOL(dev, slot);
	__swiotlb_sync_single_for_device(dev, slot, size, dir, NULL);
}
static inline void swiotlb_tbl_sync_single(struct device *dev, phys_addr_t slot, size_t size,
					   enum dma_data_direction dir, enum dma_sync_target target)
{
	if (target == SYNC_FOR_CPU)
		__swiotlb_sync_single_for_cpu(dev, slot, size, dir, NULL);
	else
		__swiotlb_sync_single_for_device(dev, slot, size, dir, NULL);
}

dma_addr_t swiotlb_map(struct device *dev, phys_addr_t phys, size_t size, enum dma_data_direction dir,
		       unsigned long attrs);
size_t swiotlb_max_mapping_size(struct device *dev);
#define default_swiotlb_base() dmalab_pool.start
#define default_swiotlb_limit() (dmalab_pool.end - 1)

/* While the kernel boots. */
#define swiotlb_size_or_default() IO_TLB_DEFAULT_SIZE
#define swiotlb_init_late(...) 0
#define swiotlb_nr_tbl() (IO_TLB_DEFAULT_SIZE >> IO_TLB_SHIFT)
#define swiotlb_init_with_tbl(...) 0
#define swiotlb_late_init_with_tbl(...) 0
#define swiotlb_set_max_segment(size) do { } while (0)
#define swiotlb_alloc(...) NULL
#define swiotlb_free(...) false
