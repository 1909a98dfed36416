/* The kernel's own, but for whether a small kmalloc() object bounces (its cache alignment is the simulated machine's). */
#pragma once
#define dma_kmalloc_needs_bounce dma_kmalloc_needs_bounce_of_the_kernel
#include <own/linux/dma-map-ops.h>
#undef dma_kmalloc_needs_bounce
#define dma_kmalloc_needs_bounce(dev, size, dir) \
	({ dmalab_check_device(dev); (bool)dmalab_kmalloc_needs_bounce(OUT((size_t)(size)), dir); })
