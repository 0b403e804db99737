// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/block.h"

#include "common/limits.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_BYTES_MIN 4096

static size_t charged;

int block_reserve(struct block *block, size_t more)
{
        size_t capacity = block->capacity > 0 ? block->capacity : BLOCK_BYTES_MIN;

        if (more <= block->capacity - block->length)
                return 0;
        if (more > GATEWAY_MEMORY_BYTES_MAX) {
                errno = ENOBUFS;
                return -1;
        }
        // Doubling costs no copies where it matters: large blocks are moved by remapping their pages, and pages that
        // are never touched are never had.
        while (capacity - block->length < more)
                capacity *= 2;
        if (capacity - block->capacity > GATEWAY_MEMORY_BYTES_MAX - charged) {
                errno = ENOBUFS;
                return -1;
        }
        uint8_t *data = realloc(block->data, capacity);
        if (data == NULL)
                return -1;
        charged += capacity - block->capacity;
        block->data = data;
        block->capacity = capacity;
        return 0;
}

void block_release(struct block *block)
{
        charged -= block->capacity;
        free(block->data);
        *block = (struct block){0};
}

size_t block_charged(void)
{
        return charged;
}
