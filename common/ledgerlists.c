// SPDX-License-Identifier: Apache-2.0
#include "common/ledgerticks.h"
#include "common/ledgerview_parts.h"

#include <stdio.h>
#include <stdlib.h>

// ---- gaps ----

static int read_gap(sqlite3_stmt *row, struct ledger_gap *gap)
{
        ledgerview_copy_text(gap->symbol, sizeof(gap->symbol), row, 0);
        if (interval_parse((const char *)sqlite3_column_text(row, 1), &gap->interval) < 0)
                return -1;
        gap->start_us = sqlite3_column_int64(row, 2);
        gap->end_us = sqlite3_column_int64(row, 3);
        gap->bars = interval_count(gap->interval, gap->start_us, gap->end_us);
        gap->state = gap_state_parse((const char *)sqlite3_column_text(row, 4));
        gap->found_us = sqlite3_column_int64(row, 5);
        ledgerview_copy_text(gap->evidence, sizeof(gap->evidence), row, 6);
        return gap->state < 0 ? -1 : 0;
}

int ledgerview_each_gap(
    struct ledgerview *view, const char *symbol, uint32_t states, ledgerview_gap *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, start_us, end_us, state, found_us, evidence FROM gaps JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, start_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct ledger_gap *gap = ledgerview_list_next(&told, sizeof(*gap));

                if (read_gap(query, gap) < 0 || (states >> gap->state & 1) == 0)
                        told.count--;
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_gap *)(const void *)told.items + i);
        free(told.items);
        return result;
}

// ---- troubles ----

// False: of a kind of ticks that this program does not know.
static bool read_trouble(sqlite3_stmt *row, bool is_ticks, struct ledger_trouble *trouble)
{
        int64_t from = sqlite3_column_int64(row, 2), to = sqlite3_column_int64(row, 3);
        enum tick_kind kind;

        ledgerview_copy_text(trouble->symbol, sizeof(trouble->symbol), row, 0);
        ledgerview_copy_text(trouble->of, sizeof(trouble->of), row, 1);
        if (is_ticks && tick_kind_parse(trouble->of, &kind) < 0)
                return false;
        if (is_ticks)
                (void)snprintf(trouble->of, sizeof(trouble->of), "%s", ledger_tick_kind_name(kind));
        trouble->is_ticks = is_ticks;
        trouble->start_us = is_ticks ? -1 : from;
        trouble->end_us = is_ticks ? -1 : to;
        trouble->first_id = is_ticks ? from : -1;
        trouble->last_id = is_ticks ? to : -1;
        ledgerview_copy_text(trouble->kind, sizeof(trouble->kind), row, 4);
        trouble->attempts = sqlite3_column_int64(row, 5);
        trouble->retry_wall_ns = sqlite3_column_int64(row, 6);
        ledgerview_copy_text(trouble->text, sizeof(trouble->text), row, 7);
        return true;
}

static int list_troubles(struct ledgerview *view, const char *text, bool is_ticks, struct ledgerview_list *list)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int code = SQLITE_ERROR;

        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                if (!read_trouble(query, is_ticks, ledgerview_list_next(list, sizeof(struct ledger_trouble))))
                        list->count--;
        }
        return query == NULL ? -1 : ledgerview_finished(view, query, code);
}

int ledgerview_each_trouble(struct ledgerview *view, ledgerview_trouble *callback, void *context)
{
        struct ledgerview_list told = {0};

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = list_troubles(view,
            "SELECT symbol, interval, start_us, end_us, kind, attempts, retry_wall_ns, text FROM troubles"
            " JOIN buckets ON id = bucket ORDER BY symbol, interval, start_us",
            false, &told);
        if (result == 0 && view->has_ticks)
                result = list_troubles(view,
                    "SELECT symbol, tick_buckets.kind, tick_troubles.first_id, tick_troubles.last_id,"
                    " tick_troubles.kind, attempts, retry_wall_ns, text FROM tick_troubles"
                    " JOIN tick_buckets ON id = bucket ORDER BY 1, 2, 3",
                    true, &told);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_trouble *)(const void *)told.items + i);
        free(told.items);
        return result;
}

// ---- differences ----

int ledgerview_each_difference(
    struct ledgerview *view, const char *symbol, ledgerview_difference *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (!view->has_ticks)
                return 0;
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, slot_us, found_us, text FROM differences JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, slot_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct ledger_difference *difference = ledgerview_list_next(&told, sizeof(*difference));

                ledgerview_copy_text(difference->symbol, sizeof(difference->symbol), query, 0);
                if (interval_parse((const char *)sqlite3_column_text(query, 1), &difference->interval) < 0)
                        told.count--;
                difference->open_us = sqlite3_column_int64(query, 2);
                difference->found_us = sqlite3_column_int64(query, 3);
                ledgerview_copy_text(difference->text, sizeof(difference->text), query, 4);
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_difference *)(const void *)told.items + i);
        free(told.items);
        return result;
}

// ---- catalogue ----

int ledgerview_each_symbol(struct ledgerview *view, ledgerview_symbol *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query =
            ledgerview_prepare(view, "SELECT symbol, base, quote, status, ended FROM catalogue ORDER BY symbol");
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct catalogue_entry *entry = ledgerview_list_next(&told, sizeof(*entry));

                ledgerview_copy_text(entry->symbol, sizeof(entry->symbol), query, 0);
                ledgerview_copy_text(entry->base, sizeof(entry->base), query, 1);
                ledgerview_copy_text(entry->quote, sizeof(entry->quote), query, 2);
                entry->status = (uint8_t)sqlite3_column_int(query, 3);
                entry->ended = (uint8_t)sqlite3_column_int(query, 4);
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct catalogue_entry *)(const void *)told.items + i);
        free(told.items);
        return result;
}
