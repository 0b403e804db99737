// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), with the CPU's instruction where it has one.
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// Continues from `crc` (0 to begin).
uint32_t crc32c(uint32_t crc, const void *data, size_t length);

// The same without the instruction: what crc32c() falls back to; public so that a test can compare the two.
uint32_t crc32c_table(uint32_t crc, const void *data, size_t length);

#endif
