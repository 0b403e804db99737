// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/clocksync.h"

#include "common/log.h"
#include "common/memory.h"
#include "common/servertime.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARE_WHOLE 1000

struct clocksync {
        struct caller *caller;
        struct call *call;
        void (*changed)(void *context);
        void *context;
        bool running;
        char error[REASON_SIZE];
};

static void tell_difference(int64_t server_us)
{
        int64_t own_us = wall_now().ns / 1000;
        char text[TIME_TEXT_SIZE];

        if (llabs(server_us - own_us) >= SERVERTIME_DIFFERENCE_US)
                log_info("it is %s by the exchange's clock: this host's is %lld s %s", time_format_us(server_us, text),
                    (long long)(llabs(server_us - own_us) / US_PER_S), own_us > server_us ? "ahead" : "behind");
}

static int take_time(void *context, const struct call_answer *answer, char why[REASON_SIZE])
{
        struct clocksync *clocksync = context;
        int64_t server_us = servertime_parse(answer->body, answer->length, why);

        if (server_us < 0)
                return -1;
        boot_time middle = {answer->sent.us + (answer->arrived.us - answer->sent.us) / 2};
        if (atomic_load(&clocksync->caller->governor->clock_synced_us) == 0)
                tell_difference(server_us);
        governor_clock_sync(clocksync->caller->governor, server_us, middle);
        return 0;
}

static void time_ended(void *context, enum call_end end, const char *text)
{
        struct clocksync *clocksync = context;

        clocksync->running = false;
        snprintf(clocksync->error, sizeof(clocksync->error), "%s", end == CALL_DONE ? "" : text);
        clocksync->changed(clocksync->context);
}

struct clocksync *clocksync_new(struct caller *caller, void (*changed)(void *context), void *context)
{
        struct clocksync *clocksync = memory_zeroed(1, sizeof(*clocksync));

        clocksync->caller = caller;
        clocksync->changed = changed;
        clocksync->context = context;
        clocksync->call =
            call_new(caller, &(struct call_handler){.take = take_time, .ended = time_ended, .context = clocksync});
        if (clocksync->call == NULL) {
                free(clocksync);
                return NULL;
        }
        return clocksync;
}

void clocksync_free(struct clocksync *clocksync)
{
        if (clocksync == NULL)
                return;
        call_free(clocksync->call);
        free(clocksync);
}

void clocksync_start(struct clocksync *clocksync)
{
        struct rest_query query;

        if (clocksync->running)
                return;
        clocksync->running = true;
        clocksync->error[0] = '\0';
        rest_query_time(&query);
        call_start(clocksync->call, &query, SHARE_WHOLE);
}

bool clocksync_is_running(const struct clocksync *clocksync)
{
        return clocksync->running;
}

const char *clocksync_error(const struct clocksync *clocksync)
{
        return clocksync->error;
}

bool clocksync_is_fresh(const struct governor_page *governor, int64_t age_s)
{
        int64_t synced_us = atomic_load(&governor->clock_synced_us);

        return synced_us != 0 && boot_now().us - synced_us <= age_s * US_PER_S;
}
