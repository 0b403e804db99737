// SPDX-License-Identifier: Apache-2.0
#include "common/ledgeraccount.h"
#include "common/ledgerticks.h"
#include "common/ledgerview_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- buckets ----

struct listed {
        int64_t id;
        struct ledger_bucket bucket;
};

// A ledger from before there were ticks has no tables of bars made here either.
static sqlite3_stmt *prepare_buckets(struct ledgerview *view, const char *which)
{
        char text[1024];

        (void)snprintf(text, sizeof(text),
            "SELECT id, symbol, interval, directory, followed, live, first_bar_us, live_from_us, corrected, defective,"
            " why, (SELECT count(*) FROM gaps WHERE bucket = buckets.id AND note = 1 AND state <> 'filled'), %s"
            " FROM buckets %s",
            view->has_ticks ? "(SELECT count(*) FROM differences WHERE bucket = buckets.id),"
                              " (SELECT source FROM derived WHERE bucket = buckets.id)"
                            : "0, NULL",
            which);
        return ledgerview_prepare(view, text);
}

static bool read_bucket(const void *context, sqlite3_stmt *row, void *item)
{
        struct listed *listed = item;
        struct ledger_bucket *bucket = &listed->bucket;
        const char *interval = (const char *)sqlite3_column_text(row, 2);

        (void)context;
        listed->id = sqlite3_column_int64(row, 0);
        if (interval == NULL || interval_parse(interval, &bucket->interval) < 0)
                return false;
        ledgerview_copy_text(bucket->symbol, sizeof(bucket->symbol), row, 1);
        ledgerview_copy_text(bucket->directory, sizeof(bucket->directory), row, 3);
        bucket->followed = sqlite3_column_int(row, 4) != 0;
        bucket->live = sqlite3_column_int(row, 5) != 0;
        bucket->first_bar_us = sqlite3_column_int64(row, 6);
        bucket->live_from_us = sqlite3_column_int64(row, 7);
        bucket->corrected = sqlite3_column_int64(row, 8);
        bucket->defective = sqlite3_column_int64(row, 9);
        ledgerview_copy_text(bucket->why, sizeof(bucket->why), row, 10);
        bucket->gaps_open = sqlite3_column_int64(row, 11);
        bucket->differences = sqlite3_column_int64(row, 12);
        ledgerview_copy_text(bucket->made_of, sizeof(bucket->made_of), row, 13);
        bucket->made_of[strcspn(bucket->made_of, "!")] = '\0'; // checked
        return true;
}

// The id of a bucket, with its line. Returns 1, 0 where there is none, or -1.
static int find_bucket(struct ledgerview *view, const char *symbol, enum interval interval, struct listed *listed)
{
        sqlite3_stmt *query = prepare_buckets(view, "WHERE symbol = ?1 AND interval = ?2");
        int result = 0;

        *listed = (struct listed){0};
        if (query == NULL)
                return -1;
        sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        sqlite3_bind_text(query, 2, interval_name(interval), -1, SQLITE_STATIC);
        int code = sqlite3_step(query);
        if (code == SQLITE_ROW)
                result = read_bucket(NULL, query, listed) ? 1 : ledgerview_note(view, "holds an unknown interval");
        else if (code != SQLITE_DONE)
                result = ledgerview_note(view, "cannot be read");
        sqlite3_finalize(query);
        return result;
}

static int fill_bucket(struct ledgerview *view, struct listed *listed, const struct ranges *wanted, int64_t now_us)
{
        struct ledger_account account = {0};
        int result = ledgeraccount_read(view, listed->id, &account);

        if (result == 0 && wanted != NULL)
                result = ranges_copy(&account.wanted, wanted);
        if (wanted != NULL)
                ranges_clear(&account.made);
        if (result == 0) {
                ledgeraccount_count_covered(&account, &listed->bucket);
                result = ledgeraccount_count_wanted(
                    &account, ledgeraccount_horizon_us(view, &listed->bucket, now_us), &listed->bucket);
        }
        ledgeraccount_free(&account);
        return result;
}

int ledgerview_bucket_of(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ledger_bucket *bucket)
{
        struct listed listed;

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 && fill_bucket(view, &listed, NULL, now_us) < 0)
                result = -1;
        ledgerview_end(view);
        if (result == 1)
                *bucket = listed.bucket;
        return result;
}

int ledgerview_range_of(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, int64_t now_us, struct ledger_bucket *bucket)
{
        struct listed listed;
        struct ranges wanted = {0};

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1) {
                int64_t first_us = listed.bucket.first_bar_us;
                int64_t from_us = first_us >= 0 ? interval_floor_us(interval, first_us) : INT64_MAX;

                if (first_us >= 0 && start_us > from_us)
                        from_us = interval_ceil_us(interval, start_us);
                if (end_us != INT64_MAX)
                        end_us = interval_ceil_us(interval, end_us);
                if (ranges_set(&wanted, from_us, end_us, 0) < 0 || fill_bucket(view, &listed, &wanted, now_us) < 0)
                        result = -1;
        }
        ledgerview_end(view);
        ranges_free(&wanted);
        if (result == 1)
                *bucket = listed.bucket;
        return result;
}

static int compare_listed(const void *a, const void *b)
{
        const struct ledger_bucket *left = &((const struct listed *)a)->bucket;
        const struct ledger_bucket *right = &((const struct listed *)b)->bucket;
        int order = strcmp(left->symbol, right->symbol);

        return order != 0 ? order : (int)left->interval - (int)right->interval;
}

int ledgerview_each_bucket(struct ledgerview *view, int64_t now_us, ledgerview_bucket *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct listed)};

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = ledgerview_list_rows(view, prepare_buckets(view, ""), read_bucket, NULL, &list);
        struct listed *all = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = fill_bucket(view, &all[i], NULL, now_us);
        ledgerview_end(view);
        if (list.count > 1)
                qsort(all, list.count, sizeof(*all), compare_listed);
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &all[i].bucket);
        free(list.items);
        return result;
}

// ---- totals ----

struct totalling {
        struct ledger_totals *totals;
        char symbol[SYMBOL_SIZE];
        int64_t tick_symbols;
};

static int add_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct totalling *totalling = context;
        struct ledger_totals *totals = totalling->totals;

        if (!bucket->followed)
                return 0;
        totals->buckets++;
        totals->symbols += strcmp(totalling->symbol, bucket->symbol) != 0;
        (void)snprintf(totalling->symbol, sizeof(totalling->symbol), "%s", bucket->symbol);
        totals->rows += bucket->rows;
        totals->settled += bucket->settled;
        totals->corrected += bucket->corrected;
        totals->defective += bucket->defective;
        totals->wanted += bucket->wanted;
        totals->wanted_stored += bucket->wanted_stored;
        totals->missing += bucket->missing;
        totals->gaps_open += bucket->gaps_open;
        totals->differences += bucket->differences;
        totals->hindered += bucket->why[0] != '\0';
        for (int i = 0; i < GAP_STATES; i++)
                totals->explained[i] += bucket->explained[i];
        if (bucket->first_bar_us == LEDGER_FIRST_BAR_UNKNOWN && bucket->live_from_us < 0 && bucket->made_of[0] == '\0')
                totals->known = false;
        return 0;
}

static int add_tick(void *context, const struct ledger_tick *tick)
{
        struct totalling *totalling = context;
        struct ledger_totals *totals = totalling->totals;

        if (!tick->followed)
                return 0;
        totals->buckets++;
        totalling->tick_symbols += strcmp(totalling->symbol, tick->symbol) != 0;
        (void)snprintf(totalling->symbol, sizeof(totalling->symbol), "%s", tick->symbol);
        totals->rows += tick->rows;
        totals->settled += tick->rows;
        totals->defective += tick->defective;
        totals->wanted += tick->wanted;
        totals->wanted_stored += tick->wanted - tick->missing - tick->absent;
        totals->explained[GAP_ABSENT] += tick->absent;
        totals->missing += tick->missing;
        totals->gaps_open += tick->gaps_open;
        totals->hindered += tick->why[0] != '\0';
        return 0;
}

int ledgerview_totals(struct ledgerview *view, int64_t now_us, struct ledger_totals *totals)
{
        struct totalling totalling = {.totals = totals};

        *totals = (struct ledger_totals){.known = true};
        if (ledgerview_each_bucket(view, now_us, add_bucket, &totalling) < 0)
                return -1;
        totalling.symbol[0] = '\0';
        if (ledgerview_each_tick(view, add_tick, &totalling) < 0)
                return -1;
        if (totalling.tick_symbols > totals->symbols)
                totals->symbols = totalling.tick_symbols;
        return 0;
}

// ---- sets ----

int ledgerview_coverage(struct ledgerview *view, const char *symbol, enum interval interval, struct ranges *covered)
{
        struct listed listed;
        struct ledger_account account = {0};

        ranges_clear(covered);
        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 &&
            (ledgeraccount_read(view, listed.id, &account) < 0 || ranges_copy(covered, &account.covered) < 0))
                result = -1;
        ledgerview_end(view);
        ledgeraccount_free(&account);
        return result;
}

int ledgerview_missing(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ranges *missing)
{
        struct listed listed;
        struct ledger_account account = {0};
        struct ranges wanted = {0};

        ranges_clear(missing);
        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 && (ledgeraccount_read(view, listed.id, &account) < 0 ||
                               ledgeraccount_missing(&account, ledgeraccount_horizon_us(view, &listed.bucket, now_us),
                                   &wanted, missing) < 0))
                result = -1;
        ledgerview_end(view);
        ledgeraccount_free(&account);
        ranges_free(&wanted);
        return result;
}
