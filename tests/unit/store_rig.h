// SPDX-License-Identifier: Apache-2.0
// A store in a temporary directory, and an exchange's answers for it: what the tests of the store and of the ledger's
// view stand on. Bars are a function of their open time, so that what lies in the tree can be checked.
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/barquery.h"
#include "common/batch.h"
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/exitcode.h"
#include "common/ledgerview.h"
#include "tests/unit/tempdir.h"
#include "workers/writer/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIG_T0 (INT64_C(1704067200) * US_PER_S) // 2024-01-01
#define RIG_MIN(n) (RIG_T0 + (n)*US_PER_MIN)

struct rig {
        char directory[PATH_SIZE];
        struct child_setup setup;
        struct governor_page *governor;
        struct store *store;
        struct batch_builder *builder;
        uint64_t sequence;
        int64_t row;    // spool row of the newest live batch
        int64_t now_us; // exchange time
        int live_bars;  // told by the store
        struct job job; // newest grant
        char why[REASON_SIZE];
        int exit_code;
        // a job's answer under way
        uint32_t chunks, crc;
        uint64_t rows;
};

static inline void rig_live_bar(void *context, const struct stream_id *stream, const struct kline *kline)
{
        (void)stream;
        (void)kline;
        ((struct rig *)context)->live_bars++;
}

static inline struct store *rig_try_open(struct rig *rig)
{
        const struct store_events events = {.live_bar = rig_live_bar, .context = rig};

        rig->why[0] = '\0';
        rig->exit_code = 0;
        rig->setup.incarnation++;
        rig->store = store_open(&rig->setup, rig->governor, &events, &rig->exit_code, rig->why);
        return rig->store;
}

static inline void rig_open(struct rig *rig)
{
        if (rig_try_open(rig) == NULL)
                fail_msg("store_open: %s", rig->why);
}

// A store of BTCUSDT 1m, streamed, with history from 2024-01-01; exchange time a day later.
static inline struct rig *rig_new(void)
{
        struct rig *rig = calloc(1, sizeof(*rig));
        struct settings *settings = &rig->setup.settings;

        assert_non_null(rig);
        tempdir_make(rig->directory);
        rig->governor = calloc(1, sizeof(*rig->governor));
        rig->builder = batch_builder_new(7, 1);
        rig->setup.incarnation = 1;
        assert_int_equal(symbol_list_add(&rig->setup.symbols, "BTCUSDT"), 0);
        snprintf(settings->state_directory, PATH_SIZE, "%.400s/state", rig->directory);
        snprintf(settings->root_directory, PATH_SIZE, "%.400s/data/root", rig->directory);
        assert_int_equal(mkdir(settings->state_directory, 0700), 0);
        snprintf(settings->rest_url, URL_SIZE, "http://127.0.0.1:9999");
        snprintf(settings->store_symbol, sizeof(settings->store_symbol), "{symbol}");
        settings->timeframes = settings->backfill_intervals = settings->stream_intervals = 1u << INTERVAL_1M;
        settings->stream_types = settings->backfill_data = DATA_KLINE;
        settings->backfill_enabled = settings->realtime_enabled = true;
        settings->backfill_start_us = RIG_T0;
        settings->backfill_end_us = INT64_MAX;
        settings->batch_size = 1000;
        settings->parallelism = 4;
        rig->now_us = RIG_MIN(1440);
        return rig;
}

static inline void rig_close(struct rig *rig)
{
        store_close(rig->store);
        rig->store = NULL;
}

static inline void rig_free(struct rig *rig)
{
        rig_close(rig);
        batch_builder_free(rig->builder);
        free(rig->governor);
        tempdir_remove(rig->directory);
        free(rig);
}

// ---- bars ----

// `flavour` changes the close, as when REST corrects a streamed bar.
static inline struct kline rig_kline(int64_t open_us, int flavour)
{
        int64_t price = 4000000 + open_us / US_PER_S % 1000;

        return (struct kline){.open_us = open_us,
            .close_us = open_us + US_PER_MIN - 1,
            .trades = 7,
            .open = price,
            .high = price + 100,
            .low = price - 100,
            .close = price + flavour,
            .volume = wide_from_int64(123456),
            .quote_volume = wide_from_int64(1234567),
            .taker_base = wide_from_int64(23456),
            .taker_quote = wide_from_int64(234567),
            .open_exponent = -2,
            .high_exponent = -2,
            .low_exponent = -2,
            .close_exponent = -2,
            .volume_exponent = -5,
            .quote_volume_exponent = -5,
            .taker_base_exponent = -5,
            .taker_quote_exponent = -5};
}

static inline struct stream_id rig_stream(const char *symbol, enum interval interval)
{
        struct stream_id stream = {.kind = STREAM_KLINE, .interval = (uint8_t)interval};

        snprintf(stream.symbol, sizeof(stream.symbol), "%s", symbol);
        return stream;
}

static inline int rig_append(
    struct rig *rig, uint16_t type, const struct stream_id *stream, const void *payload, size_t length)
{
        return batch_append(rig->builder, type, stream, payload, length);
}

static inline struct batch_view rig_seal(struct rig *rig)
{
        struct batch_view view;
        const char *why = "";
        size_t length;
        const void *bytes = batch_seal(rig->builder, ++rig->sequence, &length);

        if (batch_open(bytes, length, &view, &why) != 0)
                fail_msg("batch_open: %s", why);
        return view;
}

// ---- live ----

static inline int rig_try_live(struct rig *rig)
{
        struct batch_view view = rig_seal(rig);

        return store_apply_live(rig->store, &view, ++rig->row);
}

static inline void rig_live(struct rig *rig, int64_t first_us, int count, int flavour)
{
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);

        for (int i = 0; i < count; i++) {
                struct kline kline = rig_kline(first_us + i * US_PER_MIN, flavour);

                assert_int_equal(rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)), 0);
        }
        assert_int_equal(rig_try_live(rig), 0);
}

static inline void rig_connect(struct rig *rig, uint32_t overlap)
{
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);
        struct record_connect connect = {.exchange_us = rig->now_us, .overlap = overlap};

        assert_int_equal(rig_append(rig, RECORD_CONNECT, &stream, &connect, sizeof(connect)), 0);
        assert_int_equal(rig_try_live(rig), 0);
}

// ---- jobs ----

static inline bool rig_next(struct rig *rig)
{
        int64_t retry_ms;

        return store_next_job(rig->store, rig->now_us, &rig->job, &retry_ms);
}

static inline int rig_chunk(struct rig *rig)
{
        struct batch_view view = rig_seal(rig);

        return store_apply_bulk(rig->store, rig->job.lease, &view, rig->why);
}

static inline void rig_begin(struct rig *rig)
{
        struct record_job_begin begin = {.lease = rig->job.lease};

        rig->chunks = 1;
        rig->crc = 0;
        rig->rows = 0;
        assert_int_equal(rig_append(rig, RECORD_JOB_BEGIN, NULL, &begin, sizeof(begin)), 0);
}

static inline void rig_row(struct rig *rig, uint16_t type, const void *payload, size_t length)
{
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);

        if (rig_append(rig, type, type == RECORD_KLINE ? &stream : NULL, payload, length) != 0) {
                assert_int_equal(rig_chunk(rig), 0);
                rig->chunks++;
                assert_int_equal(rig_append(rig, type, type == RECORD_KLINE ? &stream : NULL, payload, length), 0);
        }
        rig->rows++;
        rig->crc = crc32c(rig->crc, payload, length);
}

static inline void rig_page(struct rig *rig, int64_t start_us, int64_t end_us, int64_t answered_us, uint32_t rows)
{
        struct record_page page = {.start_us = start_us,
            .end_us = end_us,
            .answered_until_us = answered_us,
            .requested_us = rig->now_us,
            .rows = rows};

        if (rig_append(rig, RECORD_PAGE, NULL, &page, sizeof(page)) != 0) {
                assert_int_equal(rig_chunk(rig), 0);
                rig->chunks++;
                assert_int_equal(rig_append(rig, RECORD_PAGE, NULL, &page, sizeof(page)), 0);
        }
}

static inline void rig_append_end(struct rig *rig)
{
        struct record_job_end end = {.lease = rig->job.lease,
            .rows = rig->rows,
            .chunks = rig->chunks,
            .rows_crc32c = rig->crc,
            .answered_until_us = rig->job.end_us};

        if (rig_append(rig, RECORD_JOB_END, NULL, &end, sizeof(end)) != 0) {
                assert_int_equal(rig_chunk(rig), 0);
                end.chunks = ++rig->chunks;
                assert_int_equal(rig_append(rig, RECORD_JOB_END, NULL, &end, sizeof(end)), 0);
        }
}

static inline int rig_end(struct rig *rig)
{
        rig_append_end(rig);
        return rig_chunk(rig);
}

// Answers the job at hand with pages whose bars are those of the job, less [hole_start_us, hole_end_us), and less what
// has not closed.
static inline int rig_answer_but(struct rig *rig, int flavour, int64_t hole_start_us, int64_t hole_end_us)
{
        int64_t span_us = (int64_t)rig->job.page_rows * US_PER_MIN;

        rig_begin(rig);
        for (int64_t at_us = rig->job.start_us; at_us < rig->job.end_us; at_us += span_us) {
                int64_t end_us = at_us + span_us < rig->job.end_us ? at_us + span_us : rig->job.end_us;
                uint32_t rows = 0;

                for (int64_t us = at_us; us < end_us; us += US_PER_MIN)
                        rows += us < hole_start_us || us >= hole_end_us;
                rig_page(rig, at_us, end_us, end_us, rows);
                for (int64_t us = at_us; us < end_us; us += US_PER_MIN) {
                        struct kline kline = rig_kline(us, flavour);

                        if (us < hole_start_us || us >= hole_end_us)
                                rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
                }
        }
        return rig_end(rig);
}

static inline int rig_answer(struct rig *rig, int flavour)
{
        return rig_answer_but(rig, flavour, 0, 0);
}

static inline void rig_answer_catalogue(struct rig *rig, const char *const *symbols, size_t count, uint8_t status)
{
        assert_int_equal(rig->job.kind, JOB_CATALOG);
        rig_begin(rig);
        for (size_t i = 0; i < count; i++) {
                struct record_symbol row = {.status = status};

                snprintf(row.symbol, sizeof(row.symbol), "%s", symbols[i]);
                snprintf(row.base, sizeof(row.base), "%.3s", symbols[i]);
                snprintf(row.quote, sizeof(row.quote), "%s", symbols[i] + 3);
                rig_row(rig, RECORD_SYMBOL, &row, sizeof(row));
        }
        assert_int_equal(rig_end(rig), 1);
}

static inline void rig_answer_listing(struct rig *rig, int64_t first_us)
{
        struct record_listing listing = {.first_open_us = first_us, .interval = rig->job.interval};

        assert_int_equal(rig->job.kind, JOB_LISTING);
        memcpy(listing.symbol, rig->job.symbol, SYMBOL_SIZE);
        rig_begin(rig);
        rig_row(rig, RECORD_LISTING, &listing, sizeof(listing));
        assert_int_equal(rig_end(rig), 1);
}

static inline void rig_introduce_catalogue(struct rig *rig)
{
        static const char *const symbols[] = {"BTCUSDT", "ETHUSDT"};

        assert_true(rig_next(rig));
        rig_answer_catalogue(rig, symbols, 2, SYMBOL_TRADING);
}

// Catalogue and first bar are known.
static inline void rig_introduce(struct rig *rig, int64_t first_us)
{
        rig_introduce_catalogue(rig);
        if (!rig->setup.settings.backfill_enabled)
                return;
        assert_true(rig_next(rig));
        rig_answer_listing(rig, first_us);
}

// Grants and answers until nothing is left to do now. Returns the number of jobs.
static inline int rig_work(struct rig *rig, int flavour)
{
        int jobs = 0;

        for (; rig_next(rig); jobs++) {
                assert_int_equal(rig->job.kind, JOB_KLINES);
                assert_int_equal(rig_answer(rig, flavour), 1);
        }
        return jobs;
}

// ---- what lies in the tree ----

struct rig_count {
        int64_t rows, first_us, last_us;
        double close_first, close_last;
};

static inline int rig_count_rows(void *context, const int64_t *open_us, const struct bar_values *bars, size_t count)
{
        struct rig_count *result = context;

        if (result->rows == 0 && count > 0) {
                result->first_us = open_us[0];
                result->close_first = bars[0].close;
        }
        if (count > 0) {
                result->last_us = open_us[count - 1];
                result->close_last = bars[count - 1].close;
        }
        result->rows += (int64_t)count;
        return 0;
}

static inline struct rig_count rig_rows(struct rig *rig, int64_t start_us, int64_t end_us)
{
        struct barquery query = {.root = rig->setup.settings.root_directory,
            .symbol = "BTCUSDT",
            .interval = INTERVAL_1M,
            .start_us = start_us,
            .end_us = end_us};
        struct rig_count result = {0};
        char why[REASON_SIZE];

        if (barquery_run(&query, rig_count_rows, &result, why, sizeof(why)) < 0 && errno != ENOENT)
                fail_msg("barquery: %s", why);
        return result;
}

static inline double rig_close_price(int64_t open_us, int flavour)
{
        struct kline kline = rig_kline(open_us, flavour);

        return decimal64_to_double(kline.close, kline.close_exponent);
}

// ---- what the ledger says ----

static inline struct ledger_bucket rig_bucket(struct rig *rig)
{
        struct ledger_bucket bucket = {0};
        char why[REASON_SIZE];
        struct ledgerview *view = ledgerview_open(rig->setup.settings.state_directory, why);

        if (view == NULL)
                fail_msg("ledgerview_open: %s", why);
        assert_int_equal(ledgerview_bucket_of(view, "BTCUSDT", INTERVAL_1M, rig->now_us, &bucket), 1);
        ledgerview_close(view);
        return bucket;
}

#endif
