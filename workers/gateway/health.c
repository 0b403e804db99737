// SPDX-License-Identifier: Apache-2.0
// GET /healthz: this process answers. GET /readyz: data is taken, kept and can be read; where it is not, which part.
#include "workers/gateway/gateway.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct work *health_begin(void *context, const struct request *request)
{
        (void)context;
        (void)request;
        return work_text(200, "ok");
}

// States of a class: how many children there are, and how many of them are ready.
static void count_children(struct governor_page *page, enum child_class class, unsigned *all, unsigned *ready)
{
        *all = *ready = 0;
        for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
                const struct vitals *vitals = &page->vitals[slot];

                if (atomic_load(&vitals->class) != (uint32_t) class || atomic_load(&vitals->state) == CHILD_DOWN)
                        continue;
                ++*all;
                *ready += atomic_load(&vitals->state) == CHILD_READY;
        }
}

struct work *ready_begin(void *context, const struct request *request)
{
        struct gateway *gateway = context;
        struct governor_page *page = gateway->child.governor;
        char why[REASON_SIZE];
        unsigned all, ready;

        (void)request;
        count_children(page, CHILD_WRITER, &all, &ready);
        if (ready == 0)
                return work_text(503, "the writer is not ready");
        if (atomic_load(&page->disk_full) != 0)
                return work_text(503, "the disk is full; nothing is acknowledged");
        if (gateway_ledger(gateway, why) == NULL)
                return work_text(503, "%s", why);
        const struct settings *settings = &gateway->child.setup->settings;
        if (settings->store_type == STORE_FILES && access(settings->root_directory, R_OK | X_OK) != 0)
                return work_text(503, "the store cannot be read");
        if (atomic_load(&page->store_away_since_wall_ns) != 0)
                return work_text(503, "the store server cannot be reached");
        count_children(page, CHILD_STREAM, &all, &ready);
        if (all > 0 && ready == 0)
                return work_text(503, "none of %u stream workers is ready", all);
        return work_text(200, "ready");
}
