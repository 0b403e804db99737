// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/call.h"

#include "common/answer.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/backfill/backoff.h"
#include "workers/backfill/explain.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BAN_NEWS_MS 5000 // a ban longer by this than the one that holds is told

struct call {
        struct caller *caller;
        struct call_handler handler;
        struct http_request *request;
        struct event *timer;
        struct rest_query query;
        uint32_t share_permille;
        uint32_t attempts; // of no use so far
        uint32_t minute;   // in which it was sent
        int64_t requested_us;
        boot_time sent;
};

static void wait_ms(struct call *call, int64_t ms)
{
        if (ms < 1)
                ms = 1;
        if (ms > REST_ASK_AGAIN_MS_MAX)
                ms = REST_ASK_AGAIN_MS_MAX;
        struct timeval delay = {ms / 1000, ms % 1000 * 1000};
        evtimer_add(call->timer, &delay);
}

// Sends as soon as backoff and budget allow.
static void try_to_send(struct call *call)
{
        struct caller *caller = call->caller;
        int64_t wait = mono_since_ms(caller->hold_until, mono_now());

        if (wait <= 0)
                wait = governor_reserve(caller->governor, call->query.weight, call->share_permille);
        if (wait > 0) {
                wait_ms(call, wait);
                return;
        }
        call->minute = governor_minute(caller->governor);
        call->requested_us = governor_exchange_now_us(caller->governor);
        call->sent = boot_now();
        atomic_fetch_add(&caller->vitals->messages, 1);
        if (http_request_start(call->request, call->query.path, call->query.microseconds, call->query.body_bytes_max) !=
            0) {
                log_error("cannot start a request: %m; trying again");
                wait_ms(call, REST_BACKOFF_MS_MAX);
        }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        (void)fd;
        (void)what;
        try_to_send(context);
}

static void finish(struct call *call, enum call_end end, const char *text)
{
        call->handler.ended(call->handler.context, end, text);
}

// An answer of no use, or none: backoff, or the end of this call.
static void try_again(struct call *call, const char *text, bool answered)
{
        struct caller *caller = call->caller;

        call->attempts++;
        caller->failures++;
        uint32_t exponent = call->attempts > caller->failures ? call->attempts : caller->failures;
        int64_t delay_ms = backoff_ms(exponent, backoff_random());
        caller->hold_until = (mono_time){mono_now().us + delay_ms * US_PER_MS};
        log_debug("GET %s: %s", call->query.path, text);
        if (call->attempts >= REST_ATTEMPTS_MAX) {
                finish(call, CALL_UNREACHABLE, text);
                return;
        }
        // The first may be chance, and an operator needs no line for each of the rest. No answer at all is explained
        // for all workers together.
        if (call->attempts == 2 && answered)
                log_warn("GET %s failed twice (%s); trying on, more and more slowly", call->query.path, text);
        wait_ms(call, delay_ms);
}

static void take_answer(struct call *call, const struct http_answer *http)
{
        struct caller *caller = call->caller;
        char why[REASON_SIZE] = "";
        struct call_answer answer = {
            .body = http->body,
            .length = http->length,
            .requested_us = call->requested_us,
            .sent = call->sent,
            .arrived = boot_now(),
        };

        if (call->handler.take(call->handler.context, &answer, why) != 0) {
                atomic_fetch_add(&caller->vitals->malformed, 1);
                log_warn("GET %s: an answer that cannot be right: %s; asking again", call->query.path, why);
                try_again(call, why, true);
                return;
        }
        caller->failures = caller->restricted = 0;
        finish(call, CALL_DONE, "");
}

static void keep_ban(struct call *call, const struct answer *answer)
{
        struct caller *caller = call->caller;
        // Requests under way get the same answer, here and in other workers: one line is enough.
        int64_t before_ms = governor_ban_remaining_ms(caller->governor);
        bool news = before_ms == 0 || answer->ban_seconds * 1000 > before_ms + BAN_NEWS_MS;

        governor_ban(caller->governor, answer->ban_status, answer->ban_seconds);
        if (answer->ban_status == 451) {
                caller->restricted++;
                explain_restricted(caller->governor, caller->base_url, answer->ban_seconds);
        } else if (news) {
                log_warn("HTTP %u to GET %s: no process sends requests for %lld s, then it is asked again (%s)",
                    answer->ban_status, call->query.path, (long long)answer->ban_seconds, answer->text);
        }
        wait_ms(call, governor_ban_remaining_ms(caller->governor));
}

// Who else uses this address shows in the header, and the exchange's minute in its Date.
static void note_headers(struct call *call, const struct http_answer *http)
{
        struct governor_page *governor = call->caller->governor;

        if (http->date_s >= 0)
                governor_date_header(governor, http->date_s);
        if (http->used_weight >= 0)
                governor_used_header(
                    governor, call->minute, http->used_weight > UINT32_MAX ? UINT32_MAX : (uint32_t)http->used_weight);
}

static int64_t now_for_bans_ms(const struct governor_page *governor)
{
        int64_t now_us = governor_exchange_now_us(governor);

        return now_us >= 0 ? now_us / US_PER_MS : wall_now().ns / 1000000;
}

// Binance's hosts of public market data alone are all called so.
static bool is_public_host(const char *base_url)
{
        return strstr(base_url, "://data-api.") != NULL;
}

static void on_answer(void *context, const struct http_answer *http)
{
        struct call *call = context;
        struct caller *caller = call->caller;
        struct answer answer;

        atomic_store(&caller->vitals->last_message_us, boot_now().us);
        if (http->status == 0)
                explain_unreachable(caller->governor, caller->base_url, http->error, http->untrusted);
        else
                explain_reached(caller->governor, caller->base_url);
        note_headers(call, http);
        answer_judge(&(struct answer_input){.status = http->status,
                         .error = http->error,
                         .body = http->body,
                         .length = http->length,
                         .retry_after_s = http->retry_after_s,
                         .now_ms = now_for_bans_ms(caller->governor),
                         .restricted = caller->restricted,
                         .may_lack = call->query.may_lack,
                         .public_host = is_public_host(caller->base_url)},
            &answer);
        if (answer.malformed)
                atomic_fetch_add(&caller->vitals->malformed, 1);
        switch (answer.verdict) {
        case ANSWER_OK: take_answer(call, http); break;
        case ANSWER_RETRY: try_again(call, answer.text, http->status != 0); break;
        case ANSWER_BAN: keep_ban(call, &answer); break;
        case ANSWER_REFUSED: finish(call, CALL_REFUSED, answer.text); break;
        case ANSWER_SYMBOL: finish(call, CALL_NO_SYMBOL, answer.text); break;
        }
}

struct call *call_new(struct caller *caller, const struct call_handler *handler)
{
        struct call *call = memory_zeroed(1, sizeof(*call));

        call->caller = caller;
        call->handler = *handler;
        call->timer = evtimer_new(caller->base, on_timer, call);
        call->request = http_request_new(caller->http, on_answer, call);
        if (call->timer == NULL || call->request == NULL) {
                call_free(call);
                return NULL;
        }
        return call;
}

void call_free(struct call *call)
{
        if (call == NULL)
                return;
        http_request_free(call->request);
        if (call->timer != NULL)
                event_free(call->timer);
        free(call);
}

void call_start(struct call *call, const struct rest_query *query, uint32_t share_permille)
{
        call->query = *query;
        call->share_permille = share_permille;
        call->attempts = 0;
        try_to_send(call);
}

void call_cancel(struct call *call)
{
        evtimer_del(call->timer);
        http_request_cancel(call->request);
}
