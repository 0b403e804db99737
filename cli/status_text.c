// SPDX-License-Identifier: Apache-2.0
#include "cli/status.h"

#include "cli/screen.h"
#include "cli/table.h"
#include "cli/tally.h"
#include "common/units.h"

#include <stdio.h>
#include <string.h>

struct page {
        const struct snapshot *snapshot;
        bool all, colour;
};

static const char *paint(const struct page *page, enum screen_colour which)
{
        return screen_colour(page->colour, which);
}

// What is known of it is what the running writer last met; the spool's line says what waits for it.
static void print_server(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        char text[UNITS_TEXT_SIZE];

        printf("  store          MarketStore server %s", snapshot->root_directory);
        if (snapshot->store_away_since_us > 0)
                printf(", %sunreachable since %s UTC%s\n", paint(page, COLOUR_YELLOW),
                    units_time_us(snapshot->store_away_since_us, text), paint(page, COLOUR_NONE));
        else
                printf("%s\n", snapshot->running ? ", reachable" : "");
}

static void print_head(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        char text[UNITS_TEXT_SIZE];

        if (snapshot->running)
                printf("%sbinancefeeder runs%s (process %d, up %s)\n", paint(page, COLOUR_BOLD),
                    paint(page, COLOUR_NONE), snapshot->supervisor_pid, units_span_s(snapshot->up_s, text));
        else
                printf("%sbinancefeeder does not run%s on %s\n", paint(page, COLOUR_BOLD), paint(page, COLOUR_NONE),
                    snapshot->data_directory);
        if (snapshot->exchange_now_us >= 0)
                printf("  exchange time  %s UTC\n", units_time_us(snapshot->exchange_now_us, text));
        else if (snapshot->has_ledger && snapshot->meta.exchange_us >= 0)
                printf("  last active    %s UTC\n", units_time_us(snapshot->meta.exchange_us, text));
        if (snapshot_store_is_server(snapshot))
                print_server(page);
        else
                printf("  data           %s\n", snapshot->root_directory);
}

// ---- streams ----

struct streams {
        uint32_t count, connected, reconnects;
        double oldest_s, renewal_s;
        uint64_t quotes_late, books_compared, levels_compared, levels_equal;
};

static struct streams sum_streams(const struct snapshot *snapshot)
{
        struct streams sum = {.oldest_s = -1, .renewal_s = -1};

        for (size_t i = 0; i < snapshot->children_count; i++) {
                const struct snapshot_child *child = &snapshot->children[i];
                if (child->class != CHILD_STREAM)
                        continue;
                sum.count++;
                sum.connected += child->connected;
                sum.reconnects += child->reconnects;
                sum.quotes_late += child->quotes_late;
                sum.books_compared += child->books_compared;
                sum.levels_compared += child->levels_compared;
                sum.levels_equal += child->levels_equal;
                if (child->message_age_s > sum.oldest_s)
                        sum.oldest_s = child->message_age_s;
                if (child->renewal_in_s >= 0 && (sum.renewal_s < 0 || child->renewal_in_s < sum.renewal_s))
                        sum.renewal_s = child->renewal_in_s;
        }
        return sum;
}

static void print_ticks_quality(const struct streams *sum)
{
        char books[UNITS_TEXT_SIZE], levels[UNITS_TEXT_SIZE], share[UNITS_TEXT_SIZE];

        if (sum->books_compared > 0)
                printf("  books          compared with a fresh snapshot %s times: %s of %s levels equal\n",
                    units_count((int64_t)sum->books_compared, books),
                    units_share((int64_t)sum->levels_equal, (int64_t)sum->levels_compared, share),
                    units_count((int64_t)sum->levels_compared, levels));
        if (sum->quotes_late > 0)
                printf("  quotes         %s came behind a newer one and were not kept\n",
                    units_count((int64_t)sum->quotes_late, books));
}

static void print_streams(const struct page *page)
{
        struct streams sum = sum_streams(page->snapshot);
        char text[UNITS_TEXT_SIZE];

        if (sum.count == 0) {
                printf("  streams        none\n");
                return;
        }
        printf("  streams        %u of %u connected", sum.connected, sum.count);
        if (sum.oldest_s >= 0)
                printf(", oldest message %s ago", units_span_s(sum.oldest_s, text));
        printf(", %u reconnects", sum.reconnects);
        if (sum.renewal_s >= 0)
                printf(", next renewal in %s", units_span_s(sum.renewal_s, text));
        putchar('\n');
        print_ticks_quality(&sum);
        if (page->snapshot->facts.p50_us > 0) {
                printf("  latency        bars durable %s after they arrive",
                    units_latency_us(page->snapshot->facts.p50_us, text));
                printf(" (99 %% within %s)\n", units_latency_us(page->snapshot->facts.p99_us, text));
        }
}

// ---- the other facts ----

static void print_backfill(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        char missing[UNITS_TEXT_SIZE], share[UNITS_TEXT_SIZE];
        uint32_t workers = 0, busy = 0;
        int64_t wanted = snapshot->totals.wanted;

        for (size_t i = 0; i < snapshot->children_count; i++) {
                workers += snapshot->children[i].class == CHILD_BACKFILL;
                busy += snapshot->children[i].class == CHILD_BACKFILL && snapshot->children[i].connected;
        }
        if (!snapshot->has_ledger)
                return;
        if (snapshot->complete)
                printf("  backfill       complete");
        else
                printf("  backfill       %s done, %s rows missing%s",
                    units_share(wanted - snapshot->totals.missing, wanted, share),
                    units_count(snapshot->totals.missing, missing),
                    snapshot->totals.known ? "" : " so far: not every symbol's beginning is known yet");
        if (snapshot->running)
                printf("; %u of %u workers busy, %u jobs open", busy, workers, snapshot->jobs_open);
        putchar('\n');
}

static void print_limits(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        const struct facts *facts = &snapshot->facts;
        char used[UNITS_TEXT_SIZE], budget[UNITS_TEXT_SIZE];

        printf("  requests       weight %s", units_count(facts->weight_used, used));
        if (facts->weight_budget > 0)
                printf(" of %s this minute (%u %% of the exchange's limit)", units_count(facts->weight_budget, budget),
                    snapshot->utilization_permille / 10);
        printf(", %u new connections in 5 minutes", facts->connections);
        if (facts->ban_s > 0)
                printf(", %srefused for %s (HTTP %u)%s", paint(page, COLOUR_YELLOW),
                    units_span_s((double)facts->ban_s, used), facts->ban_status, paint(page, COLOUR_NONE));
        else
                printf(", no ban");
        putchar('\n');
        printf("  spool          %s in %s batches wait to be stored", units_bytes(facts->spool_bytes, used),
            units_count((int64_t)facts->spool_batches, budget));
        if (snapshot->spool_age_s > 0)
                printf(", the oldest for %s", units_span_s(snapshot->spool_age_s, used));
        if (snapshot->spool_drain_per_s > 0 && snapshot->spool_age_s > DRAIN_KNOWN_S)
                printf("; %s a second less, empty in %s", units_bytes((uint64_t)snapshot->spool_drain_per_s, used),
                    units_span_s((double)facts->spool_bytes / snapshot->spool_drain_per_s, budget));
        putchar('\n');
}

static void print_disk(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        char bytes[UNITS_TEXT_SIZE], daily[UNITS_TEXT_SIZE], span[UNITS_TEXT_SIZE];

        if (snapshot->disk_free_bytes == UINT64_MAX)
                return;
        printf("  disk           %s free", units_bytes(snapshot->disk_free_bytes, bytes));
        if (snapshot->bytes_per_day > 0)
                printf(", lasts %s at %s a day%s",
                    units_span_s((double)snapshot->disk_free_bytes / snapshot->bytes_per_day * 86400, span),
                    units_bytes((uint64_t)snapshot->bytes_per_day, daily),
                    snapshot->growth_known ? "" : " of streamed bars; ticks are not measured yet");
        putchar('\n');
}

static void print_restarts(const struct page *page)
{
        const struct snapshot *snapshot = page->snapshot;
        uint32_t restarts = 0;
        size_t shown = 0;

        for (size_t i = 0; i < snapshot->children_count; i++)
                restarts += snapshot->children[i].restarts;
        printf("  restarts       %u%s\n", restarts, restarts > 0 ? ", of" : "");
        for (size_t i = 0; i < snapshot->children_count; i++) {
                const struct snapshot_child *child = &snapshot->children[i];
                if (child->restarts == 0 || (shown == 5 && !page->all))
                        continue;
                shown++;
                printf("                 %s %s: %u; last: %s\n", child_class_name(child->class), child->name,
                    child->restarts, child->last_death);
        }
}

static void print_children(const struct page *page)
{
        static const char *const heads[] = {
            "<PROCESS", "<NAME", ">PID", "<STATE", ">RESTARTS", ">RECORDS", ">RECONNECTS", ">LAST MESSAGE", NULL};
        struct table table;
        char text[UNITS_TEXT_SIZE];

        table_begin(&table, heads);
        for (size_t i = 0; i < page->snapshot->children_count; i++) {
                const struct snapshot_child *child = &page->snapshot->children[i];
                bool apart = child->class == CHILD_STREAM && child->state == CHILD_READY && !child->connected;
                table_add(&table, child_class_name(child->class));
                table_add(&table, child->name);
                snprintf(text, sizeof(text), "%d", child->pid);
                table_add(&table, text);
                table_add(&table, apart ? "not connected" : child_state_name(child->state));
                table_add(&table, units_count(child->restarts, text));
                table_add(&table, units_count((int64_t)child->records, text));
                table_add(&table, child->class == CHILD_STREAM ? units_count(child->reconnects, text) : "");
                table_add(&table, child->class == CHILD_STREAM && child->message_age_s >= 0
                                      ? units_span_s(child->message_age_s, text)
                                      : "");
        }
        putchar('\n');
        table_print(&table, "", stdout);
}

// ---- buckets ----

static void add_bucket(struct table *table, const struct ledger_bucket *bucket)
{
        struct tally tally;
        char text[UNITS_TEXT_SIZE], explained[TALLY_TEXT_SIZE];

        tally_take(bucket, &tally);
        table_add(table, bucket->symbol);
        table_add(table, interval_name(bucket->interval));
        table_add(table, units_time_us(bucket->first_us, text));
        table_add(table, units_time_us(bucket->last_us, text));
        table_add(table, units_count(bucket->rows, text));
        table_add(table, units_share(tally.wanted - tally.missing, tally.wanted, text));
        table_add(table, units_share(bucket->settled, bucket->rows, text));
        table_add(table, units_count(tally.missing, text));
        if (bucket->why[0] != '\0') {
                table_add(table, bucket->why);
                return;
        }
        tally_format_explained(&tally, explained);
        table_add(table, tally_explained(&tally) > 0 ? explained + strlen("explained ") : "0");
}

static void print_buckets(const struct page *page)
{
        static const char *const heads[] = {
            "<SYMBOL", "<BARS", "<FIRST", "<LAST", ">ROWS", ">COVERAGE", ">SETTLED", ">OPEN", "<EXPLAINED", NULL};
        const struct snapshot *snapshot = page->snapshot;
        struct table table;
        size_t shown = 0, healthy = 0;
        int64_t rows = 0, settled = 0;
        char text[UNITS_TEXT_SIZE], share[UNITS_TEXT_SIZE];
        bool few = snapshot->buckets_count <= 10; // then nothing needs summing up

        table_begin(&table, heads);
        for (size_t i = 0; i < snapshot->buckets_count; i++) {
                const struct ledger_bucket *bucket = &snapshot->buckets[i];
                bool is_healthy = findings_bucket_is_healthy(bucket);
                if (is_healthy && !page->all && !few) {
                        healthy++;
                        rows += bucket->rows;
                        settled += bucket->settled;
                        continue;
                }
                add_bucket(&table, bucket);
                shown++;
        }
        putchar('\n');
        if (shown > 0)
                table_print(&table, "", stdout);
        else
                table_free(&table);
        if (healthy > 0)
                printf("%s%zu healthy: %s rows, %s settled, nothing open (--all lists them)\n", shown > 0 ? "and " : "",
                    healthy, units_count(rows, text), units_share(settled, rows, share));
}

// ---- ticks ----

static void add_tick(struct table *table, const struct ledger_tick *tick)
{
        char text[UNITS_TEXT_SIZE], lost[2 * UNITS_TEXT_SIZE] = "0";

        table_add(table, tick->symbol);
        table_add(table, ledger_tick_kind_name(tick->kind));
        table_add(table, units_time_us(tick->first_us, text));
        table_add(table, units_time_us(tick->last_us, text));
        table_add(table, units_count(tick->rows, text));
        table_add(table, units_count(tick->missing, text));
        if (tick->lost_us > 0)
                (void)snprintf(lost, sizeof(lost), "%s in %lld spans", units_span_s((double)tick->lost_us / 1e6, text),
                    (long long)tick->lost_spans);
        else if (tick->lost_ids > 0)
                (void)snprintf(lost, sizeof(lost), "%s ids", units_count(tick->lost_ids, text));
        table_add(table, tick->why[0] != '\0' ? tick->why : lost);
}

static void print_ticks(const struct page *page)
{
        static const char *const heads[] = {"<SYMBOL", "<TICKS", "<FIRST", "<LAST", ">ROWS", ">MISSING", "<LOST", NULL};
        const struct snapshot *snapshot = page->snapshot;
        struct table table;

        if (snapshot->ticks_count == 0)
                return;
        table_begin(&table, heads);
        for (size_t i = 0; i < snapshot->ticks_count; i++)
                add_tick(&table, &snapshot->ticks[i]);
        putchar('\n');
        table_print(&table, "", stdout);
}

// ---- what is explained ----

static void add_stretch(struct table *table, int64_t start_us, int64_t end_us, int state, const char *evidence)
{
        char text[UNITS_TEXT_SIZE];

        table_add(table, units_time_us(start_us, text));
        table_add(table, units_time_us(end_us, text));
        table_add(table, gap_state_name(state));
        table_add(table, evidence);
}

static void add_gap(struct table *table, const struct ledger_gap *gap)
{
        char text[UNITS_TEXT_SIZE];

        table_add(table, gap->symbol);
        table_add(table, interval_name(gap->interval));
        table_add(table, units_count(gap->bars, text));
        add_stretch(table, gap->start_us, gap->end_us, gap->state, gap->evidence);
}

// How many quotes or books are missing nobody knows; only trades are numbered one by one.
static void add_tick_gap(struct table *table, const struct ledger_tick_gap *gap)
{
        char text[UNITS_TEXT_SIZE];
        bool has_ids = gap->kind == TICK_TRADE || gap->kind == TICK_AGG_TRADE;

        table_add(table, gap->symbol);
        table_add(table, ledger_tick_kind_name(gap->kind));
        table_add(table, has_ids ? units_count(gap->last_id - gap->first_id + 1, text) : "");
        add_stretch(table, gap->start_us, gap->end_us, gap->state, gap->evidence);
}

static void print_explained(const struct page *page)
{
        static const char *const heads[] = {"<SYMBOL", "<OF", ">ROWS", "<FROM", "<TO", "<STATE", "<EVIDENCE", NULL};
        const struct snapshot *snapshot = page->snapshot;
        struct table table;
        size_t shown = 0;

        table_begin(&table, heads);
        for (size_t i = 0; i < snapshot->gaps_count; i++) {
                if (!gap_state_is_explained(snapshot->gaps[i].state))
                        continue;
                add_gap(&table, &snapshot->gaps[i]);
                shown++;
        }
        for (size_t i = 0; i < snapshot->tick_gaps_count; i++) {
                if (!gap_state_is_explained(snapshot->tick_gaps[i].state))
                        continue;
                add_tick_gap(&table, &snapshot->tick_gaps[i]);
                shown++;
        }
        if (shown > 0) {
                printf("\nExplained:\n");
                table_print(&table, "", stdout);
        } else {
                table_free(&table);
        }
}

static void print_findings(const struct page *page, const struct findings *findings)
{
        putchar('\n');
        if (findings->count == 0) {
                printf("%sNothing needs attention.%s\n", paint(page, COLOUR_GREEN), paint(page, COLOUR_NONE));
                return;
        }
        printf("%sNeeds attention:%s\n", paint(page, COLOUR_YELLOW), paint(page, COLOUR_NONE));
        for (size_t i = 0; i < findings->count; i++) {
                printf("  %s\n", findings->items[i].what);
                if (findings->items[i].cure[0] != '\0')
                        printf("    -> %s\n", findings->items[i].cure);
        }
        if (findings->more > 0)
                printf("  and %zu more\n", findings->more);
}

void status_print_text(const struct snapshot *snapshot, const struct findings *findings, bool all)
{
        struct page page = {.snapshot = snapshot, .all = all, .colour = screen_has_colour(stdout)};

        print_head(&page);
        if (snapshot->running)
                print_streams(&page);
        print_backfill(&page);
        if (snapshot->running)
                print_limits(&page);
        print_disk(&page);
        if (snapshot->running) {
                print_restarts(&page);
                if (all)
                        print_children(&page);
        }
        if (snapshot->buckets_count > 0)
                print_buckets(&page);
        print_ticks(&page);
        if (all)
                print_explained(&page);
        if (snapshot->buckets_count + snapshot->ticks_count == 0 && !snapshot->running)
                printf("\nNothing is stored there yet. To begin: binancefeeder backfill BTCUSDT --interval 1h --since "
                       "1y\n");
        print_findings(&page, findings);
}
