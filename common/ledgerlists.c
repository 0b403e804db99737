// SPDX-License-Identifier: Apache-2.0
#include "common/ledgerticks.h"
#include "common/ledgerview_parts.h"

#include <stdio.h>
#include <stdlib.h>

// ---- gaps ----

// `context`: the states that are asked for.
static bool read_gap(const void *context, sqlite3_stmt *row, void *item)
{
        const uint32_t *states = context;
        struct ledger_gap *gap = item;

        ledgerview_copy_text(gap->symbol, sizeof(gap->symbol), row, 0);
        if (interval_parse((const char *)sqlite3_column_text(row, 1), &gap->interval) < 0)
                return false;
        gap->start_us = sqlite3_column_int64(row, 2);
        gap->end_us = sqlite3_column_int64(row, 3);
        gap->bars = interval_count(gap->interval, gap->start_us, gap->end_us);
        gap->state = gap_state_parse((const char *)sqlite3_column_text(row, 4));
        gap->found_us = sqlite3_column_int64(row, 5);
        ledgerview_copy_text(gap->evidence, sizeof(gap->evidence), row, 6);
        return gap->state >= 0 && (*states >> gap->state & 1) != 0;
}

int ledgerview_each_gap(
    struct ledgerview *view, const char *symbol, uint32_t states, ledgerview_gap *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct ledger_gap)};

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, start_us, end_us, state, found_us, evidence FROM gaps JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, start_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        int result = ledgerview_list_rows(view, query, read_gap, &states, &list);
        ledgerview_end(view);
        const struct ledger_gap *gaps = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &gaps[i]);
        free(list.items);
        return result;
}

// ---- troubles ----

static void read_trouble(sqlite3_stmt *row, struct ledger_trouble *trouble)
{
        ledgerview_copy_text(trouble->symbol, sizeof(trouble->symbol), row, 0);
        ledgerview_copy_text(trouble->of, sizeof(trouble->of), row, 1);
        trouble->start_us = trouble->end_us = trouble->first_id = trouble->last_id = -1;
        ledgerview_copy_text(trouble->kind, sizeof(trouble->kind), row, 4);
        trouble->attempts = sqlite3_column_int64(row, 5);
        trouble->retry_wall_ns = sqlite3_column_int64(row, 6);
        ledgerview_copy_text(trouble->text, sizeof(trouble->text), row, 7);
}

static bool read_trouble_of_bars(const void *context, sqlite3_stmt *row, void *item)
{
        struct ledger_trouble *trouble = item;

        (void)context;
        read_trouble(row, trouble);
        trouble->start_us = sqlite3_column_int64(row, 2);
        trouble->end_us = sqlite3_column_int64(row, 3);
        return true;
}

static bool read_trouble_of_ticks(const void *context, sqlite3_stmt *row, void *item)
{
        struct ledger_trouble *trouble = item;
        enum tick_kind kind;

        (void)context;
        read_trouble(row, trouble);
        if (tick_kind_parse(trouble->of, &kind) < 0)
                return false; // this program does not know it
        (void)snprintf(trouble->of, sizeof(trouble->of), "%s", ledger_tick_kind_name(kind));
        trouble->is_ticks = true;
        trouble->first_id = sqlite3_column_int64(row, 2);
        trouble->last_id = sqlite3_column_int64(row, 3);
        return true;
}

int ledgerview_each_trouble(struct ledgerview *view, ledgerview_trouble *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct ledger_trouble)};

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, start_us, end_us, kind, attempts, retry_wall_ns, text FROM troubles"
            " JOIN buckets ON id = bucket ORDER BY symbol, interval, start_us");
        int result = ledgerview_list_rows(view, query, read_trouble_of_bars, NULL, &list);
        if (result == 0 && view->has_ticks) {
                query = ledgerview_prepare(view,
                    "SELECT symbol, tick_buckets.kind, tick_troubles.first_id, tick_troubles.last_id,"
                    " tick_troubles.kind, attempts, retry_wall_ns, text FROM tick_troubles"
                    " JOIN tick_buckets ON id = bucket ORDER BY 1, 2, 3");
                result = ledgerview_list_rows(view, query, read_trouble_of_ticks, NULL, &list);
        }
        ledgerview_end(view);
        const struct ledger_trouble *troubles = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &troubles[i]);
        free(list.items);
        return result;
}

// ---- differences ----

static bool read_difference(const void *context, sqlite3_stmt *row, void *item)
{
        struct ledger_difference *difference = item;

        (void)context;
        ledgerview_copy_text(difference->symbol, sizeof(difference->symbol), row, 0);
        difference->open_us = sqlite3_column_int64(row, 2);
        difference->found_us = sqlite3_column_int64(row, 3);
        ledgerview_copy_text(difference->text, sizeof(difference->text), row, 4);
        return interval_parse((const char *)sqlite3_column_text(row, 1), &difference->interval) == 0;
}

int ledgerview_each_difference(
    struct ledgerview *view, const char *symbol, ledgerview_difference *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct ledger_difference)};

        if (!view->has_ticks)
                return 0;
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, slot_us, found_us, text FROM differences JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, slot_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        int result = ledgerview_list_rows(view, query, read_difference, NULL, &list);
        ledgerview_end(view);
        const struct ledger_difference *differences = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &differences[i]);
        free(list.items);
        return result;
}

// ---- catalogue ----

static bool read_symbol(const void *context, sqlite3_stmt *row, void *item)
{
        struct catalogue_entry *entry = item;

        (void)context;
        ledgerview_copy_text(entry->symbol, sizeof(entry->symbol), row, 0);
        ledgerview_copy_text(entry->base, sizeof(entry->base), row, 1);
        ledgerview_copy_text(entry->quote, sizeof(entry->quote), row, 2);
        entry->status = (uint8_t)sqlite3_column_int(row, 3);
        entry->ended = (uint8_t)sqlite3_column_int(row, 4);
        return true;
}

int ledgerview_each_symbol(struct ledgerview *view, ledgerview_symbol *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct catalogue_entry)};

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query =
            ledgerview_prepare(view, "SELECT symbol, base, quote, status, ended FROM catalogue ORDER BY symbol");
        int result = ledgerview_list_rows(view, query, read_symbol, NULL, &list);
        ledgerview_end(view);
        const struct catalogue_entry *entries = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &entries[i]);
        free(list.items);
        return result;
}
