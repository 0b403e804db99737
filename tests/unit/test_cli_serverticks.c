// SPDX-License-Identifier: Apache-2.0
// LINK: cli/serverticks.c -lmsgpackc
// Pages, whole seconds and limits of ticks that a server answers; the server is a list of rows here.
#include "cli/serverticks.h"

#include "common/memory.h"
#include "common/ticktime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// after what it needs
#include <cmocka.h>

#define BEGIN INT64_C(1704067200)

// An aggregate trade on the wire.
struct __attribute__((packed)) wire {
        int64_t epoch;
        double price, size;
        int64_t id, first_id, last_id;
        uint8_t maker;
        int64_t received;
        int32_t nanos;
};

static struct wire *kept;
static size_t kept_count, reads;

static void keep(int64_t second, int32_t nanos, int64_t id)
{
        if ((kept_count & (kept_count - 1)) == 0) // 0 and the powers of two
                kept = memory_resized(kept, kept_count > 0 ? 2 * kept_count : 1, sizeof(*kept));
        kept[kept_count++] = (struct wire){.epoch = second, .price = 1, .size = 2, .id = id, .nanos = nanos};
}

static int forget_all(void **state)
{
        (void)state;
        free(kept);
        kept = NULL;
        kept_count = reads = 0;
        return 0;
}

// ---- the client ----

int storeclient_schema(struct storeclient *client, const char *key, int64_t timeframe_ns, int64_t record_type,
    struct yearfile_schema *schema, char why[STORECLIENT_WHY_SIZE])
{
        (void)client;
        (void)why;
        assert_string_equal(key, "BTCUSDT/1Sec/AGGTRADE");
        assert_int_equal(timeframe_ns, TICK_NS_PER_S);
        assert_int_equal(record_type, 1);
        tick_schema(TICK_AGG_TRADE, 0, schema);
        return 0;
}

int storeclient_read(struct storeclient *client, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[STORECLIENT_WHY_SIZE])
{
        size_t first = 0, end = kept_count;

        (void)client;
        (void)key;
        (void)why;
        assert_int_equal(columns, layout->count);
        assert_int_equal(layout->row_bytes, sizeof(*kept));
        reads++;
        while (first < end && kept[first].epoch < range->start_s)
                first++;
        while (end > first && kept[end - 1].epoch > range->end_s)
                end--;
        if (range->limit > 0 && end - first > (size_t)range->limit && range->limit_from_end)
                first = end - (size_t)range->limit;
        if (range->limit > 0 && end - first > (size_t)range->limit)
                end = first + (size_t)range->limit;
        *count = end - first;
        *rows = *count > 0 ? memory_copied((const uint8_t *)&kept[first], *count * sizeof(*kept)) : NULL;
        return 0;
}

// ---- what is handed out ----

struct seen {
        size_t rows, runs;
        int64_t first_id, last_id, last_ns;
};

static int64_t id_of(const struct tick_run *run, size_t i)
{
        int64_t id;

        memcpy(&id, tick_run_columns(run, i) + 16, sizeof(id));
        return id;
}

static int note(void *context, const struct tick_run *run)
{
        struct seen *seen = context;

        for (size_t i = 0; i < run->count; i++) {
                assert_true(tick_run_time_ns(run, i) >= seen->last_ns);
                if (seen->rows++ == 0)
                        seen->first_id = id_of(run, i);
                else
                        assert_true(id_of(run, i) == seen->last_id + 1);
                seen->last_id = id_of(run, i);
                seen->last_ns = tick_run_time_ns(run, i);
        }
        seen->runs++;
        return 0;
}

static struct seen ask(struct tickquery query)
{
        struct yearfile_schema schema;
        char why[STORECLIENT_WHY_SIZE];
        struct seen seen = {0};

        query.symbol = "BTCUSDT";
        query.kind = TICK_AGG_TRADE;
        query.end_ns = query.end_ns == 0 ? INT64_MAX : query.end_ns;
        assert_int_equal(serverticks_run(NULL, &query, &schema, note, &seen, why), 0);
        return seen;
}

// ---- statements ----

static void a_second_larger_than_a_page_is_read_as_a_whole(void **state)
{
        (void)state;
        for (int i = 0; i < 120000; i++)
                keep(BEGIN + (i >= 30000) + (i >= 110000), i, i);
        struct seen seen = ask((struct tickquery){0});
        assert_int_equal(seen.rows, 120000);
        assert_int_equal(seen.runs, 3);
        seen = ask((struct tickquery){.limit = 95000});
        assert_int_equal(seen.rows, 95000);
        assert_int_equal(seen.last_id, 119999);
        seen = ask((struct tickquery){.limit = 95000, .limit_from_start = true});
        assert_int_equal(seen.rows, 95000);
        assert_int_equal(seen.first_id, 0);
}

static void pages_end_where_a_second_ends(void **state)
{
        (void)state;
        for (int i = 0; i < 130000; i++)
                keep(BEGIN + i / 7, i % 7, i);
        struct seen seen = ask((struct tickquery){0});
        assert_int_equal(seen.rows, 130000);
        assert_true(reads >= 3 && reads <= 6);
        for (size_t limit = 1; limit < 130000; limit = limit * 3 + 1) {
                seen = ask((struct tickquery){.limit = limit});
                assert_int_equal(seen.rows, limit);
                assert_int_equal(seen.last_id, 129999);
        }
}

static void rows_that_are_there_twice_are_one_for_every_limit(void **state)
{
        (void)state;
        for (int i = 0; i < 3000; i++) {
                keep(BEGIN + i / 10, i % 10, i);
                if (i >= 1500)
                        keep(BEGIN + i / 10, i % 10, i);
        }
        assert_int_equal(ask((struct tickquery){0}).rows, 3000);
        for (size_t limit = 1; limit <= 3000; limit += 333) {
                assert_int_equal(ask((struct tickquery){.limit = limit}).first_id, 3000 - limit);
                assert_int_equal(ask((struct tickquery){.limit = limit, .limit_from_start = true}).last_id, limit - 1);
        }
}

static void ends_are_exact_and_the_limit_counts_what_lies_between(void **state)
{
        (void)state;
        for (int i = 0; i < 100; i++)
                keep(BEGIN + i / 10, 1000 * (i % 10), i);
        int64_t start_ns = BEGIN * TICK_NS_PER_S + 3001, end_ns = (BEGIN + 5) * TICK_NS_PER_S + 4000;
        struct seen seen = ask((struct tickquery){.start_ns = start_ns, .end_ns = end_ns});
        assert_int_equal(seen.first_id, 4);
        assert_int_equal(seen.last_id, 54);
        seen = ask((struct tickquery){.start_ns = start_ns, .end_ns = end_ns, .limit = 7});
        assert_int_equal(seen.first_id, 48);
        assert_int_equal(seen.last_id, 54);
        assert_int_equal(ask((struct tickquery){.start_ns = end_ns + 1, .end_ns = end_ns + 999}).rows, 0);
        assert_int_equal(ask((struct tickquery){.end_ns = -1, .limit = 3}).rows, 0);
}

static void the_last_instant_of_a_second_is_not_a_second_late(void **state)
{
        (void)state;
        keep(BEGIN, 1, 0);
        keep(BEGIN + 1, 999999999, 1); // as a stock server tells what lies 1 ns before BEGIN + 1
        keep(BEGIN + 1, 5, 2);
        assert_int_equal(ask((struct tickquery){0}).rows, 3);
}

static void limits_reach_across_years(void **state)
{
        (void)state;
        for (int i = 0; i < 400; i++)
                keep(BEGIN - 200 * 86400 + (int64_t)i * 86400 * 5, 7, i);
        struct seen seen = ask((struct tickquery){.limit = 390});
        assert_int_equal(seen.first_id, 10);
        assert_int_equal(seen.rows, 390);
        assert_int_equal(ask((struct tickquery){.limit = 4000}).rows, 400);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_teardown(a_second_larger_than_a_page_is_read_as_a_whole, forget_all),
            cmocka_unit_test_teardown(pages_end_where_a_second_ends, forget_all),
            cmocka_unit_test_teardown(rows_that_are_there_twice_are_one_for_every_limit, forget_all),
            cmocka_unit_test_teardown(ends_are_exact_and_the_limit_counts_what_lies_between, forget_all),
            cmocka_unit_test_teardown(the_last_instant_of_a_second_is_not_a_second_late, forget_all),
            cmocka_unit_test_teardown(limits_reach_across_years, forget_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
