// SPDX-License-Identifier: Apache-2.0
#include "common/memory.h"

#include "common/exitcode.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *block, size_t count, size_t size)
{
        if (block != NULL)
                return block;
        log_error("no memory for %zu times %zu bytes; this process ends and is started again later", count, size);
        _Exit(EXIT_TRY_LATER);
}

void *memory_zeroed(size_t count, size_t size)
{
        return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1), count, size);
}

void *memory_resized(void *block, size_t count, size_t size)
{
        return checked(reallocarray(block, count > 0 ? count : 1, size > 0 ? size : 1), count, size);
}

void *memory_copied(const void *bytes, size_t length)
{
        void *copy = checked(malloc(length > 0 ? length : 1), 1, length);

        if (length > 0) // of nothing there may be no address
                memcpy(copy, bytes, length);
        return copy;
}
