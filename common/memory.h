// SPDX-License-Identifier: Apache-2.0
// Allocation that cannot fail: without memory a process says so and ends with EXIT_TRY_LATER; what it had not been told
// is durable is sent again or fetched again. free() releases.
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size);
void *memory_resized(void *block, size_t count, size_t size);
void *memory_copied(const void *bytes, size_t length);

#endif
