// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/snapshots.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/stream/depthstream.h"
#include "workers/stream/restanswer.h"
#include "workers/stream/streamtype.h"
#include "workers/stream/worker.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP_MS 50
#define ANSWER_WITHIN_MS 20000 // a depth answer comes from the exchange's memory
#define SNAPSHOT_WEIGHT 50     // of /api/v3/depth with limit 501 to 1000
#define WHOLE_BUDGET 1000

_Static_assert(DEPTH_SNAPSHOT_LEVELS > 500 && DEPTH_SNAPSHOT_LEVELS <= 1000, "the weight is that of this limit");

static mono_time after_ms(mono_time now, int64_t ms)
{
        return (mono_time){now.us + ms * US_PER_MS};
}

static struct governor_page *governor(const struct snapshots *snapshots)
{
        return snapshots->worker->child.governor;
}

static struct depth_clocks clocks_now(struct snapshots *snapshots)
{
        int64_t exchange_us = governor_exchange_now_us(governor(snapshots));
        struct depth_clocks clocks = {
            .now = mono_now(), .wall = wall_now(), .random = worker_random(snapshots->worker)};

        clocks.exchange_us = exchange_us >= 0 ? exchange_us : clocks.wall.ns / 1000;
        return clocks;
}

void snapshots_init(struct snapshots *snapshots, struct worker *worker)
{
        struct stream_table *table = &worker->table;

        *snapshots = (struct snapshots){.worker = worker};
        snapshots->books = memory_zeroed(table->count + 1, sizeof(*snapshots->books));
        for (size_t i = 0; i < table->count; i++) {
                if (table->streams[i].id.kind == STREAM_DEPTH)
                        snapshots->books[snapshots->count++] = &table->streams[i];
        }
        if (snapshots->count > 0)
                snapshots->message = memory_zeroed(1, sizeof(*snapshots->message));
}

void snapshots_free(struct snapshots *snapshots)
{
        free(snapshots->books);
        free(snapshots->message);
}

// ---- answers ----

static void pause_after_failure(struct snapshots *snapshots)
{
        int64_t pause_ms = REST_BACKOFF_MS_MIN;

        for (unsigned i = 0; i < snapshots->failures && pause_ms < REST_BACKOFF_MS_MAX; i++)
                pause_ms *= 2;
        if (pause_ms > REST_BACKOFF_MS_MAX)
                pause_ms = REST_BACKOFF_MS_MAX;
        pause_ms += (int64_t)(worker_random(snapshots->worker) % (uint64_t)pause_ms);
        snapshots->failures++;
        snapshots->ask_at = after_ms(mono_now(), pause_ms);
}

static void say_failure(struct snapshots *snapshots, const char *symbol, const char *why)
{
        pause_after_failure(snapshots);
        double pause_s = (double)(snapshots->ask_at.us - mono_now().us) / 1e6;
        // Powers of two: a long outage is a few lines.
        if ((snapshots->failures & (snapshots->failures - 1)) == 0)
                log_warn("%s: no snapshot of the order book: %s; next attempt in %.1f s (%u failures in a row)", symbol,
                    why, pause_s, snapshots->failures);
}

static void on_answer(void *user, const struct ws_answer *answer)
{
        struct snapshots *snapshots = user;
        struct stream *stream = snapshots->asked;
        const char *symbol = stream->id.symbol;
        char text[REASON_SIZE];
        const char *why = restanswer_account(answer, governor(snapshots), snapshots->minute, symbol, text);

        snapshots->asked = NULL;
        snapshots->get = NULL;
        if (why == NULL)
                why = depth_read_snapshot(answer->body, answer->length, snapshots->message);
        if (why != NULL) {
                say_failure(snapshots, symbol, why);
                return;
        }
        struct depth_clocks clocks = clocks_now(snapshots);
        snapshots->failures = 0;
        depthstream_take_snapshot(stream, &snapshots->worker->sink, snapshots->message, &clocks);
}

// ---- requests ----

static void ask(struct snapshots *snapshots, struct stream *stream, mono_time now)
{
        struct worker *worker = snapshots->worker;
        char path[REST_PATH_SIZE + URL_SIZE];
        struct ws_end end = {0};

        snprintf(path, sizeof(path), "%s/api/v3/depth?symbol=%s&limit=%d", worker->rest.path, stream->id.symbol,
            DEPTH_SNAPSHOT_LEVELS);
        snapshots->minute = governor_minute(governor(snapshots));
        snapshots->asked = stream;
        snapshots->ask_at = after_ms(now, DEPTH_SNAPSHOT_SPACING_MS);
        snapshots->given_up = after_ms(now, ANSWER_WITHIN_MS);
        child_announce_ms(&worker->child, CHILD_HANG_RESOLVE_MS);
        snapshots->get = ws_get_start(
            worker->ws, &worker->rest, path, REST_PAGE_BYTES_MAX, snapshots->attempts++, on_answer, snapshots, &end);
        child_heartbeat(&worker->child);
        if (snapshots->get == NULL) {
                snapshots->asked = NULL;
                say_failure(snapshots, stream->id.symbol, end.detail);
        }
}

static void ask_next(struct snapshots *snapshots, mono_time now)
{
        for (size_t i = 0; i < snapshots->count; i++) {
                struct stream *stream = snapshots->books[(snapshots->next + i) % snapshots->count];

                if (!depthstream_wants_snapshot(stream, now))
                        continue;
                int64_t wait_ms = governor_reserve(governor(snapshots), SNAPSHOT_WEIGHT, WHOLE_BUDGET);
                if (wait_ms > 0) {
                        snapshots->ask_at =
                            after_ms(now, wait_ms < REST_ASK_AGAIN_MS_MAX ? wait_ms : REST_ASK_AGAIN_MS_MAX);
                        return;
                }
                snapshots->next = (snapshots->next + i + 1) % snapshots->count;
                ask(snapshots, stream, now);
                return;
        }
}

mono_time snapshots_step(struct snapshots *snapshots, mono_time now)
{
        if (snapshots->count == 0)
                return (mono_time){INT64_MAX};
        if (now.us < snapshots->step_at.us)
                return snapshots->step_at;
        struct depth_clocks clocks = clocks_now(snapshots);
        snapshots->step_at = after_ms(now, STEP_MS);
        for (size_t i = 0; i < snapshots->count; i++)
                depthstream_step(snapshots->books[i], &snapshots->worker->sink, &clocks);
        if (snapshots->asked != NULL && now.us >= snapshots->given_up.us) {
                const char *symbol = snapshots->asked->id.symbol;

                snapshots_stop(snapshots);
                say_failure(snapshots, symbol, "no answer within 20 s");
        }
        if (snapshots->asked == NULL && now.us >= snapshots->ask_at.us)
                ask_next(snapshots, now);
        return snapshots->step_at;
}

void snapshots_stop(struct snapshots *snapshots)
{
        if (snapshots->get != NULL)
                ws_get_cancel(snapshots->get);
        snapshots->get = NULL;
        snapshots->asked = NULL;
}
