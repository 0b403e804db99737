// SPDX-License-Identifier: Apache-2.0
// GET /metrics: Prometheus text (exposition format 0.0.4). Counters that a child keeps begin again when it is started
// again, which rate() expects. What is summed over the ledger is computed at most every LEDGER_AGE_MS.
#include "common/clock.h"
#include "common/interval.h"
#include "common/ledgerticks.h"
#include "workers/gateway/block.h"
#include "workers/gateway/gateway.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define CONTENT_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"
#define LEDGER_AGE_MS 2000

// Sums over the ledger's buckets, by interval and by state.
struct sums {
        mono_time taken;
        bool known;
        int64_t rows[INTERVAL_COUNT], settled[INTERVAL_COUNT], buckets[INTERVAL_COUNT];
        int64_t newest_us[INTERVAL_COUNT]; // open time of the newest bar; -1: none
        int64_t corrected, defective, hindered, missing, gaps_open, quarantined;
        int64_t explained[GAP_STATES]; // bars explained, by state
        struct tick_sums {
                int64_t buckets, rows, missing, absent, lost_us;
                int64_t newest_us; // time of the newest row; -1: none
        } ticks[TICK_KINDS];
};

static struct sums sums;

// ---- the ledger ----

static int add_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct sums *to = context;

        to->buckets[bucket->interval]++;
        to->rows[bucket->interval] += bucket->rows;
        to->settled[bucket->interval] += bucket->settled;
        if (bucket->last_us > to->newest_us[bucket->interval])
                to->newest_us[bucket->interval] = bucket->last_us;
        to->corrected += bucket->corrected;
        to->defective += bucket->defective;
        to->hindered += bucket->why[0] != '\0';
        to->missing += bucket->missing;
        to->gaps_open += bucket->gaps_open;
        for (int state = 0; state < GAP_STATES; state++)
                to->explained[state] += bucket->explained[state];
        return 0;
}

static int add_tick(void *context, const struct ledger_tick *tick)
{
        struct sums *all = context;
        struct tick_sums *to = &all->ticks[tick->kind];

        to->buckets++;
        to->rows += tick->rows;
        to->missing += tick->missing;
        to->absent += tick->absent;
        to->lost_us += tick->lost_us;
        if (tick->last_us > to->newest_us)
                to->newest_us = tick->last_us;
        all->defective += tick->defective;
        all->hindered += tick->why[0] != '\0';
        all->missing += tick->missing;
        all->gaps_open += tick->gaps_open;
        return 0;
}

static void refresh_sums(struct gateway *gateway)
{
        char why[REASON_SIZE];
        struct ledgerview *view = gateway_ledger(gateway, why);
        struct ledger_meta meta;
        mono_time now = mono_now();

        if (sums.known && mono_since_ms(now, sums.taken) < LEDGER_AGE_MS)
                return;
        memset(&sums, 0, sizeof(sums));
        for (int i = 0; i < INTERVAL_COUNT; i++)
                sums.newest_us[i] = -1;
        for (int i = 0; i < TICK_KINDS; i++)
                sums.ticks[i].newest_us = -1;
        sums.taken = now;
        if (view == NULL || ledgerview_meta(view, &meta) != 0)
                return;
        sums.quarantined = meta.quarantined;
        sums.known =
            ledgerview_each_bucket(view, governor_exchange_now_us(gateway->child.governor), add_bucket, &sums) == 0 &&
            ledgerview_each_tick(view, add_tick, &sums) == 0;
}

// ---- text ----

static void describe(struct body *body, const char *name, const char *type, const char *help)
{
        body_print(body, "# HELP binancefeeder_%s %s\n# TYPE binancefeeder_%s %s\n", name, help, name, type);
}

static void single(struct body *body, const char *name, const char *type, const char *help, double value)
{
        describe(body, name, type, help);
        body_print(body, "binancefeeder_%s %.17g\n", name, value);
}

static double seconds(int64_t us)
{
        return (double)us / (double)US_PER_S;
}

static void print_rows(struct body *body)
{
        describe(body, "rows", "gauge", "Rows stored and synced, by kind of bucket and interval.");
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (sums.buckets[i] > 0)
                        body_print(body, "binancefeeder_rows{kind=\"bar\",interval=\"%s\"} %" PRId64 "\n",
                            interval_name((enum interval)i), sums.rows[i]);
        }
        for (int i = 0; i < TICK_KINDS; i++) {
                if (sums.ticks[i].buckets > 0)
                        body_print(body, "binancefeeder_rows{kind=\"%s\"} %" PRId64 "\n",
                            ledger_tick_kind_name((enum tick_kind)i), sums.ticks[i].rows);
        }
        describe(body, "rows_settled", "gauge", "Of these, rows that REST or the archive has confirmed.");
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (sums.buckets[i] > 0)
                        body_print(body, "binancefeeder_rows_settled{kind=\"bar\",interval=\"%s\"} %" PRId64 "\n",
                            interval_name((enum interval)i), sums.settled[i]);
        }
        describe(body, "buckets", "gauge", "Buckets in the ledger.");
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                if (sums.buckets[i] > 0)
                        body_print(body, "binancefeeder_buckets{kind=\"bar\",interval=\"%s\"} %" PRId64 "\n",
                            interval_name((enum interval)i), sums.buckets[i]);
        }
        for (int i = 0; i < TICK_KINDS; i++) {
                if (sums.ticks[i].buckets > 0)
                        body_print(body, "binancefeeder_buckets{kind=\"%s\"} %" PRId64 "\n",
                            ledger_tick_kind_name((enum tick_kind)i), sums.ticks[i].buckets);
        }
}

static void print_tick_figure(
    struct body *body, const char *name, const char *type, const char *help, double (*figure)(const struct tick_sums *))
{
        describe(body, name, type, help);
        for (int i = 0; i < TICK_KINDS; i++) {
                if (sums.ticks[i].buckets > 0)
                        body_print(body, "binancefeeder_%s{kind=\"%s\"} %.17g\n", name,
                            ledger_tick_kind_name((enum tick_kind)i), figure(&sums.ticks[i]));
        }
}

static double ids_missing_of(const struct tick_sums *ticks)
{
        return (double)ticks->missing;
}

static double ids_absent_of(const struct tick_sums *ticks)
{
        return (double)ticks->absent;
}

static double lost_seconds_of(const struct tick_sums *ticks)
{
        return seconds(ticks->lost_us);
}

static double newest_of(const struct tick_sums *ticks)
{
        return ticks->newest_us < 0 ? 0 : seconds(ticks->newest_us);
}

static void print_ticks(struct body *body)
{
        print_tick_figure(
            body, "tick_ids_missing", "gauge", "Ids wanted that exist and are not stored, by kind.", ids_missing_of);
        print_tick_figure(
            body, "tick_ids_absent", "gauge", "Ids that the exchange itself does not have, by kind.", ids_absent_of);
        print_tick_figure(body, "tick_lost_seconds", "gauge",
            "Time between connections of which nothing can be had again, summed over symbols, by kind.",
            lost_seconds_of);
        print_tick_figure(body, "tick_newest_timestamp_seconds", "gauge",
            "Time of the newest stored row of any symbol, by kind; 0: none.", newest_of);
}

// How far behind the exchange the newest bar of any symbol is: its close, or 0 while none is due.
static void print_lag(struct body *body, int64_t now_us)
{
        describe(body, "bar_lag_seconds", "gauge",
            "Exchange time since the newest stored bar closed, by interval; the most advanced symbol counts.");
        for (int i = 0; i < INTERVAL_COUNT && now_us >= 0; i++) {
                if (sums.newest_us[i] < 0)
                        continue;
                int64_t lag_us = now_us - interval_next_us((enum interval)i, sums.newest_us[i]);
                body_print(body, "binancefeeder_bar_lag_seconds{interval=\"%s\"} %.3f\n",
                    interval_name((enum interval)i), seconds(lag_us > 0 ? lag_us : 0));
        }
}

static void print_gaps(struct body *body)
{
        single(
            body, "rows_missing", "gauge", "Rows wanted that are neither stored nor explained.", (double)sums.missing);
        single(body, "gaps_open", "gauge", "Gaps that are open or being repaired.", (double)sums.gaps_open);
        describe(body, "rows_explained", "gauge", "Rows that cannot be had, by state of their gap.");
        for (int state = 0; state < GAP_STATES; state++) {
                if (gap_state_is_explained(state))
                        body_print(body, "binancefeeder_rows_explained{state=\"%s\"} %" PRId64 "\n",
                            gap_state_name(state), sums.explained[state]);
        }
        single(body, "rows_corrected_total", "counter", "Rows that REST changed after the stream had brought them.",
            (double)sums.corrected);
        single(body, "rows_defective_total", "counter", "Rows refused because no exchange would send them.",
            (double)sums.defective);
        single(body, "buckets_hindered", "gauge", "Buckets that do not go on; status says why.", (double)sums.hindered);
        single(body, "batches_quarantined", "gauge", "Batches kept aside because they ended their reader.",
            (double)sums.quarantined);
}

static void print_exchange(struct body *body, struct governor_page *page)
{
        single(body, "request_weight_used", "gauge", "Request weight used or reserved in the present minute.",
            (double)governor_used(page));
        single(body, "request_weight_limit", "gauge", "The exchange's limit of it per minute.",
            (double)governor_weight_limit(page));
        single(body, "ban_remaining_seconds", "gauge",
            "Time for which no request is sent because the exchange said so.",
            (double)governor_ban_remaining_ms(page) / 1000);
        describe(body, "refusals_total", "counter", "Answers of the exchange that asked for fewer requests.");
        body_print(body, "binancefeeder_refusals_total{status=\"429\"} %" PRIu64 "\n", atomic_load(&page->answers_429));
        body_print(body, "binancefeeder_refusals_total{status=\"418\"} %" PRIu64 "\n", atomic_load(&page->answers_418));
}

static void print_writer(struct body *body, struct governor_page *page)
{
        int64_t oldest_ns = atomic_load(&page->spool_oldest_wall_ns);
        int64_t away_ns = atomic_load(&page->store_away_since_wall_ns);
        uint64_t batches = atomic_load(&page->spool_batches);

        single(body, "spool_batches", "gauge", "Batches that are durable and wait for the store.", (double)batches);
        single(body, "spool_bytes", "gauge", "Bytes of these.", (double)atomic_load(&page->spool_bytes));
        single(body, "spool_oldest_seconds", "gauge", "Age of the oldest of these.",
            batches > 0 && oldest_ns > 0 ? (double)(wall_now().ns - oldest_ns) / 1e9 : 0);
        single(body, "store_unreachable_seconds", "gauge",
            "For how long the store server could not be reached; 0: it can, or the store is files.",
            away_ns > 0 ? (double)(wall_now().ns - away_ns) / 1e9 : 0);
        single(body, "rows_stored_total", "counter", "Rows written to the store.",
            (double)atomic_load(&page->rows_stored));
        single(body, "rows_refused_rank_total", "counter", "Rows not written because a better source covers them.",
            (double)atomic_load(&page->rows_refused_rank));
        single(body, "tick_bytes_total", "counter", "Room on disk that streamed ticks took.",
            (double)atomic_load(&page->tick_bytes));
        single(body, "disk_free_bytes", "gauge", "Free space where the store lies.",
            (double)atomic_load(&page->disk_free_bytes));
        single(body, "disk_full", "gauge", "1 while nothing is acknowledged for lack of space.",
            (double)atomic_load(&page->disk_full));
        single(body, "jobs_open", "gauge", "Backfill jobs granted or waiting.", (double)atomic_load(&page->jobs_open));
        single(body, "complete", "gauge", "1 while everything wanted is stored or explained.",
            (double)atomic_load(&page->complete));
}

// Prometheus wants cumulative counts up to each bound, and a sum, which is not kept: the bounds' middles make one.
static void print_latency(struct body *body, struct latency_histogram *histogram)
{
        static const char name[] = "receive_to_durable_seconds";
        uint64_t count = 0;
        double sum = 0;

        describe(body, name, "histogram", "From a message's arrival to its record being safe on disk.");
        for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
                uint64_t here = atomic_load(&histogram->counts[i]);
                double low = latency_bucket_us(i) / 1e6, high = latency_bucket_us(i + 1) / 1e6;

                count += here;
                sum += (double)here * (low + high) / 2;
                if ((i + 1) % LATENCY_PARTS == 0 && i < 30 * LATENCY_PARTS)
                        body_print(body, "binancefeeder_%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name, high, count);
        }
        body_print(body, "binancefeeder_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
        body_print(body, "binancefeeder_%s_sum %.6f\nbinancefeeder_%s_count %" PRIu64 "\n", name, sum, name, count);
}

// ---- children ----

typedef double child_figure(const struct vitals *vitals);

static double restarts_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->restarts);
}

static double reconnects_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->reconnects);
}

static double connected_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->connected);
}

static double records_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->records);
}

static double messages_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->messages);
}

static double malformed_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->malformed);
}

static double quotes_late_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->quotes_late);
}

static double books_compared_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->books_compared);
}

static double books_differing_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->books_differing);
}

static double levels_compared_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->levels_compared);
}

static double levels_equal_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->levels_equal);
}

static double up_of(const struct vitals *vitals)
{
        return atomic_load(&vitals->state) == CHILD_READY;
}

static double window_of(const struct vitals *vitals)
{
        return (double)atomic_load(&vitals->window_bytes);
}

// Classes are bits 1u << enum child_class.
static const struct {
        const char *name, *type, *help;
        child_figure *figure;
        unsigned classes;
} child_figures[] = {
    {"up", "gauge", "1 while the process is ready.", up_of, ~0u},
    {"restarts_total", "counter", "Times the process ended unasked and was started again.", restarts_of, ~0u},
    {"connected", "gauge", "1 while a stream worker's connection carries all its streams.", connected_of,
        1u << CHILD_STREAM},
    {"reconnects_total", "counter", "Connections a stream worker made after its first.", reconnects_of,
        1u << CHILD_STREAM},
    {"messages_total", "counter", "Stream: frames; backfill: requests.", messages_of,
        1u << CHILD_STREAM | 1u << CHILD_BACKFILL},
    {"records_total", "counter", "Stream: rows; backfill: rows fetched; writer: batches committed.", records_of,
        1u << CHILD_STREAM | 1u << CHILD_BACKFILL | 1u << CHILD_WRITER},
    {"malformed_total", "counter", "Frames, answers or batches refused.", malformed_of,
        1u << CHILD_STREAM | 1u << CHILD_BACKFILL | 1u << CHILD_WRITER},
    {"quotes_late_total", "counter", "Best quotes that came behind a newer one and were not kept.", quotes_late_of,
        1u << CHILD_STREAM},
    {"books_compared_total", "counter", "Comparisons of kept order books with fresh snapshots.", books_compared_of,
        1u << CHILD_STREAM},
    {"books_differing_total", "counter", "Comparisons that found a difference.", books_differing_of,
        1u << CHILD_STREAM},
    {"book_levels_compared_total", "counter", "Levels in these comparisons.", levels_compared_of, 1u << CHILD_STREAM},
    {"book_levels_equal_total", "counter", "Levels in these comparisons that were equal.", levels_equal_of,
        1u << CHILD_STREAM},
    {"window_bytes", "gauge", "Bytes of a stream worker that are not durable yet.", window_of, 1u << CHILD_STREAM},
};

static void print_children(struct body *body, struct governor_page *page)
{
        for (size_t i = 0; i < sizeof(child_figures) / sizeof(child_figures[0]); i++) {
                describe(body, child_figures[i].name, child_figures[i].type, child_figures[i].help);
                for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
                        const struct vitals *vitals = &page->vitals[slot];
                        uint32_t class = atomic_load(&vitals->class);
                        char name[SYMBOL_SIZE];

                        if (class == CHILD_NONE || class >= CHILD_CLASSES || !(child_figures[i].classes >> class & 1))
                                continue;
                        memcpy(name, vitals->name, sizeof(name));
                        name[sizeof(name) - 1] = '\0';
                        body_print(body, "binancefeeder_%s{class=\"%s\",name=\"%s\"} %.17g\n", child_figures[i].name,
                            child_class_name(class), name, child_figures[i].figure(vitals));
                }
        }
}

struct work *metrics_begin(void *context, const struct request *request)
{
        struct gateway *gateway = context;
        struct governor_page *page = gateway->child.governor;
        struct body body = {0};

        (void)request;
        refresh_sums(gateway);
        describe(&body, "info", "gauge", "Version of the program.");
        body_print(&body, "binancefeeder_info{version=\"%s\"} 1\n", BF_VERSION);
        single(&body, "uptime_seconds", "counter", "Since the program was started.",
            seconds(boot_now().us - atomic_load(&page->started_boot_us)));
        print_rows(&body);
        print_ticks(&body);
        print_lag(&body, governor_exchange_now_us(page));
        print_gaps(&body);
        print_exchange(&body, page);
        print_writer(&body, page);
        print_latency(&body, &page->receive_to_durable);
        print_children(&body, page);
        single(&body, "gateway_answer_bytes", "gauge", "Memory of answers under way.", (double)block_charged());
        return work_answer(200, CONTENT_PROMETHEUS, &body);
}
