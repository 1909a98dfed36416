/* phys_to_dma() and dma_to_phys(): the bus of the simulated machine (CONFIG_ARCH_HAS_PHYS_TO_DMA). */
#pragma once
static inline dma_addr_t phys_to_dma(struct device *dev, phys_addr_t phys)
{
	dmalab_check_device(dev);
	return IN(dma_addr_t, dmalab_bus_to_dma(OUT(phys)));
}
static inline phys_addr_t dma_to_phys(struct device *dev, dma_addr_t dma)
{
	dmalab_check_device(dev);
	/* A call asks for one address several times, and a bus does not change. */
	if (!dmalab_own.has_translated || dmalab_own.last_dma != dma) {
		dmalab_own.last_translated = IN(phys_addr_t, dmalab_dma_to_bus(OUT(dma)));
		dmalab_own.last_dma = dma;
		dmalab_own.has_translated = true;
	}
	return dmalab_own.last_translated;
}
