// SPDX-License-Identifier: Apache-2.0
// The order of store sync and cursor: rows first (syncfs), then one ledger transaction with what they prove and the
// spool cursor. The cursor may lag, never lead. Blocks of ticks are pointed to after that transaction, which holds
// their triples until the next sync.
#include "common/log.h"
#include "workers/writer/barsink.h"
#include "workers/writer/derive.h"
#include "workers/writer/gaps.h"
#include "workers/writer/leases.h"
#include "workers/writer/ledger.h"
#include "workers/writer/store.h"
#include "workers/writer/storestate.h"
#include "workers/writer/tickfiles.h"
#include "workers/writer/ticklive.h"
#include "workers/writer/tickset.h"
#include "workers/writer/wanted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define URGENT_MS 1000    // live rows and finished jobs: soon, so that progress is seen and one-shot runs end quickly
#define QUARANTINE_S 3600 // how often batches kept aside are looked through (each is tried once a day)

int64_t store_sync_wait_ms(const struct store *store, mono_time now)
{
        if (store->sync_failed)
                return 0;
        if (!store->dirty)
                return -1;
        if (store->dirty_bytes >= STORE_SYNC_BYTES)
                return 0;
        int64_t wait_ms = STORE_SYNC_S * 1000 - mono_since_ms(now, store->dirty_since);
        if (store->urgent && URGENT_MS - mono_since_ms(now, store->urgent_since) < wait_ms)
                wait_ms = URGENT_MS - mono_since_ms(now, store->urgent_since);
        return wait_ms > 0 ? wait_ms : 0;
}

bool store_sync_due(const struct store *store, mono_time now)
{
        return store_sync_wait_ms(store, now) == 0;
}

static void settle_notes(struct store *store)
{
        for (size_t i = 0; i < store->buckets_count; i++) {
                struct bucket_state *bucket = store->buckets[i];
                struct ranges leased = {0};

                if (bucket->notes.count == 0)
                        continue;
                lease_ranges(store, bucket, &leased);
                if (gaps_settle_notes(
                        &bucket->notes, &bucket->covered, &bucket->explained_ranges, &leased, GAPS_FILLED_MAX) > 0)
                        bucket->notes_dirty = true;
                ranges_free(&leased);
        }
}

void store_report_disk(const struct store *store)
{
        struct statvfs disk;

        if (fstatvfs(store->root_fd, &disk) == 0)
                atomic_store(&store->governor->disk_free_bytes, (uint64_t)disk.f_bavail * disk.f_frsize);
}

// Batches that once ended their reader get another trial each day.
static void retry_quarantined(struct store *store)
{
        mono_time now = mono_now();
        struct batch_view view;
        const char *why;
        void *bytes;
        size_t length;

        if (store->quarantine_next_at.us > now.us)
                return;
        store->quarantine_next_at = (mono_time){now.us + QUARANTINE_S * US_PER_S};
        int64_t id = ledger_quarantine_next(store->ledger, &bytes, &length);
        if (id <= 0)
                return;
        store->ticks.aside = true;
        if (batch_open(bytes, length, &view, &why) == 0 && store_apply_live(store, &view, store->row_applied) == 0 &&
            ticklive_close_all(store) == 0 && ledger_quarantine_drop(store->ledger, id) == 0)
                log_info("a batch that had been kept aside was applied after all");
        store->ticks.aside = false;
        free(bytes);
}

int store_sync(struct store *store)
{
        if (store->sync_failed) {
                errno = EIO;
                return -1;
        }
        if (!store->dirty)
                return 0;
        if (tickfiles_settle(store) < 0)
                return -1;
        if ((store->rows_dirty || store->ticks.pointed) && store->sink->sync(store) < 0) {
                if (errno == EHOSTUNREACH)
                        return -1;
                // What the cache shows from now on is not believed: the process ends, its successor replays.
                log_error("%s cannot be synced: %s", store->root, strerror(errno));
                store->sync_failed = true;
                errno = EIO;
                return -1;
        }
        wanted_prune(store);
        settle_notes(store);
        derive_refresh_wanted(store);
        tick_settle_gaps(store);
        int64_t cursor = ticklive_cursor(store);
        if (ledger_commit(store->ledger, store, cursor) < 0) {
                store->sync_failed = errno == EIO;
                return -1;
        }
        store->row_durable = cursor;
        tickfiles_point(store);
        store->dirty = store->urgent = store->rows_dirty = store->work_dirty = false;
        store->dirty_bytes = 0;
        atomic_fetch_add(&store->governor->ledger_changes, 1);
        store_report_disk(store);
        retry_quarantined(store);
        return 0;
}
