// SPDX-License-Identifier: Apache-2.0
// heap: allocation that ends the program when there is none; a test tool has nothing better to do then.
#ifndef BF_EXCHANGE_HEAP_H
#define BF_EXCHANGE_HEAP_H

#include <stddef.h>

void *heap_zeroed(size_t size);
// `count` elements; `old` may be NULL. Grows geometrically by itself: asking for one more each time is fine.
void *heap_grow(void *old, size_t count, size_t size);
// Room for one element behind the `count` there are, of an array that has only ever grown by this. Cheap for each one.
void *heap_room(void *old, size_t count, size_t size);
char *heap_string(const char *text, size_t length);

#endif
