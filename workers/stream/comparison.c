// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/comparison.h"

#include "common/log.h"
#include "workers/stream/restanswer.h"
#include "workers/stream/worker.h"

#include <inttypes.h>
#include <stdio.h>

#define ANSWER_WITHIN_MS 20000
#define ANSWER_BYTES_MAX 4096 // one trade, or none
#define TRADES_WEIGHT 4       // of /api/v3/aggTrades
#define WHOLE_BUDGET 1000

static struct governor_page *governor(const struct comparison *comparison)
{
        return comparison->worker->child.governor;
}

const char *comparison_read(const char *body, size_t length, enum comparison_verdict *verdict)
{
        struct json json, inside;

        json_begin(&json, body, length);
        char first = json_peek(&json);
        inside = json;
        if (first != '[' || !json_skip_value(&json) || !json_at_end(&json))
                return "the answer is no list";
        inside.at++;
        *verdict = json_peek(&inside) == ']' ? COMPARISON_NOTHING_NEWER : COMPARISON_AHEAD;
        return NULL;
}

static void tell(struct comparison *comparison, enum comparison_verdict verdict, const char *why)
{
        struct carrier *carrier = comparison->asking;

        if (why != NULL)
                log_info("%s: whether its silent stream misses something is not known: %s; asked again in a minute",
                    comparison->symbol, why);
        comparison->asking = NULL;
        comparison->get = NULL;
        carrier_take_comparison(carrier, verdict);
}

static void on_answer(void *user, const struct ws_answer *answer)
{
        struct comparison *comparison = user;
        enum comparison_verdict verdict = COMPARISON_UNANSWERED;
        char text[REASON_SIZE];
        const char *why =
            restanswer_account(answer, governor(comparison), comparison->minute, comparison->symbol, text);

        if (why == NULL)
                why = comparison_read(answer->body, answer->length, &verdict);
        tell(comparison, verdict, why);
}

bool comparison_ask(
    struct comparison *comparison, struct carrier *carrier, const char *symbol, int64_t since_us, mono_time now)
{
        struct worker *worker = comparison->worker;
        char path[REST_PATH_SIZE + URL_SIZE];
        struct ws_end end = {0};

        if (comparison->asking != NULL || governor_reserve(governor(comparison), TRADES_WEIGHT, WHOLE_BUDGET) > 0)
                return false;
        snprintf(path, sizeof(path), "%s/api/v3/aggTrades?symbol=%s&startTime=%" PRId64 "&limit=1", worker->rest.path,
            symbol, since_us / US_PER_MS + 1);
        comparison->minute = governor_minute(governor(comparison));
        comparison->asking = carrier;
        comparison->symbol = symbol;
        comparison->given_up = (mono_time){now.us + ANSWER_WITHIN_MS * US_PER_MS};
        child_announce_ms(&worker->child, CHILD_HANG_RESOLVE_MS);
        comparison->get = ws_get_start(
            worker->ws, &worker->rest, path, ANSWER_BYTES_MAX, comparison->attempts++, on_answer, comparison, &end);
        child_heartbeat(&worker->child);
        if (comparison->get == NULL)
                tell(comparison, COMPARISON_UNANSWERED, end.detail);
        return true;
}

void comparison_step(struct comparison *comparison, mono_time now)
{
        if (comparison->asking == NULL || now.us < comparison->given_up.us)
                return;
        ws_get_cancel(comparison->get);
        tell(comparison, COMPARISON_UNANSWERED, "no answer within 20 s");
}

void comparison_stop(struct comparison *comparison)
{
        if (comparison->get != NULL)
                ws_get_cancel(comparison->get);
        comparison->get = NULL;
        comparison->asking = NULL;
}
