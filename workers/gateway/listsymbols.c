// SPDX-License-Identifier: Apache-2.0
// DataService.ListSymbols: the symbols of the store, or (format "tbk") its buckets, as they lie in the tree, so that
// what is listed here is what a stock server lists.
#include "common/memory.h"
#include "workers/gateway/method.h"
#include "workers/gateway/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list_work {
        struct method_work work;
        const char *root;
        bool buckets;
        size_t at; // symbol whose buckets come next
        struct names symbols, found;
};

static void pack_names(const struct names *names, struct body *body)
{
        pack_map(body, 1);
        pack_text(body, "Results");
        pack_array(body, names->count);
        for (size_t i = 0; i < names->count; i++)
                pack_text(body, names->items[i]);
}

static enum work_state step(struct method_work *method, struct body *body, char why[REASON_SIZE])
{
        struct list_work *work = (struct list_work *)method;
        size_t end = work->found.count + GATEWAY_BUCKETS_PER_TURN;

        while (work->buckets && work->at < work->symbols.count) {
                if (work->found.count >= end)
                        return WORK_MORE;
                // One that is removed meanwhile is not there.
                if (tree_list_buckets(work->root, work->symbols.items[work->at], &work->found) != 0 &&
                    errno != ENOENT) {
                        snprintf(why, REASON_SIZE, "%s cannot be listed: %s", work->symbols.items[work->at],
                            strerror(errno));
                        return WORK_ABORT;
                }
                work->at++;
        }
        pack_names(work->buckets ? &work->found : &work->symbols, body);
        return WORK_DONE;
}

static void release(struct method_work *method)
{
        struct list_work *work = (struct list_work *)method;

        names_release(&work->symbols);
        names_release(&work->found);
        free(work);
}

struct method_work *listsymbols_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE])
{
        const char *format = "symbol";
        size_t length = strlen(format);

        if (map_text(params, "format", &format, &length, why) != 0)
                return NULL;
        bool buckets = length == 3 && memcmp(format, "tbk", 3) == 0;
        if (!buckets && length != 0 && (length != 6 || memcmp(format, "symbol", 6) != 0)) {
                snprintf(why, REASON_SIZE, "format is none; accepted: symbol, tbk");
                return NULL;
        }
        struct list_work *work = memory_zeroed(1, sizeof(*work));
        work->work = (struct method_work){step, release};
        work->root = root;
        work->buckets = buckets;
        if (tree_list_symbols(root, &work->symbols) != 0) {
                snprintf(why, REASON_SIZE, "the store cannot be listed: %s", strerror(errno));
                release(&work->work);
                return NULL;
        }
        return &work->work;
}
