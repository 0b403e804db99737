// SPDX-License-Identifier: Apache-2.0
// A store of ticks in a temporary directory: the rig of test_store.c with trades, quotes and books instead of bars.
#ifndef TESTS_TICK_RIG_H
#define TESTS_TICK_RIG_H

#include "tests/unit/store_rig.h"

#include "common/ledgerticks.h"
#include "common/tickdecode.h"
#include "common/tickquery.h"
#include "tests/unit/tick_events.h"

#define TICKS_T0 (RIG_T0 + US_PER_HOUR)

// Trade `id` is made `id` * 100 ms behind TICKS_T0: ten a second.
static inline int64_t tick_us(int64_t id)
{
        return TICKS_T0 + id * 100 * US_PER_MS;
}

static inline struct stream_id tick_stream(enum stream_kind kind)
{
        struct stream_id stream = {.kind = (uint8_t)kind};

        snprintf(stream.symbol, sizeof(stream.symbol), "BTCUSDT");
        return stream;
}

static inline struct rig *tick_rig_new(uint32_t stream_types, uint32_t backfill_data)
{
        struct rig *rig = rig_new();
        struct settings *settings = &rig->setup.settings;

        settings->timeframes = 0; // no bars are made of them
        settings->stream_types = stream_types;
        settings->backfill_data = backfill_data;
        settings->realtime_enabled = stream_types != 0;
        settings->backfill_enabled = backfill_data != 0;
        settings->backfill_start_us = TICKS_T0;
        settings->depth_levels = 5;
        settings->depth_diffs = true;
        rig->now_us = TICKS_T0;
        return rig;
}

static inline void tick_put(struct rig *rig, enum stream_kind kind, uint16_t type, const void *payload, size_t length)
{
        struct stream_id stream = tick_stream(kind);

        assert_int_equal(rig_append(rig, type, &stream, payload, length), 0);
}

static inline void tick_put_trade(struct rig *rig, int64_t id, int64_t time_us)
{
        struct trade trade = make_trade(id, time_us);

        tick_put(rig, STREAM_TRADE, RECORD_TRADE, &trade, sizeof(trade));
}

// Streamed trades [first_id, last_id], in one batch.
static inline void tick_live(struct rig *rig, int64_t first_id, int64_t last_id)
{
        for (int64_t id = first_id; id <= last_id; id++)
                tick_put_trade(rig, id, tick_us(id));
        assert_int_equal(rig_try_live(rig), 0);
}

static inline void tick_connect(struct rig *rig, enum stream_kind kind, uint32_t overlap)
{
        struct record_connect connect = {.exchange_us = rig->now_us, .overlap = overlap};

        tick_put(rig, kind, RECORD_CONNECT, &connect, sizeof(connect));
        assert_int_equal(rig_try_live(rig), 0);
}

static inline void tick_put_quote(struct rig *rig, int64_t update_id, int64_t time_us)
{
        const struct level level = {.price = 100 + update_id, .size = 5, .price_exponent = -2};
        struct quote quote = {
            .update_id = update_id, .time_us = time_us, .received_wall_ns = 7, .bid = level, .ask = level};

        tick_put(rig, STREAM_QUOTE, RECORD_QUOTE, &quote, sizeof(quote));
}

static inline void tick_put_depth(
    struct rig *rig, enum stream_kind kind, enum depth_kind what, int64_t first_id, int64_t update_id, int64_t time_us)
{
        struct {
                struct depth head;
                struct level levels[2];
        } depth = {.head = {.first_id = first_id,
                       .update_id = update_id,
                       .time_us = time_us,
                       .received_wall_ns = 9,
                       .kind = (uint8_t)what}};
        size_t levels = what == DEPTH_CLEAR ? 0 : 2;

        depth.head.bids = depth.head.asks = (uint16_t)(levels / 2);
        depth.levels[0] = (struct level){.price = 100, .size = update_id, .price_exponent = -2};
        depth.levels[1] = (struct level){.price = 101, .size = update_id, .price_exponent = -2};
        tick_put(rig, kind, RECORD_DEPTH, &depth, sizeof(depth.head) + levels * sizeof(struct level));
}

// Time goes on; seconds that are over by then are written, and synced.
static inline void tick_settle(struct rig *rig, int64_t now_us)
{
        if (now_us > rig->now_us)
                rig->now_us = now_us;
        assert_int_equal(store_pass_time(rig->store, now_us), 0);
        assert_int_equal(store_sync(rig->store), 0);
}

// The process dies and another one begins: what was not synced is not believed, the spool is read again.
static inline void tick_restart(struct rig *rig)
{
        rig_close(rig);
        rig_open(rig);
}

// ---- what lies in the tree ----

struct tick_seen {
        enum tick_kind kind;
        int64_t count, first_id, last_id;
        int64_t sum; // of ids
        bool ascending;
        int64_t time_first_us, time_last_us;
};

static inline int64_t tick_id_of(enum tick_kind kind, const unsigned char *columns, int64_t time_ns)
{
        struct agg_trade agg_trade;
        struct trade trade;
        struct quote quote;
        struct depth depth;
        struct book_change change;
        struct level levels[2 * TICK_LEVELS_MAX];

        switch (kind) {
        case TICK_TRADE: assert_int_equal(tick_decode_trade(columns, time_ns, &trade), 0); return trade.id;
        case TICK_AGG_TRADE:
                assert_int_equal(tick_decode_agg_trade(columns, time_ns, &agg_trade), 0);
                return agg_trade.id;
        case TICK_QUOTE: assert_int_equal(tick_decode_quote(columns, time_ns, &quote), 0); return quote.update_id;
        case TICK_DEPTH:
                assert_int_equal(tick_decode_depth(columns, time_ns, 5, &depth, levels), 0);
                return depth.update_id;
        default: assert_int_equal(tick_decode_change(columns, time_ns, &change), 0); return change.update_id;
        }
}

static inline int tick_see(void *context, const struct tick_run *run)
{
        struct tick_seen *seen = context;

        for (size_t i = 0; i < run->count; i++) {
                int64_t time_ns = tick_run_time_ns(run, i);
                int64_t id = tick_id_of(seen->kind, tick_run_columns(run, i), time_ns);

                if (seen->count++ == 0) {
                        seen->first_id = id;
                        seen->time_first_us = time_ns / 1000;
                } else {
                        seen->ascending = seen->ascending && id > seen->last_id;
                }
                seen->last_id = id;
                seen->sum += id;
                seen->time_last_us = time_ns / 1000;
        }
        return 0;
}

static inline struct tick_seen tick_rows_of(struct rig *rig, enum tick_kind kind)
{
        struct tickquery query = {.root = rig->setup.settings.root_directory,
            .symbol = "BTCUSDT",
            .kind = kind,
            .start_ns = INT64_MIN,
            .end_ns = INT64_MAX};
        struct tick_seen seen = {.kind = kind, .ascending = true};
        char why[REASON_SIZE];

        if (tickquery_run(&query, tick_see, &seen, why) < 0 && errno != ENOENT)
                fail_msg("tickquery: %s", why);
        return seen;
}

// Exactly the ids [first_id, last_id], each once.
static inline void assert_ids(struct rig *rig, int64_t first_id, int64_t last_id)
{
        struct tick_seen seen = tick_rows_of(rig, TICK_TRADE);

        assert_int_equal(seen.count, last_id - first_id + 1);
        assert_int_equal(seen.first_id, first_id);
        assert_int_equal(seen.last_id, last_id);
        assert_true(seen.ascending);
}

// ---- what the ledger says ----

struct tick_told {
        enum tick_kind kind;
        bool found;
        struct ledger_tick tick;
        int64_t gaps;
        struct ledger_tick_gap gap; // the last one
        uint32_t states;
};

static inline int tick_tell(void *context, const struct ledger_tick *tick)
{
        struct tick_told *told = context;

        if (tick->kind == told->kind) {
                told->tick = *tick;
                told->found = true;
        }
        return 0;
}

static inline int tick_tell_gap(void *context, const struct ledger_tick_gap *gap)
{
        struct tick_told *told = context;

        if (gap->kind != told->kind)
                return 0;
        told->gap = *gap;
        told->gaps++;
        told->states |= 1u << gap->state;
        return 0;
}

static inline struct tick_told tick_told_of(struct rig *rig, enum tick_kind kind)
{
        struct tick_told told = {.kind = kind};
        char why[REASON_SIZE];
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);

        if (view == NULL)
                fail_msg("ledgerview_open: %s", why);
        if (ledgerview_each_tick(view, tick_tell, &told) != 0)
                fail_msg("%s", ledgerview_error(view));
        assert_int_equal(ledgerview_each_tick_gap(view, UINT32_MAX, tick_tell_gap, &told), 0);
        ledgerview_close(view);
        assert_true(told.found);
        return told;
}

// ---- jobs ----

static inline struct stream_id tick_job_stream(const struct rig *rig)
{
        return tick_stream(rig->job.kind == JOB_TRADES ? STREAM_TRADE : STREAM_AGG_TRADE);
}

static inline void tick_page(struct rig *rig, int64_t first_id, int64_t last_id, int64_t newest_id, uint32_t rows)
{
        struct record_id_page page = {.first_id = first_id,
            .last_id = last_id,
            .newest_id = newest_id,
            .requested_us = rig->now_us,
            .rows = rows};
        struct stream_id stream = tick_job_stream(rig);

        if (rig_append(rig, RECORD_ID_PAGE, &stream, &page, sizeof(page)) != 0) {
                assert_int_equal(rig_chunk(rig), 0);
                rig->chunks++;
                assert_int_equal(rig_append(rig, RECORD_ID_PAGE, &stream, &page, sizeof(page)), 0);
        }
}

static inline void tick_row(struct rig *rig, uint16_t type, const void *payload, size_t length)
{
        struct stream_id stream = tick_job_stream(rig);

        if (rig_append(rig, type, &stream, payload, length) != 0) {
                assert_int_equal(rig_chunk(rig), 0);
                rig->chunks++;
                assert_int_equal(rig_append(rig, type, &stream, payload, length), 0);
        }
        rig->rows++;
        rig->crc = crc32c(rig->crc, payload, length);
}

static inline void tick_page_row(struct rig *rig, int64_t id, int64_t time_us)
{
        struct trade trade = make_trade(id, time_us);

        trade.received_wall_ns = 0;
        tick_row(rig, RECORD_TRADE, &trade, sizeof(trade));
}

// Answers a job by id as an exchange whose trades are [0, newest_id], without [hole_first, hole_last].
static inline int tick_answer_but(struct rig *rig, int64_t newest_id, int64_t hole_first, int64_t hole_last)
{
        int64_t last_id = rig->job.last_id < newest_id ? rig->job.last_id : newest_id, id = rig->job.first_id;

        assert_int_equal(rig->job.kind, JOB_TRADES);
        rig_begin(rig);
        while (id <= last_id) {
                int64_t end = id + rig->job.page_rows - 1 < last_id ? id + rig->job.page_rows - 1 : last_id;
                uint32_t rows = 0;

                for (int64_t i = id; i <= end; i++)
                        rows += i < hole_first || i > hole_last;
                tick_page(rig, id, end, newest_id, rows);
                for (; id <= end; id++) {
                        if (id < hole_first || id > hole_last)
                                tick_page_row(rig, id, tick_us(id));
                }
        }
        if (last_id < rig->job.last_id)
                tick_page(rig, id, id - 1, newest_id, 0);
        return rig_end(rig);
}

static inline int tick_answer(struct rig *rig, int64_t newest_id)
{
        return tick_answer_but(rig, newest_id, -1, -1);
}

// Answers a search by time likewise.
static inline int tick_answer_search(struct rig *rig, int64_t newest_id)
{
        int64_t first_id = (rig->job.start_us - TICKS_T0 + 99999) / 100000, last_id;

        assert_int_equal(rig->job.first_id, -1);
        if (first_id < 0)
                first_id = 0;
        last_id = (rig->job.end_us - 1 - TICKS_T0) / 100000;
        last_id = last_id < newest_id ? last_id : newest_id;
        rig_begin(rig);
        if (first_id > newest_id) {
                tick_page(rig, 0, -1, -1, 0);
                return rig_end(rig);
        }
        if (first_id > last_id)
                tick_page(rig, first_id, first_id - 1, first_id, 0);
        while (first_id <= last_id) {
                int64_t end = first_id + 999 < last_id ? first_id + 999 : last_id;

                tick_page(rig, first_id, end, last_id + 1, (uint32_t)(end - first_id + 1));
                for (; first_id <= end; first_id++)
                        tick_page_row(rig, first_id, tick_us(first_id));
        }
        return rig_end(rig);
}

// True where a job of ticks was granted; catalogues are answered on the way.
static inline bool tick_next(struct rig *rig)
{
        static const char *const symbols[] = {"BTCUSDT", "ETHUSDT"};

        while (rig_next(rig)) {
                if (rig->job.kind == JOB_CATALOG) {
                        rig_answer_catalogue(rig, symbols, 2, SYMBOL_TRADING);
                        continue;
                }
                return true;
        }
        return false;
}

#endif
