// SPDX-License-Identifier: Apache-2.0
// memory: allocation that ends the program when there is none; a test tool has nothing better to do then.
#ifndef BF_EXCHANGE_MEMORY_H
#define BF_EXCHANGE_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t size);
// `count` elements; `old` may be NULL. Grows geometrically by itself: asking for one more each time is fine.
void *memory_grow(void *old, size_t count, size_t size);
char *memory_string(const char *text, size_t length);

#endif
