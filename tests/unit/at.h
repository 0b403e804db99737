// SPDX-License-Identifier: Apache-2.0
// Times of tests, as text. Include after cmocka.
#ifndef TESTS_UNIT_AT_H
#define TESTS_UNIT_AT_H

#include "common/clock.h"

// at("2024-01-01T00:01"): in µs since 1970.
static inline int64_t at(const char *text)
{
        const char *accepted;
        int64_t us;

        assert_int_equal(time_parse_us(text, 0, &us, &accepted), 0);
        return us;
}

#endif
