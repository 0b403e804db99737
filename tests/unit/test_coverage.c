// SPDX-License-Identifier: Apache-2.0
// Range sets against a plain array of minutes, and the rule of ranks.
// LINK: workers/writer/coverage.c workers/writer/gaps.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "workers/writer/coverage.h"
#include "workers/writer/gaps.h"

#include <stdlib.h>
#include <string.h>

#define SPAN 60
#define NONE (-1)

// The set, one cell a unit.
static void expect_cells(const struct ranges *set, const int cells[SPAN])
{
        for (size_t i = 0; i < set->count; i++) {
                assert_true(set->items[i].start_us < set->items[i].end_us);
                if (i == 0)
                        continue;
                assert_true(set->items[i - 1].end_us <= set->items[i].start_us);
                // Neighbours that could be one are one.
                assert_false(
                    set->items[i - 1].end_us == set->items[i].start_us && set->items[i - 1].tag == set->items[i].tag);
        }
        for (int us = 0; us < SPAN; us++) {
                size_t index = ranges_find(set, us);
                bool inside = index < set->count && set->items[index].start_us <= us;

                assert_int_equal(inside, ranges_contain(set, us));
                assert_int_equal(inside ? set->items[index].tag : NONE, cells[us]);
        }
}

static void a_set_is_what_was_set_and_not_removed(void **state)
{
        struct ranges set = {0};
        int cells[SPAN];

        (void)state;
        srand(1);
        for (int round = 0; round < 20000; round++) {
                if (round % 200 == 0) {
                        ranges_clear(&set);
                        for (int i = 0; i < SPAN; i++)
                                cells[i] = NONE;
                }
                int start = rand() % SPAN, end = rand() % (SPAN + 1), tag = rand() % 4 == 0 ? NONE : rand() % 3;

                if (tag == NONE)
                        assert_int_equal(ranges_remove(&set, start, end), 0);
                else
                        assert_int_equal(ranges_set(&set, start, end, tag), 0);
                for (int i = start; i < end; i++)
                        cells[i] = tag;
                expect_cells(&set, cells);
        }
        ranges_free(&set);
}

static void random_set(struct ranges *set, int cells[SPAN])
{
        ranges_clear(set);
        for (int i = 0; i < SPAN; i++) {
                cells[i] = rand() % 3 == 0 ? rand() % 2 : NONE;
                if (cells[i] != NONE)
                        assert_int_equal(ranges_set(set, i, i + 1, cells[i]), 0);
        }
}

static void subtracting_and_missing_agree_with_the_cells(void **state)
{
        struct ranges wanted = {0}, covered = {0}, explained = {0}, missing = {0};
        int want[SPAN], cover[SPAN], explain[SPAN];

        (void)state;
        srand(2);
        for (int round = 0; round < 2000; round++) {
                int horizon = rand() % SPAN;

                random_set(&wanted, want);
                random_set(&covered, cover);
                random_set(&explained, explain);
                assert_int_equal(ranges_missing(&wanted, horizon, &covered, &explained, &missing), 0);
                for (int i = 0; i < SPAN; i++) {
                        bool expected = i < horizon && want[i] != NONE && cover[i] == NONE && explain[i] == NONE;

                        assert_int_equal(ranges_contain(&missing, i), expected);
                }
                for (size_t i = 1; i < missing.count; i++)
                        assert_true(missing.items[i - 1].end_us < missing.items[i].start_us);
        }
        ranges_free(&wanted);
        ranges_free(&covered);
        ranges_free(&explained);
        ranges_free(&missing);
}

static void bars_are_counted_on_their_grid(void **state)
{
        struct ranges set = {0}, within = {0};
        int64_t day = civil_to_days(2024, 2, 1) * US_PER_DAY, later = civil_to_days(2024, 5, 1) * US_PER_DAY;

        (void)state;
        assert_int_equal(ranges_set(&set, day, later, 0), 0);
        assert_int_equal(ranges_bars(&set, INTERVAL_1MO), 3);
        assert_int_equal(ranges_bars(&set, INTERVAL_1D), 90);
        assert_int_equal(ranges_set(&within, day + US_PER_DAY, day + 3 * US_PER_DAY, 0), 0);
        assert_int_equal(ranges_bars_within(&set, &within, INTERVAL_1H), 48);
        assert_int_equal(ranges_set(&within, later - US_PER_DAY, later + 5 * US_PER_DAY, 0), 0);
        assert_int_equal(ranges_bars_within(&set, &within, INTERVAL_1H), 72); // both end it
        assert_true(ranges_cover(&set, day, later));
        assert_int_equal(ranges_set(&set, day + US_PER_DAY, day + 2 * US_PER_DAY, 1), 0);
        assert_true(ranges_cover(&set, day, later));
        assert_false(ranges_cover(&set, day, later + 1));
        assert_int_equal(ranges_remove(&set, day + US_PER_DAY, day + US_PER_DAY + 1), 0);
        assert_false(ranges_cover(&set, day, later));
        ranges_free(&set);
        ranges_free(&within);
}

static void a_lower_rank_never_replaces_a_higher_one(void **state)
{
        struct ranges covered = {0};
        int64_t until;

        (void)state;
        assert_int_equal(coverage_rank_at(&covered, 5, &until), -1);
        assert_int_equal(until, INT64_MAX);
        assert_int_equal(coverage_add(&covered, 10, 20, BAR_REST), 0);
        assert_int_equal(coverage_add(&covered, 0, 30, BAR_STREAM), 0);
        assert_int_equal(covered.count, 3);
        assert_int_equal(coverage_rank_at(&covered, 12, &until), RANK_REST);
        assert_int_equal(until, 20);
        assert_int_equal(coverage_rank_at(&covered, 20, &until), RANK_STREAM);
        assert_int_equal(coverage_add(&covered, 0, 30, BAR_REST_RECENT), 0); // weaker than the stream
        assert_int_equal(coverage_rank_at(&covered, 0, &until), RANK_STREAM);
        assert_int_equal(coverage_add(&covered, 0, 30, BAR_ARCHIVE), 0);
        assert_int_equal(covered.count, 1);
        assert_int_equal(covered.items[0].tag, BAR_ARCHIVE);
        ranges_free(&covered);
}

static void only_what_rest_or_the_archive_said_is_settled(void **state)
{
        static const bool provisional[BAR_SOURCES] = {
            [BAR_REST_RECENT] = true, [BAR_ADOPTED] = true, [BAR_STREAM] = true};

        (void)state;
        for (int source = 0; source < BAR_SOURCES; source++) {
                assert_int_equal(bar_source_is_provisional(source), provisional[source]);
                assert_int_equal(bar_source_parse(bar_source_name(source)), source);
        }
        assert_int_equal(bar_source_parse("rumour"), -1);
}

static void explained_gaps_agree_with_their_cells(void **state)
{
        struct gaps gaps = {0};
        struct ranges ranges = {0}, expected = {0};

        (void)state;
        srand(3);
        for (int round = 0; round < 5000; round++) {
                int start = rand() % SPAN, end = rand() % (SPAN + 1), kind = rand() % 3;
                enum gap_state said = kind == 0 ? GAP_ABSENT : GAP_LOST;

                if (kind == 2) {
                        assert_int_equal(gaps_trim(&gaps, start, end), 0);
                        assert_int_equal(ranges_remove(&expected, start, end), 0);
                } else {
                        assert_int_equal(gaps_explain(&gaps, start, end, said, 0, "because"), 0);
                        assert_int_equal(ranges_set(&expected, start, end, (int32_t)said), 0);
                }
                assert_int_equal(gaps_to_ranges(&gaps, &ranges), 0);
                assert_int_equal(ranges.count, expected.count);
                assert_int_equal(gaps.count, expected.count); // joined where they touch and say the same
                for (size_t i = 0; i < expected.count; i++) {
                        assert_int_equal(ranges.items[i].start_us, expected.items[i].start_us);
                        assert_int_equal(ranges.items[i].end_us, expected.items[i].end_us);
                        assert_int_equal(ranges.items[i].tag, expected.items[i].tag);
                }
        }
        gaps_free(&gaps);
        ranges_free(&ranges);
        ranges_free(&expected);
}

static void a_note_is_filled_when_nothing_in_it_is_missing(void **state)
{
        struct gaps notes = {0};
        struct ranges covered = {0}, explained = {0}, leased = {0};

        (void)state;
        assert_int_equal(gaps_note(&notes, 10, 20, GAP_OPEN, 1, "reconnect"), 0);
        assert_int_equal(gaps_note(&notes, 30, 40, GAP_OPEN, 1, "reconnect"), 0);
        assert_int_equal(ranges_set(&covered, 0, 15, BAR_REST), 0);
        assert_int_equal(gaps_settle_notes(&notes, &covered, &explained, &leased, 10), 0);
        assert_int_equal(ranges_set(&explained, 15, 20, GAP_ABSENT), 0);
        assert_int_equal(gaps_settle_notes(&notes, &covered, &explained, &leased, 10), 1);
        assert_int_equal(notes.items[0].state, GAP_FILLED);
        assert_int_equal(notes.items[1].state, GAP_OPEN);
        assert_int_equal(ranges_set(&leased, 35, 36, 0), 0);
        assert_int_equal(gaps_settle_notes(&notes, &covered, &explained, &leased, 10), 1);
        assert_int_equal(notes.items[1].state, GAP_REPAIRING);
        ranges_clear(&leased);
        assert_int_equal(gaps_settle_notes(&notes, &covered, &explained, &leased, 10), 1);
        assert_int_equal(notes.items[1].state, GAP_OPEN);
        assert_int_equal(gaps_settle_notes(&notes, &covered, &explained, &leased, 0), 1); // forgotten
        assert_int_equal(notes.count, 1);
        assert_int_equal(notes.items[0].start_us, 30);
        gaps_free(&notes);
        ranges_free(&covered);
        ranges_free(&explained);
        ranges_free(&leased);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_set_is_what_was_set_and_not_removed),
            cmocka_unit_test(subtracting_and_missing_agree_with_the_cells),
            cmocka_unit_test(bars_are_counted_on_their_grid),
            cmocka_unit_test(a_lower_rank_never_replaces_a_higher_one),
            cmocka_unit_test(only_what_rest_or_the_archive_said_is_settled),
            cmocka_unit_test(explained_gaps_agree_with_their_cells),
            cmocka_unit_test(a_note_is_filled_when_nothing_in_it_is_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
