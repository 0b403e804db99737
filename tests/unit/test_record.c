// SPDX-License-Identifier: Apache-2.0
#include "common/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void every_known_type_has_a_size_and_a_name(void **state)
{
        static const struct {
                uint16_t type;
                size_t bytes;
                bool stream;
        } cases[] = {
            {RECORD_OPEN, 16, false},
            {RECORD_CONNECT, 24, true},
            {RECORD_BOUNDARY, 24, true},
            {RECORD_OVERLAP, 0, true},
            {RECORD_FIN, 8, false},
            {RECORD_KLINE, 136, true},
            {RECORD_TRADE, 56, true},
            {RECORD_AGG_TRADE, 72, true},
            {RECORD_QUOTE, 72, true},
            {RECORD_DEPTH, 40, true},
            {RECORD_ID_PAGE, 40, false},
            {RECORD_JOB_BEGIN, 8, false},
            {RECORD_PAGE, 40, false},
            {RECORD_JOB_END, 32, false},
            {RECORD_SYMBOL, 80, false},
            {RECORD_LISTING, 40, false},
        };
        size_t known = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(record_payload_bytes(cases[i].type), cases[i].bytes);
                assert_int_equal(record_needs_stream(cases[i].type), cases[i].stream);
                assert_string_not_equal(record_type_name(cases[i].type), "unknown");
        }
        for (uint32_t type = 0; type <= UINT16_MAX; type++)
                known += record_payload_bytes((uint16_t)type) >= 0;
        assert_int_equal(known, sizeof(cases) / sizeof(cases[0]));
}

static void an_unknown_type_has_neither(void **state)
{
        (void)state;
        assert_int_equal(record_payload_bytes(0), -1);
        assert_int_equal(record_payload_bytes(RECORD_DEPTH + 1), -1);
        assert_int_equal(record_payload_bytes(UINT16_MAX), -1);
        assert_false(record_needs_stream(UINT16_MAX));
        assert_string_equal(record_type_name(UINT16_MAX), "unknown");
        assert_string_equal(boundary_reason_name(0), "unknown");
        assert_string_equal(boundary_reason_name(UINT32_MAX), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_known_type_has_a_size_and_a_name),
            cmocka_unit_test(an_unknown_type_has_neither),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
