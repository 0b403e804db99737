// SPDX-License-Identifier: Apache-2.0
// The store's life cycle. The rest of store.h: live.c (batches from the spool), bulk.c (backfill chunks), plan.c (the
// next job, what is left), leases.c (jobs that end without having completed), wanted.c (what is asked for), sync.c.
#include "workers/writer/store.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/catalogue.h"
#include "workers/writer/ledger.h"
#include "workers/writer/openfiles.h"
#include "workers/writer/rootlock.h"
#include "workers/writer/serverstore.h"
#include "workers/writer/storestate.h"
#include "workers/writer/tickfiles.h"
#include "workers/writer/tickledger.h"
#include "workers/writer/ticklive.h"
#include "workers/writer/tickset.h"
#include "workers/writer/ticksink.h"
#include "workers/writer/wanted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool configuration_is_usable(const struct settings *settings, char why[REASON_SIZE])
{
        if (settings->store_type == STORE_SERVER && settings->store_url[0] == '\0') {
                (void)snprintf(why, REASON_SIZE, "store.url: is missing; accepted: the URL of a MarketStore server");
                return false;
        }
        if (settings->batch_size < 1 || settings->batch_size > REST_PAGE_ROWS_MAX) {
                (void)snprintf(why, REASON_SIZE, "backfill.batch_size: %u; accepted: 1 to %d", settings->batch_size,
                    REST_PAGE_ROWS_MAX);
                return false;
        }
        return true;
}

static bool is_configuration_error(int error)
{
        return error == EACCES || error == EPERM || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG ||
               error == EROFS;
}

// The rows of a server lie elsewhere; what is looked after here is the disk under spool and ledger.
static int take_server(struct store *store, int *exit_code, char why[REASON_SIZE])
{
        const struct settings *settings = &store->setup.settings;

        (void)snprintf(store->root, sizeof(store->root), "%s", settings->store_url);
        store->root_fd = open(settings->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->root_fd < 0)
                (void)snprintf(
                    why, REASON_SIZE, "state_directory %.90s: %s", settings->state_directory, strerror(errno));
        if (store->root_fd >= 0 && serverstore_open(store, why) == 0)
                return 0;
        *exit_code = EXIT_TRY_LATER;
        return -1;
}

static int take_root(struct store *store, int *exit_code, char why[REASON_SIZE])
{
        const struct settings *settings = &store->setup.settings;

        if (settings->store_type == STORE_SERVER)
                return take_server(store, exit_code, why);
        (void)snprintf(store->root, sizeof(store->root), "%s", settings->root_directory);
        store->root_fd = rootlock_take(store->root, STORE_LOCK_WAIT_MS, why);
        if (store->root_fd < 0) {
                *exit_code = is_configuration_error(errno) ? EXIT_BAD_CONFIG : EXIT_TRY_LATER;
                return -1;
        }
        if (!rootlock_server_is_at_work(store->root, settings->mkts_listen_port, why))
                return 0;
        *exit_code = EXIT_TRY_LATER;
        return -1;
}

static int open_ledger(struct store *store, int *exit_code, char why[REASON_SIZE])
{
        store->ledger = ledger_open(&store->setup.settings, exit_code, why);
        if (store->ledger == NULL)
                return -1;
        if (ledger_load(store->ledger, store, why) == 0 && tickledger_redo(store->ledger, store, why) == 0)
                return 0;
        *exit_code = EXIT_TRY_LATER;
        return -1;
}

struct store *store_open(const struct child_setup *setup, struct governor_page *governor,
    const struct store_events *events, int *exit_code, char why[REASON_SIZE])
{
        if (!configuration_is_usable(&setup->settings, why)) {
                *exit_code = EXIT_BAD_CONFIG;
                return NULL;
        }
        struct store *store = calloc(1, sizeof(*store));
        store_require_memory(store != NULL && (store->run = calloc(1, sizeof(*store->run))) != NULL ? 0 : -1);
        store->setup = *setup;
        store->governor = governor;
        store->events = *events;
        store->root_fd = -1;
        store->exchange_us = -1;
        store->fixed_horizon_us = INT64_MAX;
        store->catalogue.taken_us = -1;
        store->sink = setup->settings.store_type == STORE_SERVER ? &barserver : &barfiles;
        store->tick_sink = setup->settings.store_type == STORE_SERVER ? &tickserver : &tickfiles;
        openfiles_init(store);
        tickfiles_init(store);
        if (take_root(store, exit_code, why) < 0 || open_ledger(store, exit_code, why) < 0) {
                store_close(store);
                return NULL;
        }
        wanted_configure(store);
        store_report_disk(store);
        return store;
}

void store_close(struct store *store)
{
        if (store == NULL)
                return;
        store->sink->close(store);
        tickfiles_close_all(store);
        for (size_t i = 0; i < LEASES_MAX; i++) {
                if (store->leases[i].used)
                        store_release_job(store, store->leases[i].job.lease, JOB_FAILURE_STOPPED, "the writer ends");
        }
        ledger_close(store->ledger);
        bucketset_free(store);
        tickset_free(store);
        catalogue_free(&store->catalogue);
        free(store->wants);
        free(store->offgrid);
        free(store->differences);
        free(store->run);
        if (store->root_fd >= 0)
                (void)close(store->root_fd); // and with it the lock
        free(store);
}

void store_reconfigure(struct store *store, const struct child_setup *setup)
{
        char why[REASON_SIZE];

        if (!configuration_is_usable(&setup->settings, why)) {
                log_error("%s; the old configuration stays", why);
                return;
        }
        uint64_t incarnation = store->setup.incarnation; // leases carry it
        store->setup = *setup;
        store->setup.incarnation = incarnation;
        // Refused buckets get another look: what was wrong with their files may have been mended.
        for (size_t i = 0; i < store->buckets_count; i++) {
                if (!store->buckets[i]->refused)
                        continue;
                store->buckets[i]->refused = store->buckets[i]->prepared = store->buckets[i]->schema_known = false;
                bucket_set_why(store, store->buckets[i], "");
        }
        wanted_configure(store);
}

int64_t store_cursor(const struct store *store)
{
        return store->row_durable;
}

int64_t store_row_seen(const struct store *store)
{
        int64_t row = store->row_durable;

        for (size_t i = 0; i < store->ticks.count; i++) {
                if (store->ticks.buckets[i]->seen.row > row)
                        row = store->ticks.buckets[i]->seen.row;
        }
        return row;
}

int store_pass_time(struct store *store, int64_t now_us)
{
        if (now_us == INT64_MAX)
                return ticklive_close_all(store);
        if (now_us > store->ticks.clock_us)
                store->ticks.clock_us = now_us;
        return ticklive_close_over(store);
}

bool store_is_away_for_good(const struct store *store, char text[REASON_SIZE])
{
        return serverstore_is_given_up(store, text);
}

const struct catalogue_entry *store_catalogue(const struct store *store, size_t *count, uint64_t *generation)
{
        *count = store->catalogue.count;
        *generation = store->catalogue.generation;
        return store->catalogue.entries;
}

static void note_quarantine(struct store *store, const void *bytes, size_t length, int64_t spool_row)
{
        struct batch_view view;
        const char *why;

        if (batch_open(bytes, length, &view, &why) < 0)
                return; // damaged: its bars are found missing like any others
        for (size_t i = 0; i < view.header.streams; i++) {
                const struct stream_id *stream = &view.streams[i];

                ticklive_boundary(store, stream, "a batch of its stream is kept in quarantine",
                    (struct tick_place){spool_row, UINT32_MAX});
                if (stream->kind != STREAM_KLINE || stream->interval >= INTERVAL_COUNT)
                        continue;
                struct bucket_state *bucket = bucketset_get(store, stream->symbol, (enum interval)stream->interval);
                bucket->boundary_open = true;
                (void)snprintf(bucket->boundary_reason, sizeof(bucket->boundary_reason),
                    "a batch of its stream is kept in quarantine");
                bucket_row_changed(store, bucket);
        }
}

int store_quarantine(struct store *store, const void *bytes, size_t length, int64_t spool_row, const char *reason)
{
        if (ledger_quarantine(store->ledger, bytes, length, spool_row, reason) < 0)
                return -1;
        log_error(
            "spool row %lld (%zu bytes) is kept in quarantine: %s; what it held is fetched again where that can be "
            "done",
            (long long)spool_row, length, reason);
        note_quarantine(store, bytes, length, spool_row);
        atomic_fetch_add(&store->governor->batches_quarantined, 1);
        store->row_applied = spool_row;
        store_mark_dirty(store, 0, true);
        return 0;
}
