/* The kernel's own, but for what the simulated device can be given. */
#pragma once
#define dma_capable dma_capable_of_the_kernel
#include <own/linux/dma-direct.h>
#undef dma_capable
/* 7.x hands attributes on, too. */
#define dma_capable(dev, addr, size, ...) \
	({ dmalab_check_device(dev); (bool)dmalab_dma_capable(OUT((dma_addr_t)(addr)), OUT((size_t)(size))); })
