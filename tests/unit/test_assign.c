// SPDX-License-Identifier: Apache-2.0
// LINK: supervisor/assign.c
#include "supervisor/assign.h"

#include "common/governor.h"
#include "common/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct settings settings;
static struct catalogue catalogue;
static struct symbol_list running, followed, streamed;
static struct assign_map current, next;

static int fresh(void **state)
{
        (void)state;
        free(catalogue.entries);
        memset(&settings, 0, sizeof(settings));
        memset(&catalogue, 0, sizeof(catalogue));
        memset(&running, 0, sizeof(running));
        memset(&streamed, 0, sizeof(streamed));
        current.count = next.count = 0;
        settings.stream_types = DATA_KLINE;
        settings.stream_intervals = 1u << INTERVAL_1M;
        settings.parallelism = 2;
        return 0;
}

static void list(struct symbol_list *list, size_t count)
{
        char name[SYMBOL_SIZE];

        memset(list, 0, sizeof(*list));
        for (size_t i = 0; i < count; i++) {
                snprintf(name, sizeof(name), "S%zu", i);
                assert_int_equal(symbol_list_add(list, name), 0);
        }
}

static void remove_symbol(struct symbol_list *list, size_t at)
{
        memmove(list->names[at], list->names[at + 1], (list->count - at - 1) * SYMBOL_SIZE);
        list->count--;
}

static void adopt(const struct catalogue_entry *entries, size_t count)
{
        struct catalogue_entry *copy = malloc(count * sizeof(*copy));

        assert_non_null(copy);
        memcpy(copy, entries, count * sizeof(*copy));
        catalogue_adopt(&catalogue, copy, count);
}

// Takes `next` over as what runs, new groups getting slots from 100 on.
static void run_next(void)
{
        current = next;
        for (size_t i = 0; i < current.count; i++) {
                if (current.entries[i].group >= ASSIGN_NEW_GROUP)
                        current.entries[i].group = current.entries[i].group - ASSIGN_NEW_GROUP + 100;
        }
}

static uint32_t group_of(const struct assign_map *map, const char *symbol)
{
        for (size_t i = 0; i < map->count; i++) {
                if (strcmp(map->entries[i].symbol, symbol) == 0)
                        return map->entries[i].group;
        }
        return UINT32_MAX;
}

static size_t size_of(const struct assign_map *map, uint32_t group)
{
        size_t size = 0;

        for (size_t i = 0; i < map->count; i++)
                size += map->entries[i].group == group;
        return size;
}

static size_t groups_of(const struct assign_map *map, size_t *largest)
{
        size_t groups = 0;

        *largest = 0;
        for (size_t i = 0; i < map->count; i++) {
                size_t size = size_of(map, map->entries[i].group);
                *largest = size > *largest ? size : *largest;
                bool first = true;
                for (size_t j = 0; j < i && first; j++)
                        first = map->entries[j].group != map->entries[i].group;
                groups += first;
        }
        return groups;
}

static void assert_spread(size_t symbols, size_t groups, size_t largest)
{
        size_t is_largest;

        list(&streamed, symbols);
        assign_groups(&settings, &streamed, &current, &next);
        assert_int_equal(next.count, symbols);
        assert_int_equal(groups_of(&next, &is_largest), groups);
        assert_int_equal(is_largest, largest);
}

static void up_to_sixty_symbols_have_workers_of_their_own(void **state)
{
        (void)state;
        assert_spread(0, 0, 0);
        assert_spread(1, 1, 1);
        assert_spread(60, 60, 1);
        assert_spread(61, 60, 2);
        assert_spread(120, 60, 2);
        assert_spread(1400, 60, 24);
}

static void a_configured_size_is_kept(void **state)
{
        (void)state;
        settings.symbols_per_worker = 5;
        assert_spread(10, 2, 5);
        assert_spread(11, 3, 4);
        settings.symbols_per_worker = 1;
        assert_spread(300, 300, 1);
}

static void a_connection_carries_at_most_1024_streams(void **state)
{
        (void)state;
        settings.stream_intervals = (1u << INTERVAL_COUNT) - 1;
        assert_int_equal(assign_symbols_per_connection_max(&settings), 64);
        settings.symbols_per_worker = 1000;
        assert_spread(128, 2, 64);
        settings.stream_types = DATA_KLINE | DATA_TRADE;
        assert_int_equal(assign_symbols_per_connection_max(&settings), 60);
}

static void untouched_workers_keep_their_symbols(void **state)
{
        (void)state;
        list(&streamed, 10);
        assign_groups(&settings, &streamed, &current, &next);
        run_next();
        remove_symbol(&streamed, 3);
        assert_int_equal(symbol_list_add(&streamed, "NEW"), 0);
        assign_groups(&settings, &streamed, &current, &next);
        assert_int_equal(next.count, 10);
        for (size_t i = 0; i < next.count; i++) {
                if (strcmp(next.entries[i].symbol, "NEW") == 0)
                        assert_int_equal(next.entries[i].group, ASSIGN_NEW_GROUP);
                else
                        assert_int_equal(next.entries[i].group, group_of(&current, next.entries[i].symbol));
        }
        assert_int_equal(group_of(&next, "S3"), UINT32_MAX);
}

static void the_sixty_first_symbol_disturbs_one_worker(void **state)
{
        size_t disturbed = 0;

        (void)state;
        list(&streamed, 60);
        assign_groups(&settings, &streamed, &current, &next);
        run_next();
        list(&streamed, 61);
        assign_groups(&settings, &streamed, &current, &next);
        for (size_t i = 0; i < 60; i++) {
                uint32_t group = current.entries[i].group;
                disturbed += size_of(&next, group) != size_of(&current, group);
                assert_int_equal(group_of(&next, current.entries[i].symbol), group);
        }
        assert_int_equal(disturbed, 1);
}

static void a_group_that_is_too_large_is_split(void **state)
{
        size_t largest;

        (void)state;
        settings.symbols_per_worker = 10;
        list(&streamed, 10);
        assign_groups(&settings, &streamed, &current, &next);
        run_next();
        settings.symbols_per_worker = 4;
        assign_groups(&settings, &streamed, &current, &next);
        assert_int_equal(groups_of(&next, &largest), 3);
        assert_int_equal(largest, 4);
        assert_int_equal(size_of(&next, 100), 4);
}

static void named_symbols_are_followed_less_the_excluded(void **state)
{
        (void)state;
        list(&settings.symbols, 3);
        assert_int_equal(symbol_list_add(&settings.exclude_symbols, "S1"), 0);
        assert_int_equal(assign_followed(&settings, &catalogue, &running, &followed), 0);
        assert_int_equal(followed.count, 2);
        assert_string_equal(followed.names[1], "S2");
}

static void all_follows_what_trades_in_the_wanted_quotes(void **state)
{
        static const struct catalogue_entry entries[] = {
            {.symbol = "ETHUSDT", .quote = "USDT", .status = SYMBOL_TRADING},
            {.symbol = "BTCUSDT", .quote = "USDT", .status = SYMBOL_TRADING},
            {.symbol = "ETHBTC", .quote = "BTC", .status = SYMBOL_TRADING},
            {.symbol = "NEWUSDT", .quote = "USDT", .status = SYMBOL_BREAK},
            {.symbol = "RUNUSDT", .quote = "USDT", .status = SYMBOL_BREAK},
            {.symbol = "OLDUSDT", .quote = "USDT", .status = SYMBOL_BREAK, .ended = 1},
            {.symbol = "../x", .quote = "USDT", .status = SYMBOL_TRADING},
        };

        (void)state;
        settings.all_symbols = true;
        settings.quote_assets_count = 1;
        snprintf(settings.quote_assets[0], ASSET_SIZE, "USDT");
        assert_int_equal(assign_followed(&settings, &catalogue, &running, &followed), 0);
        assert_int_equal(followed.count, 0); // nothing before the first catalogue
        adopt(entries, 7);
        assert_int_equal(catalogue.count, 6);
        assert_int_equal(symbol_list_add(&running, "RUNUSDT") | symbol_list_add(&running, "OLDUSDT"), 0);
        assert_int_equal(assign_followed(&settings, &catalogue, &running, &followed), 0);
        assert_int_equal(followed.count, 3);
        assert_true(symbol_list_contains(&followed, "RUNUSDT")); // under maintenance, not ended
        assert_true(symbol_list_contains(&followed, "BTCUSDT") && symbol_list_contains(&followed, "ETHUSDT"));
}

static void more_symbols_than_fit_leave_the_running_ones(void **state)
{
        struct catalogue_entry *entries = calloc(SYMBOLS_MAX + 5, sizeof(*entries));

        (void)state;
        assert_non_null(entries);
        for (size_t i = 0; i < SYMBOLS_MAX + 5; i++) {
                snprintf(entries[i].symbol, SYMBOL_SIZE, "S%05zu", i);
                entries[i].status = SYMBOL_TRADING;
        }
        catalogue_adopt(&catalogue, entries, SYMBOLS_MAX + 5);
        settings.all_symbols = true;
        assert_int_equal(symbol_list_add(&running, "S04100"), 0);
        assert_int_equal(assign_followed(&settings, &catalogue, &running, &followed), 5);
        assert_int_equal(followed.count, SYMBOLS_MAX);
        assert_string_equal(followed.names[0], "S04100");
}

static void maintenance_stops_no_stream_and_starts_none(void **state)
{
        static const struct catalogue_entry entries[] = {
            {.symbol = "ON", .status = SYMBOL_TRADING},
            {.symbol = "BREAK", .status = SYMBOL_BREAK},
            {.symbol = "OVER", .status = SYMBOL_BREAK, .ended = 1},
        };

        (void)state;
        assert_int_equal(assign_stream_of(&catalogue, "BREAK", false), ASSIGN_STREAMED); // no catalogue yet
        adopt(entries, 3);
        assert_int_equal(assign_stream_of(&catalogue, "ON", false), ASSIGN_STREAMED);
        assert_int_equal(assign_stream_of(&catalogue, "BREAK", false), ASSIGN_NOT_TRADING);
        assert_int_equal(assign_stream_of(&catalogue, "BREAK", true), ASSIGN_STREAMED);
        assert_int_equal(assign_stream_of(&catalogue, "OVER", true), ASSIGN_ENDED);
        assert_int_equal(assign_stream_of(&catalogue, "NONE", false), ASSIGN_UNKNOWN);
        assert_int_equal(assign_stream_of(&catalogue, "NONE", true), ASSIGN_STREAMED);
}

static void the_pool_is_never_empty(void **state)
{
        (void)state;
        settings.parallelism = 0;
        assert_int_equal(assign_backfill_workers(&settings), 1);
        settings.parallelism = 8;
        assert_int_equal(assign_backfill_workers(&settings), 8);
}

static bool part_changes(uint32_t class, const struct settings *from)
{
        static struct settings before, after;

        assign_settings_for(class, &settings, &before);
        assign_settings_for(class, from, &after);
        return memcmp(&before, &after, sizeof(before)) != 0;
}

static void a_class_sees_only_its_own_settings(void **state)
{
        static struct settings changed;

        (void)state;
        changed = settings;
        list(&changed.symbols, 7);
        changed.batch_size = 77;
        changed.log_level = LOG_LEVEL_ERROR;
        assert_false(part_changes(CHILD_STREAM, &changed));
        assert_true(part_changes(CHILD_BACKFILL, &changed));
        assert_true(part_changes(CHILD_WRITER, &changed));
        changed = settings;
        snprintf(changed.stream_url, sizeof(changed.stream_url), "wss://example.org");
        assert_true(part_changes(CHILD_STREAM, &changed));
        assert_false(part_changes(CHILD_BACKFILL, &changed));
        changed = settings;
        memcpy(changed.proxy, "\0leftover", 9); // bytes behind a text's end mean nothing
        assert_false(part_changes(CHILD_STREAM, &changed));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(up_to_sixty_symbols_have_workers_of_their_own, fresh),
            cmocka_unit_test_setup(a_configured_size_is_kept, fresh),
            cmocka_unit_test_setup(a_connection_carries_at_most_1024_streams, fresh),
            cmocka_unit_test_setup(untouched_workers_keep_their_symbols, fresh),
            cmocka_unit_test_setup(the_sixty_first_symbol_disturbs_one_worker, fresh),
            cmocka_unit_test_setup(a_group_that_is_too_large_is_split, fresh),
            cmocka_unit_test_setup(named_symbols_are_followed_less_the_excluded, fresh),
            cmocka_unit_test_setup(all_follows_what_trades_in_the_wanted_quotes, fresh),
            cmocka_unit_test_setup(more_symbols_than_fit_leave_the_running_ones, fresh),
            cmocka_unit_test_setup(maintenance_stops_no_stream_and_starts_none, fresh),
            cmocka_unit_test_setup(the_pool_is_never_empty, fresh),
            cmocka_unit_test_setup(a_class_sees_only_its_own_settings, fresh),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
