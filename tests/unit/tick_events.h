// SPDX-License-Identifier: Apache-2.0
// Events and buckets for the tests of ticks. Include after cmocka.
#ifndef TESTS_UNIT_TICK_EVENTS_H
#define TESTS_UNIT_TICK_EVENTS_H

#include "common/tickfile.h"
#include "common/tickrow.h"
#include "tests/unit/at.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)

// A trade whose price tells its id.
static inline struct trade make_trade(int64_t id, int64_t time_us)
{
        return (struct trade){.id = id,
            .time_us = time_us,
            .received_wall_ns = time_us * 1000 + 5,
            .level = {.price = 6000000 + id, .size = 12345, .price_exponent = -2, .size_exponent = -8},
            .buyer_maker = id % 2 == 0,
            .microseconds = time_us % 1000 != 0};
}

static inline void add_trade(struct tick_rows *rows, int64_t id, int64_t time_us)
{
        struct trade trade = make_trade(id, time_us);

        assert_int_equal(tick_rows_add_trade(rows, &trade), 0);
}

static inline void no_damage(void *context, const struct tickfile *file, int64_t second, const char *what)
{
        (void)context;
        (void)file;
        (void)second;
        fail_msg("damage: %s", what);
}

// Puts rows of any years into a bucket below `store_root`, through all three steps.
static inline void store_rows(const char *store_root, const char *symbol, const struct tick_rows *rows)
{
        char reason[REASON_SIZE] = "";

        for (int year = tick_rows_next_year(rows, 0); year > 0; year = tick_rows_next_year(rows, year + 1)) {
                struct tickfile *file =
                    tickfile_open_write(store_root, symbol, tick_rows_kind(rows), tick_rows_levels(rows), year, reason);

                if (file == NULL)
                        fail_msg("%s", reason);
                if (tickfile_stage(file, rows, no_damage, NULL, reason) != 0)
                        fail_msg("%s", reason);
                assert_int_equal(tickfile_commit(file), 0);
                tickfile_close(file);
        }
}

#endif
