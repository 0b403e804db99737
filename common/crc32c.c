// SPDX-License-Identifier: Apache-2.0
#include "common/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL_REFLECTED UINT32_C(0x82F63B78)

// Eight tables, so that eight bytes go at a step ("slicing by eight").
static uint32_t tables[8][256];

static void tables_fill(void)
{
        for (uint32_t i = 0; i < 256; i++) {
                uint32_t value = i;

                for (int bit = 0; bit < 8; bit++)
                        value = (value >> 1) ^ (value & 1 ? POLYNOMIAL_REFLECTED : 0);
                tables[0][i] = value;
        }
        for (int t = 1; t < 8; t++) {
                for (int i = 0; i < 256; i++)
                        tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
        }
}

uint32_t crc32c_table(uint32_t crc, const void *data, size_t length)
{
        const unsigned char *p = data;

        crc = ~crc;
        for (; length >= 8; p += 8, length -= 8) {
                uint32_t low =
                    crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

                crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
                      tables[4][low >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
        }
        for (; length > 0; p++, length--)
                crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xff];
        return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc, const void *data, size_t length)
{
        const unsigned char *p = data;
        uint64_t state = ~crc;

        for (; length >= 8; p += 8, length -= 8) {
                uint64_t word;

                memcpy(&word, p, sizeof(word));
                state = __builtin_ia32_crc32di(state, word);
        }
        uint32_t tail = (uint32_t)state;
        for (; length > 0; p++, length--)
                tail = __builtin_ia32_crc32qi(tail, *p);
        return ~tail;
}
#endif

static uint32_t (*implementation)(uint32_t, const void *, size_t) = crc32c_table;

// Before main(), so that no thread ever sees half a table.
__attribute__((constructor)) static void choose_implementation(void)
{
        tables_fill();
#if defined(__x86_64__)
        __builtin_cpu_init();
        if (__builtin_cpu_supports("sse4.2"))
                implementation = crc32c_instruction;
#endif
}

uint32_t crc32c(uint32_t crc, const void *data, size_t length)
{
        return implementation(crc, data, length);
}
