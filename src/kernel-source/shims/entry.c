/* The module's functions: one call of the DMA API each, through the kernel's own table of operations. */
#include <linux/dma-map-ops.h>
#include <linux/dma-direct.h>
#include <own/kernel/dma/direct.h>
#include <xen/swiotlb-xen.h>

#define EXPORT(name) __attribute__((export_name(#name)))
void __wasm_call_ctors(void);
void dmalab_wind_up(u64 size);

EXPORT(boot) void dmalab_boot(void)
{
	dmalab_wind_up(0);
	__wasm_call_ctors();
}

/* The shims' variables: whatever else changes in a call is the kernel's. */
EXPORT(own_from) double own_from(void) { return (uintptr_t)&dmalab_own; }
EXPORT(own_to) double own_to(void) { return (uintptr_t)(&dmalab_own + 1); }

static struct device *begin(int facts, double size)
{
	dmalab_wind_up((u64)(s64)size);
	dmalab_device.dma_coherent = facts & 1;
	dmalab_own.swiotlb_forced = facts & 2;
	dmalab_own.has_translated = false;
	dmalab_own.has_asked = false;
	return &dmalab_device;
}

static unsigned long attrs_of(int attributes)
{
	unsigned long attrs = attributes & 1 ? DMA_ATTR_SKIP_CPU_SYNC : 0;
#ifdef DMA_ATTR_MMIO
	attrs |= attributes & 2 ? DMA_ATTR_MMIO : 0;
#endif
#ifdef DMA_ATTR_REQUIRE_COHERENT
	attrs |= attributes & 4 ? DMA_ATTR_REQUIRE_COHERENT : 0;
#endif
	return attrs;
}

EXPORT(xen_map) double xen_map(int facts, double phys, double size, int dir, int attributes)
{
	struct device *dev = begin(facts, size);
	phys_addr_t at = IN(phys_addr_t, phys);
	dma_addr_t dma;

#ifdef DMALAB_MAP_PHYS
	dma = xen_swiotlb_dma_ops.map_phys(dev, at, size, dir, attrs_of(attributes));
#else
	/* dma_map_resource() */
	if (attributes & 2)
		dma = xen_swiotlb_dma_ops.map_resource
			      ? xen_swiotlb_dma_ops.map_resource(dev, at, size, dir, attrs_of(attributes))
			      : DMA_MAPPING_ERROR;
	else
		dma = xen_swiotlb_dma_ops.map_page(dev, phys_to_page(at), offset_in_page(at), size, dir,
						   attrs_of(attributes));
#endif
	return OUT(dma);
}

EXPORT(xen_unmap) void xen_unmap(int facts, double dma, double size, int dir, int attributes)
{
	struct device *dev = begin(facts, size);
	dma_addr_t at = IN(dma_addr_t, dma);

#ifdef DMALAB_MAP_PHYS
	xen_swiotlb_dma_ops.unmap_phys(dev, at, size, dir, attrs_of(attributes));
#else
	if (!(attributes & 2))
		xen_swiotlb_dma_ops.unmap_page(dev, at, size, dir, attrs_of(attributes));
	else if (xen_swiotlb_dma_ops.unmap_resource)
		xen_swiotlb_dma_ops.unmap_resource(dev, at, size, dir, attrs_of(attributes));
#endif
}

EXPORT(xen_sync_for_cpu) void xen_sync_for_cpu(int facts, double dma, double size, int dir)
{
	xen_swiotlb_dma_ops.sync_single_for_cpu(begin(facts, size), IN(dma_addr_t, dma), size, dir);
}

EXPORT(xen_sync_for_device) void xen_sync_for_device(int facts, double dma, double size, int dir)
{
	xen_swiotlb_dma_ops.sync_single_for_device(begin(facts, size), IN(dma_addr_t, dma), size, dir);
}

#ifdef DMALAB_DIRECT_FLUSHES
#define FLUSH , true
#else
#define FLUSH
#endif

EXPORT(direct_map) double direct_map(int facts, double phys, double size, int dir, int attributes)
{
	struct device *dev = begin(facts, size);
	phys_addr_t at = IN(phys_addr_t, phys);
	dma_addr_t dma;

#ifdef DMALAB_DIRECT_MAP_PHYS
	dma = dma_direct_map_phys(dev, at, size, dir, attrs_of(attributes) FLUSH);
#else
	if (attributes & 2)
		dma = dma_direct_map_resource(dev, at, size, dir, attrs_of(attributes));
	else
		dma = dma_direct_map_page(dev, phys_to_page(at), offset_in_page(at), size, dir, attrs_of(attributes));
#endif
	return OUT(dma);
}

EXPORT(direct_unmap) void direct_unmap(int facts, double dma, double size, int dir, int attributes)
{
	struct device *dev = begin(facts, size);

#ifdef DMALAB_DIRECT_MAP_PHYS
	dma_direct_unmap_phys(dev, IN(dma_addr_t, dma), size, dir, attrs_of(attributes) FLUSH);
#else
	/* dma_unmap_resource() has nothing to do. */
	if (!(attributes & 2))
		dma_direct_unmap_page(dev, IN(dma_addr_t, dma), size, dir, attrs_of(attributes));
#endif
}

EXPORT(direct_sync_for_cpu) void direct_sync_for_cpu(int facts, double dma, double size, int dir)
{
	dma_direct_sync_single_for_cpu(begin(facts, size), IN(dma_addr_t, dma), size, dir FLUSH);
}

EXPORT(direct_sync_for_device) void direct_sync_for_device(int facts, double dma, double size, int dir)
{
	dma_direct_sync_single_for_device(begin(facts, size), IN(dma_addr_t, dma), size, dir);
}
