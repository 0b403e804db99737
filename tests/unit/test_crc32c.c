// SPDX-License-Identifier: Apache-2.0
#include "common/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

// RFC 3720, appendix B.4, and the polynomial's usual check value.
static void known_answers(void **state)
{
        unsigned char zeros[32] = {0}, ones[32], rising[32];

        (void)state;
        memset(ones, 0xff, sizeof(ones));
        for (size_t i = 0; i < sizeof(rising); i++)
                rising[i] = (unsigned char)i;
        assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
        assert_int_equal(crc32c(0, zeros, 32), 0x8A9136AA);
        assert_int_equal(crc32c(0, ones, 32), 0x62A8AB43);
        assert_int_equal(crc32c(0, rising, 32), 0x46DD794E);
        assert_int_equal(crc32c(0, "", 0), 0);
}

static void instruction_and_table_agree_at_every_length_and_alignment(void **state)
{
        unsigned char data[96];

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (unsigned char)(i * 37 + 11);
        for (size_t start = 0; start < 9; start++) {
                for (size_t length = 0; start + length <= sizeof(data); length++)
                        assert_int_equal(crc32c(7, data + start, length), crc32c_table(7, data + start, length));
        }
}

static void continues_where_it_stopped(void **state)
{
        const char text[] = "the quick brown fox jumps over the lazy dog";

        (void)state;
        for (size_t cut = 0; cut < sizeof(text); cut++)
                assert_int_equal(
                    crc32c(crc32c(0, text, cut), text + cut, sizeof(text) - cut), crc32c(0, text, sizeof(text)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(known_answers),
            cmocka_unit_test(instruction_and_table_agree_at_every_length_and_alignment),
            cmocka_unit_test(continues_where_it_stopped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
