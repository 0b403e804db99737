// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/block.h"

#include "common/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_BYTES_MIN 4096
#define HUGE_BYTES (2UL * 1024 * 1024)

static size_t charged;

// Large blocks are mappings of their own, so that what an answer took goes back to the system with it, in huge pages
// where the kernel has them: a year of bars is 10,000 small ones, each a fault.
static uint8_t *allocate(size_t capacity)
{
        if (capacity < HUGE_BYTES)
                return malloc(capacity);
        uint8_t *data = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == MAP_FAILED)
                return NULL;
        (void)madvise(data, capacity, MADV_HUGEPAGE);
        return data;
}

static void deallocate(uint8_t *data, size_t capacity)
{
        if (capacity < HUGE_BYTES)
                free(data);
        else
                (void)munmap(data, capacity);
}

// At least twice what it was, so that growing costs at most one more copy.
static size_t grown_capacity(const struct block *block, size_t more)
{
        size_t needed = block->length + more;
        size_t capacity = block->capacity * 2 > needed ? block->capacity * 2 : needed;
        size_t unit = capacity < HUGE_BYTES ? BLOCK_BYTES_MIN : HUGE_BYTES;

        return (capacity + unit - 1) / unit * unit;
}

int block_reserve(struct block *block, size_t more)
{
        if (more <= block->capacity - block->length)
                return 0;
        if (more > GATEWAY_MEMORY_BYTES_MAX) {
                errno = ENOBUFS;
                return -1;
        }
        size_t capacity = grown_capacity(block, more);
        if (capacity - block->capacity > GATEWAY_MEMORY_BYTES_MAX - charged) {
                errno = ENOBUFS;
                return -1;
        }
        uint8_t *data = allocate(capacity);
        if (data == NULL)
                return -1;
        if (block->length > 0)
                memcpy(data, block->data, block->length);
        deallocate(block->data, block->capacity);
        charged += capacity - block->capacity;
        block->data = data;
        block->capacity = capacity;
        return 0;
}

void block_release(struct block *block)
{
        charged -= block->capacity;
        deallocate(block->data, block->capacity);
        *block = (struct block){0};
}

size_t block_charged(void)
{
        return charged;
}
