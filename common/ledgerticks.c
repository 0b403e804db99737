// SPDX-License-Identifier: Apache-2.0
#include "common/ledgerticks.h"

#include "common/ledgerview_parts.h"

#include <stdlib.h>
#include <string.h>

const char *ledger_tick_kind_name(enum tick_kind kind)
{
        static const char *const names[TICK_KINDS] = {"trade", "agg_trade", "quote", "depth", "depth_diff"};

        return names[kind];
}

// ---- buckets ----

struct stretch {
        int64_t first_id, last_id;
};

struct counted {
        struct ledger_tick tick;
        int64_t tombstones;
        struct stretch wanted[2];
        bool has_ids;
};

static bool read_tick(const void *context, sqlite3_stmt *row, void *item)
{
        struct counted *counted = item;
        struct ledger_tick *tick = &counted->tick;
        const char *kind = (const char *)sqlite3_column_text(row, 2);

        (void)context;
        tick->number = sqlite3_column_int64(row, 0);
        ledgerview_copy_text(tick->symbol, sizeof(tick->symbol), row, 1);
        if (kind == NULL || tick_kind_parse(kind, &tick->kind) < 0)
                return false;
        ledgerview_copy_text(tick->directory, sizeof(tick->directory), row, 3);
        tick->followed = sqlite3_column_int(row, 4) != 0;
        tick->live = sqlite3_column_int(row, 5) != 0;
        tick->rows = sqlite3_column_int64(row, 6);
        tick->first_us = sqlite3_column_int64(row, 7);
        tick->last_us = sqlite3_column_int64(row, 8);
        tick->defective = sqlite3_column_int64(row, 9);
        tick->backfill = sqlite3_column_int(row, 16) != 0;
        tick->history_from_us = sqlite3_column_int64(row, 17);
        tick->history_until_us = sqlite3_column_int64(row, 18);
        bool empty = sqlite3_column_int(row, 21) != 0, begins = sqlite3_column_int64(row, 19) >= 0,
             ends = sqlite3_column_int64(row, 20) >= 0 || tick->history_until_us == INT64_MAX;
        tick->known = empty || (begins && ends);
        counted->tombstones = sqlite3_column_int64(row, 10);
        for (int i = 0; i < 2; i++)
                counted->wanted[i] =
                    (struct stretch){sqlite3_column_int64(row, 11 + 2 * i), sqlite3_column_int64(row, 12 + 2 * i)};
        ledgerview_copy_text(tick->why, sizeof(tick->why), row, 15);
        counted->has_ids = tick->kind == TICK_TRADE || tick->kind == TICK_AGG_TRADE;
        tick->first_id = tick->last_id = -1;
        return true;
}

static int64_t within(const struct stretch *wanted, int64_t first_id, int64_t last_id)
{
        int64_t first = first_id > wanted->first_id ? first_id : wanted->first_id;
        int64_t last = last_id < wanted->last_id ? last_id : wanted->last_id;

        return first <= last ? last - first + 1 : 0;
}

static void add_range(struct counted *counted, const struct ledger_id_range *range, int64_t epoch_newest)
{
        struct ledger_tick *tick = &counted->tick;
        int64_t ids = range->last_id - range->first_id + 1;

        if (range->source != ID_ABSENT) {
                tick->rows += ids;
                if (range->last_us > tick->last_us)
                        tick->last_us = range->last_us;
        }
        if (range->epoch != epoch_newest)
                return;
        if (range->source == ID_ABSENT) {
                tick->absent += ids;
        } else {
                if (tick->first_id < 0)
                        tick->first_id = range->first_id;
                tick->last_id = range->last_id;
        }
        for (int i = 0; i < 2; i++) {
                int64_t wanted = within(&counted->wanted[i], range->first_id, range->last_id);

                tick->missing -= wanted;
                tick->wanted_absent += range->source == ID_ABSENT ? wanted : 0;
        }
}

static int64_t newest_epoch(struct ledgerview *view, int64_t bucket)
{
        sqlite3_stmt *query = ledgerview_prepare(view, "SELECT max(epoch) FROM tick_epochs WHERE bucket = ?1");
        int64_t epoch = 0;

        if (query != NULL && sqlite3_bind_int64(query, 1, bucket) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
                epoch = sqlite3_column_int64(query, 0);
        sqlite3_finalize(query);
        return epoch;
}

static void read_range(sqlite3_stmt *row, struct ledger_id_range *range)
{
        range->epoch = sqlite3_column_int(row, 0);
        range->first_id = sqlite3_column_int64(row, 1);
        range->last_id = sqlite3_column_int64(row, 2);
        range->first_us = sqlite3_column_int64(row, 3);
        range->last_us = sqlite3_column_int64(row, 4);
        range->source = id_source_parse((const char *)sqlite3_column_text(row, 5));
}

static int count_ids(struct ledgerview *view, struct counted *counted)
{
        struct ledger_tick *tick = &counted->tick;
        int64_t epoch = newest_epoch(view, tick->number);
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT epoch, first_id, last_id, first_us, last_us, source FROM tick_ids WHERE bucket = ?1"
            " ORDER BY epoch, first_id");
        struct ledger_id_range range;
        int code = SQLITE_ERROR;

        if (query == NULL)
                return -1;
        sqlite3_bind_int64(query, 1, tick->number);
        for (int i = 0; i < 2; i++)
                tick->wanted += within(&counted->wanted[i], counted->wanted[i].first_id, counted->wanted[i].last_id);
        tick->missing = tick->wanted;
        tick->rows = -counted->tombstones;
        tick->last_us = -1;
        while ((code = sqlite3_step(query)) == SQLITE_ROW) {
                read_range(query, &range);
                add_range(counted, &range, epoch);
        }
        return ledgerview_finished(view, query, code);
}

static int count_gaps(struct ledgerview *view, struct ledger_tick *tick, bool has_ids)
{
        sqlite3_stmt *query = ledgerview_prepare(
            view, "SELECT state, first_id, last_id, start_us, end_us FROM tick_gaps WHERE bucket = ?1");
        int code = SQLITE_ERROR;

        if (query == NULL)
                return -1;
        sqlite3_bind_int64(query, 1, tick->number);
        while ((code = sqlite3_step(query)) == SQLITE_ROW) {
                int state = gap_state_parse((const char *)sqlite3_column_text(query, 0));

                tick->gaps_open += state == GAP_OPEN || state == GAP_REPAIRING;
                if (state != GAP_LOST)
                        continue;
                tick->lost_spans++;
                if (has_ids)
                        tick->lost_ids += sqlite3_column_int64(query, 2) - sqlite3_column_int64(query, 1) + 1;
                else
                        tick->lost_us += sqlite3_column_int64(query, 4) - sqlite3_column_int64(query, 3);
        }
        return ledgerview_finished(view, query, code);
}

static int by_symbol(const void *left, const void *right)
{
        const struct ledger_tick *a = &((const struct counted *)left)->tick;
        const struct ledger_tick *b = &((const struct counted *)right)->tick;
        int order = strcmp(a->symbol, b->symbol);

        return order != 0 ? order : (int)a->kind - (int)b->kind;
}

// `symbol` NULL: all of them.
static int list_ticks(struct ledgerview *view, const char *symbol, enum tick_kind kind, struct ledgerview_list *list)
{
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT id, symbol, kind, directory, followed, live, rows, first_us, last_us, defective, tombstones,"
            " wanted_first_id, wanted_last_id, wanted2_first_id, wanted2_last_id, why, backfill, history_from_us,"
            " history_until_us, history_first_id, history_last_id, history_empty FROM tick_buckets"
            " WHERE ?1 IS NULL OR (symbol = ?1 AND kind = ?2)");

        if (query != NULL && symbol != NULL) {
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
                sqlite3_bind_text(query, 2, tick_group(kind), -1, SQLITE_STATIC);
        }
        return ledgerview_list_rows(view, query, read_tick, NULL, list);
}

// As list_ticks(), with all their figures.
static int count_ticks(struct ledgerview *view, const char *symbol, enum tick_kind kind, struct ledgerview_list *list)
{
        if (ledgerview_begin(view) < 0)
                return -1;
        int result = list_ticks(view, symbol, kind, list);
        struct counted *all = list->items;
        for (size_t i = 0; i < list->count && result == 0; i++) {
                if (all[i].has_ids)
                        result = count_ids(view, &all[i]);
                if (result == 0)
                        result = count_gaps(view, &all[i].tick, all[i].has_ids);
        }
        ledgerview_end(view);
        return result;
}

int ledgerview_tick_of(struct ledgerview *view, const char *symbol, enum tick_kind kind, struct ledger_tick *tick)
{
        struct ledgerview_list list = {.item_size = sizeof(struct counted)};

        if (!view->has_ticks)
                return 0;
        int result = count_ticks(view, symbol, kind, &list);
        if (result == 0 && list.count == 1) {
                *tick = ((const struct counted *)list.items)->tick;
                result = 1;
        }
        free(list.items);
        return result;
}

int ledgerview_each_tick(struct ledgerview *view, ledgerview_tick *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct counted)};

        if (!view->has_ticks)
                return 0;
        int result = count_ticks(view, NULL, 0, &list);
        struct counted *all = list.items;
        if (list.count > 1)
                qsort(all, list.count, sizeof(*all), by_symbol);
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &all[i].tick);
        free(list.items);
        return result;
}

// ---- gaps, ranges ----

// `context`: the states that are asked for.
static bool read_gap(const void *context, sqlite3_stmt *row, void *item)
{
        const uint32_t *states = context;
        struct ledger_tick_gap *gap = item;
        const char *kind = (const char *)sqlite3_column_text(row, 1);

        ledgerview_copy_text(gap->symbol, sizeof(gap->symbol), row, 0);
        if (kind == NULL || tick_kind_parse(kind, &gap->kind) < 0)
                return false;
        gap->epoch = sqlite3_column_int(row, 2);
        gap->first_id = sqlite3_column_int64(row, 3);
        gap->last_id = sqlite3_column_int64(row, 4);
        gap->start_us = sqlite3_column_int64(row, 5);
        gap->end_us = sqlite3_column_int64(row, 6);
        gap->state = gap_state_parse((const char *)sqlite3_column_text(row, 7));
        gap->found_us = sqlite3_column_int64(row, 8);
        ledgerview_copy_text(gap->evidence, sizeof(gap->evidence), row, 9);
        return gap->state >= 0 && (*states >> gap->state & 1) != 0;
}

int ledgerview_each_tick_gap(struct ledgerview *view, uint32_t states, ledgerview_tick_gap *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct ledger_tick_gap)};

        if (!view->has_ticks)
                return 0;
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, kind, epoch, first_id, tick_gaps.last_id, start_us, end_us, state, found_us, evidence"
            " FROM tick_gaps JOIN tick_buckets ON id = bucket ORDER BY symbol, kind, start_us, first_id");
        int result = ledgerview_list_rows(view, query, read_gap, &states, &list);
        ledgerview_end(view);
        const struct ledger_tick_gap *gaps = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &gaps[i]);
        free(list.items);
        return result;
}

static bool read_id_range(const void *context, sqlite3_stmt *row, void *item)
{
        (void)context;
        read_range(row, item);
        return true;
}

int ledgerview_each_id_range(
    struct ledgerview *view, const char *symbol, enum tick_kind kind, ledgerview_id_range *callback, void *context)
{
        struct ledgerview_list list = {.item_size = sizeof(struct ledger_id_range)};

        if (!view->has_ticks)
                return 0;
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT epoch, first_id, tick_ids.last_id, tick_ids.first_us, tick_ids.last_us, source FROM tick_ids"
            " JOIN tick_buckets ON id = bucket WHERE symbol = ?1 AND kind = ?2 ORDER BY epoch, first_id");
        if (query != NULL) {
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
                sqlite3_bind_text(query, 2, tick_group(kind), -1, SQLITE_STATIC);
        }
        int result = ledgerview_list_rows(view, query, read_id_range, NULL, &list);
        ledgerview_end(view);
        const struct ledger_id_range *ranges = list.items;
        for (size_t i = 0; i < list.count && result == 0; i++)
                result = callback(context, &ranges[i]);
        free(list.items);
        return result;
}
