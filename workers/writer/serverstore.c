// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/serverstore.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/writer/storestate.h"
#include "workers/writer/tickserver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// ---- events of the sink ----

static void on_blocks(void *context, int64_t ms)
{
        struct store *store = context;

        if (store->events.blocks != NULL)
                store->events.blocks(store->events.context, ms);
}

static void on_away(void *context, const char *why)
{
        struct store *store = context;
        int64_t since_ns = atomic_load(&store->governor->store_away_since_wall_ns);
        int64_t now_ns = wall_now().ns;

        if (why != NULL) {
                store->server->away_since = mono_now();
                atomic_store(&store->governor->store_away_since_wall_ns, now_ns);
                if (store->setup.one_shot)
                        log_error("store server %s is unreachable: %s; it is waited for %d s", store->root, why,
                            SINK_GIVE_UP_MS / 1000);
                else
                        log_error("store server %s is unreachable: %s; what comes in waits in the spool, history waits "
                                  "too",
                            store->root, why);
                return;
        }
        atomic_store(&store->governor->store_away_since_wall_ns, 0);
        log_info("store server %s answers again after %lld s; what waited is sent now", store->root,
            (long long)((now_ns - since_ns) / 1000000000));
}

static void on_renewed(void *context)
{
        tickserver_renewed(context);
}

// ---- life ----

int serverstore_open(struct store *store, char why[REASON_SIZE])
{
        const struct sink_events events = {on_blocks, on_away, on_renewed, store};
        struct server_store *server = memory_zeroed(1, sizeof(*server));

        server->store = store;
        server->opened_at = mono_now();
        store->server = server;
        server->sink = sink_new(store->setup.settings.store_url, &events);
        if (server->sink != NULL) {
                (void)sink_probe(server->sink);
                return 0;
        }
        (void)snprintf(why, REASON_SIZE, "libcurl cannot be set up");
        errno = EIO;
        return -1;
}

void serverstore_close(struct store *store)
{
        struct server_store *server = store->server;

        if (server == NULL)
                return;
        atomic_store(&store->governor->store_away_since_wall_ns, 0);
        sink_free(server->sink);
        tickserver_free(server);
        free(server->bar_rows);
        free(server);
        store->server = NULL;
}

bool serverstore_is_away(const struct store *store)
{
        return sink_is_away(store->server->sink) && sink_probe(store->server->sink) < 0;
}

bool serverstore_is_given_up(const struct store *store, char text[REASON_SIZE])
{
        if (store->server == NULL || !store->setup.one_shot || !serverstore_is_away(store) ||
            mono_since_ms(mono_now(), store->server->away_since) < SINK_GIVE_UP_MS)
                return false;
        (void)snprintf(text, REASON_SIZE, "store server %.90s was unreachable for %d s; try again when it is there",
            store->root, SINK_GIVE_UP_MS / 1000);
        return true;
}

int serverstore_sync(struct store *store)
{
        if (sink_confirm(store->server->sink) < 0)
                return -1;
        return tickserver_inspect(store);
}
