// SPDX-License-Identifier: Apache-2.0
#include "common/snapshot.h"

#include "common/client.h"
#include "common/clock.h"
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RECORD_BYTES 80 // of a bar on disk: index and nine columns
#define GAPS_KEPT_MAX 1000

// ---- the instance ----

static double age_s(int64_t boot_us)
{
        return boot_us > 0 ? (double)(boot_now().us - boot_us) / 1e6 : -1;
}

static void copy_child(const struct vitals *vitals, struct snapshot_child *child)
{
        int64_t renewal_us = atomic_load(&vitals->renewal_us);

        *child = (struct snapshot_child){.class = atomic_load(&vitals->class),
            .state = atomic_load(&vitals->state),
            .pid = atomic_load(&vitals->pid),
            .restarts = atomic_load(&vitals->restarts),
            .reconnects = atomic_load(&vitals->reconnects),
            .symbols = atomic_load(&vitals->symbols),
            .connected = atomic_load(&vitals->connected) != 0,
            .degraded = atomic_load(&vitals->degraded) != 0,
            .records = atomic_load(&vitals->records),
            .messages = atomic_load(&vitals->messages),
            .malformed = atomic_load(&vitals->malformed),
            .quotes_late = atomic_load(&vitals->quotes_late),
            .books_compared = atomic_load(&vitals->books_compared),
            .books_differing = atomic_load(&vitals->books_differing),
            .levels_compared = atomic_load(&vitals->levels_compared),
            .levels_equal = atomic_load(&vitals->levels_equal),
            .window_bytes = atomic_load(&vitals->window_bytes),
            .message_age_s = age_s(atomic_load(&vitals->last_message_us)),
            .renewal_in_s = renewal_us > 0 ? -age_s(renewal_us) : -1,
            .state_age_s = age_s(atomic_load(&vitals->state_since_us))};
        memcpy(child->name, vitals->name, sizeof(child->name));
        child->name[sizeof(child->name) - 1] = '\0';
        memcpy(child->last_death, vitals->last_death, sizeof(child->last_death));
        child->last_death[sizeof(child->last_death) - 1] = '\0';
}

// What waits for a store that answers again: how fast it becomes less.
static double drain_per_s(const struct governor_page *page)
{
        int64_t bytes = (int64_t)atomic_load(&page->spool_bytes);
        double per_s;

        if (bytes == 0 || !pace_per_s(&page->spool_pace, boot_now(), bytes, DRAIN_KNOWN_S, DRAIN_WINDOW_S, &per_s))
                return 0;
        return per_s < 0 ? -per_s : 0;
}

static void copy_growth(const struct governor_page *page, struct snapshot *snapshot)
{
        int64_t bytes = atomic_load(&page->tick_bytes), window_s = (int64_t)GROWTH_SAMPLE_S * PACE_SAMPLES;
        double per_s;

        snapshot->growth_known =
            pace_per_s(&page->tick_bytes_pace, boot_now(), bytes, GROWTH_KNOWN_S, window_s, &per_s);
        if (snapshot->growth_known && per_s > 0)
                snapshot->bytes_per_day = per_s * (double)(US_PER_DAY / US_PER_S);
}

static void copy_page(const struct governor_page *page, struct snapshot *snapshot)
{
        int64_t oldest_ns = atomic_load(&page->spool_oldest_wall_ns);

        facts_read(page, &snapshot->facts);
        snapshot->up_s = age_s(atomic_load(&page->started_boot_us));
        snapshot->exchange_now_us = governor_exchange_now_us(page);
        snapshot->weight_limit = governor_weight_limit(page);
        snapshot->utilization_permille = atomic_load(&page->utilization_permille);
        snapshot->answers_429 = atomic_load(&page->answers_429);
        snapshot->answers_418 = atomic_load(&page->answers_418);
        snapshot->batches_quarantined = atomic_load(&page->batches_quarantined);
        snapshot->rows_defective = atomic_load(&page->rows_defective);
        snapshot->jobs_open = atomic_load(&page->jobs_open);
        snapshot->complete = atomic_load(&page->complete) != 0;
        snapshot->store_away_since_us = atomic_load(&page->store_away_since_wall_ns) / 1000;
        if (snapshot->facts.spool_batches > 0 && oldest_ns > 0)
                snapshot->spool_age_s = (double)(wall_now().ns - oldest_ns) / 1e9;
        snapshot->spool_drain_per_s = drain_per_s(page);
        copy_growth(page, snapshot);
        snapshot->children = memory_zeroed(SLOTS_MAX, sizeof(*snapshot->children));
        for (size_t i = 0; i < SLOTS_MAX; i++) {
                if (atomic_load(&page->vitals[i].class) != CHILD_NONE)
                        copy_child(&page->vitals[i], &snapshot->children[snapshot->children_count++]);
        }
}

static void ask_instance(const struct settings *settings, struct snapshot *snapshot)
{
        struct client client;

        if (client_open(settings->run_directory, &client) != 0) {
                if (errno == EBADMSG)
                        snprintf(snapshot->not_running, REASON_SIZE, "an instance of another version runs there");
                else if (errno != ENOENT && errno != ECONNREFUSED)
                        snprintf(snapshot->not_running, REASON_SIZE, "it cannot be asked: %s", strerror(errno));
                return;
        }
        snapshot->running = true;
        snapshot->supervisor_pid = client.about.supervisor_pid;
        snprintf(snapshot->state_directory, PATH_SIZE, "%s", client.about.state_directory);
        snprintf(snapshot->root_directory, PATH_SIZE, "%s", client.about.root_directory);
        copy_page(client.page, snapshot);
        client_close(&client);
}

// ---- the ledger ----

// Room for one more item in an array that doubles.
static void *grown(void *items, size_t count, size_t size)
{
        bool full = (count & (count - 1)) == 0; // 0 and the powers of two

        return full ? memory_resized(items, count > 0 ? count * 2 : 1, size) : items;
}

static int keep_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct snapshot *snapshot = context;

        snapshot->buckets = grown(snapshot->buckets, snapshot->buckets_count, sizeof(*bucket));
        snapshot->buckets[snapshot->buckets_count++] = *bucket;
        return 0;
}

static int keep_gap(void *context, const struct ledger_gap *gap)
{
        struct snapshot *snapshot = context;

        if (snapshot->gaps_count == GAPS_KEPT_MAX)
                return 1;
        snapshot->gaps = grown(snapshot->gaps, snapshot->gaps_count, sizeof(*gap));
        snapshot->gaps[snapshot->gaps_count++] = *gap;
        return 0;
}

static int keep_trouble(void *context, const struct ledger_trouble *trouble)
{
        struct snapshot *snapshot = context;

        snapshot->troubles = grown(snapshot->troubles, snapshot->troubles_count, sizeof(*trouble));
        snapshot->troubles[snapshot->troubles_count++] = *trouble;
        return snapshot->troubles_count == GAPS_KEPT_MAX;
}

static int keep_tick(void *context, const struct ledger_tick *tick)
{
        struct snapshot *snapshot = context;

        snapshot->ticks = grown(snapshot->ticks, snapshot->ticks_count, sizeof(*tick));
        snapshot->ticks[snapshot->ticks_count++] = *tick;
        return 0;
}

static int keep_tick_gap(void *context, const struct ledger_tick_gap *gap)
{
        struct snapshot *snapshot = context;

        if (snapshot->tick_gaps_count == GAPS_KEPT_MAX)
                return 1;
        snapshot->tick_gaps = grown(snapshot->tick_gaps, snapshot->tick_gaps_count, sizeof(*gap));
        snapshot->tick_gaps[snapshot->tick_gaps_count++] = *gap;
        return 0;
}

struct absence {
        struct snapshot *snapshot;
        const struct ledger_tick *tick;
};

static int keep_absent_ids(void *context, const struct ledger_id_range *range)
{
        struct absence *absence = context;
        struct ledger_tick_gap gap = {.kind = absence->tick->kind,
            .epoch = range->epoch,
            .first_id = range->first_id,
            .last_id = range->last_id,
            .start_us = range->first_us,
            .end_us = range->last_us,
            .state = GAP_ABSENT,
            .found_us = -1,
            .evidence = "the exchange answered without these ids"};

        if (range->source != ID_ABSENT)
                return 0;
        memcpy(gap.symbol, absence->tick->symbol, sizeof(gap.symbol));
        return keep_tick_gap(absence->snapshot, &gap);
}

// Open gaps first: they count where there are more than are kept. Ids that the exchange does not have are listed by
// their ranges, since not every one of them has been a gap.
static int read_gaps(struct ledgerview *view, struct snapshot *snapshot)
{
        uint32_t open = 1u << GAP_OPEN | 1u << GAP_REPAIRING, explained = 0;

        for (int state = 0; state < GAP_STATES; state++)
                explained |= gap_state_is_explained(state) && state != GAP_FILLED ? 1u << state : 0;
        if (ledgerview_each_gap(view, NULL, open, keep_gap, snapshot) < 0 ||
            ledgerview_each_gap(view, NULL, explained, keep_gap, snapshot) < 0 ||
            ledgerview_each_tick_gap(view, open, keep_tick_gap, snapshot) < 0 ||
            ledgerview_each_tick_gap(view, explained & ~(1u << GAP_ABSENT), keep_tick_gap, snapshot) < 0)
                return -1;
        for (size_t i = 0; i < snapshot->ticks_count; i++) {
                const struct ledger_tick *tick = &snapshot->ticks[i];
                struct absence absence = {snapshot, tick};
                if (tick->absent > 0 &&
                    ledgerview_each_id_range(view, tick->symbol, tick->kind, keep_absent_ids, &absence) < 0)
                        return -1;
        }
        return 0;
}

static void read_ledger(struct snapshot *snapshot)
{
        struct ledgerview *view = ledgerview_open(snapshot->state_directory, snapshot->no_ledger);

        if (view == NULL)
                return;
        snapshot->has_ledger = ledgerview_meta(view, &snapshot->meta) == 0 &&
                               ledgerview_totals(view, snapshot->exchange_now_us, &snapshot->totals) == 0 &&
                               ledgerview_each_bucket(view, snapshot->exchange_now_us, keep_bucket, snapshot) == 0 &&
                               ledgerview_each_trouble(view, keep_trouble, snapshot) >= 0 &&
                               ledgerview_each_tick(view, keep_tick, snapshot) == 0 && read_gaps(view, snapshot) == 0;
        if (!snapshot->has_ledger)
                snprintf(snapshot->no_ledger, REASON_SIZE, "%s", ledgerview_error(view));
        if (!snapshot->running)
                snapshot->complete = snapshot->has_ledger && snapshot->totals.buckets > 0 && snapshot->totals.known &&
                                     snapshot->totals.missing == 0 && snapshot->totals.hindered == 0;
        ledgerview_close(view);
}

// ---- the disk ----

bool snapshot_store_is_server(const struct snapshot *snapshot)
{
        return strstr(snapshot->root_directory, "://") != NULL;
}

static void look_at_disk(struct snapshot *snapshot)
{
        struct statvfs disk;

        snapshot->disk_free_bytes = UINT64_MAX;
        // A server's disk is its own matter; the spool lies here.
        bool elsewhere = snapshot_store_is_server(snapshot);
        if (statvfs(elsewhere ? snapshot->state_directory : snapshot->root_directory, &disk) == 0)
                snapshot->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
        if (elsewhere)
                return;
        for (size_t i = 0; i < snapshot->buckets_count; i++) {
                if (snapshot->buckets[i].live)
                        snapshot->bytes_per_day += (double)US_PER_DAY /
                                                   (double)interval_length_us(snapshot->buckets[i].interval) *
                                                   RECORD_BYTES;
        }
        bool streamed = false;
        for (size_t i = 0; i < snapshot->ticks_count; i++)
                streamed = streamed || snapshot->ticks[i].live;
        snapshot->growth_known = snapshot->growth_known || !streamed;
}

void snapshot_take(const struct settings *settings, const struct governor_page *page, struct snapshot *snapshot)
{
        memset(snapshot, 0, sizeof(*snapshot));
        snapshot->exchange_now_us = -1;
        snprintf(snapshot->data_directory, PATH_SIZE, "%s", settings->data_directory);
        snprintf(snapshot->root_directory, PATH_SIZE, "%s",
            settings->store_type == STORE_SERVER ? settings->store_url : settings->root_directory);
        snprintf(snapshot->state_directory, PATH_SIZE, "%s", settings->state_directory);
        if (page != NULL) {
                snapshot->running = true;
                snapshot->supervisor_pid = getppid();
                copy_page(page, snapshot);
        } else {
                ask_instance(settings, snapshot);
        }
        read_ledger(snapshot);
        look_at_disk(snapshot);
}

void snapshot_free(struct snapshot *snapshot)
{
        free(snapshot->children);
        free(snapshot->buckets);
        free(snapshot->gaps);
        free(snapshot->troubles);
        free(snapshot->ticks);
        free(snapshot->tick_gaps);
        memset(snapshot, 0, sizeof(*snapshot));
}
