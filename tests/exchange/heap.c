// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/heap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *memory)
{
        if (memory == NULL) {
                fputs("exchange: out of memory\n", stderr);
                exit(71);
        }
        return memory;
}

void *heap_zeroed(size_t size)
{
        return check(calloc(1, size));
}

// Capacities are powers of two, so growing by one moves memory only when a power is passed.
void *heap_grow(void *old, size_t count, size_t size)
{
        size_t capacity = 1;
        while (capacity < count) {
                capacity *= 2;
        }
        return check(realloc(old, capacity * size));
}

void *heap_room(void *old, size_t count, size_t size)
{
        bool full = (count & (count - 1)) == 0; // nothing, or a power of two
        return full ? heap_grow(old, count + 1, size) : old;
}

char *heap_string(const char *text, size_t length)
{
        char *copy = check(malloc(length + 1));
        memcpy(copy, text, length);
        copy[length] = '\0';
        return copy;
}
