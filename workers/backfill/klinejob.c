// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/klinejob.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/backfill/page.h"
#include "workers/backfill/pager.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One request and its page.
struct fetch {
        struct klinejob *owner;
        struct call *call;
        struct pager_request request;
        struct pager_answer answer;
        int64_t requested_us;
        bool answered;    // `answer` and `rows` are filled
        bool accepted;    // the pager knows
        bool announced;   // RECORD_PAGE is in the outbox
        size_t rows_sent; // into the outbox
        struct kline rows[REST_PAGE_ROWS_MAX];
};

struct klinejob {
        struct caller *caller;
        void (*changed)(void *context);
        void *context;
        struct job job;
        struct stream_id stream;
        struct pager pager;
        // A ring: `active` fetches from `head` on, in the order of their open times.
        struct fetch *fetches[REST_REQUESTS_IN_FLIGHT];
        unsigned head, active;
        enum call_end failure; // CALL_DONE: none
        char failure_text[REASON_SIZE];
};

static int take_page(void *context, const struct call_answer *answer, char why[REASON_SIZE])
{
        struct fetch *fetch = context;
        size_t count;

        if (page_parse(answer->body, answer->length, fetch->rows, fetch->request.rows_max, &count, why) != 0 ||
            pager_check(&fetch->owner->pager, &fetch->request, answer->requested_us, fetch->rows, count, &fetch->answer,
                why) != 0)
                return -1;
        fetch->requested_us = answer->requested_us;
        atomic_fetch_add(&fetch->owner->caller->vitals->records, fetch->answer.count);
        return 0;
}

static void page_ended(void *context, enum call_end end, const char *text)
{
        struct fetch *fetch = context;
        struct klinejob *klinejob = fetch->owner;

        if (end == CALL_DONE) {
                fetch->answered = true;
        } else if (klinejob->failure == CALL_DONE) {
                klinejob->failure = end;
                snprintf(klinejob->failure_text, sizeof(klinejob->failure_text), "%s", text);
        }
        klinejob->changed(klinejob->context);
}

static struct fetch *fetch_new(struct klinejob *klinejob)
{
        struct fetch *fetch = memory_zeroed(1, sizeof(*fetch));

        fetch->owner = klinejob;
        fetch->call = call_new(
            klinejob->caller, &(struct call_handler){.take = take_page, .ended = page_ended, .context = fetch});
        if (fetch->call == NULL) {
                free(fetch);
                return NULL;
        }
        return fetch;
}

struct klinejob *klinejob_new(struct caller *caller, void (*changed)(void *context), void *context)
{
        struct klinejob *klinejob = memory_zeroed(1, sizeof(*klinejob));

        klinejob->caller = caller;
        klinejob->changed = changed;
        klinejob->context = context;
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT; i++) {
                klinejob->fetches[i] = fetch_new(klinejob);
                if (klinejob->fetches[i] == NULL) {
                        klinejob_free(klinejob);
                        return NULL;
                }
        }
        return klinejob;
}

void klinejob_free(struct klinejob *klinejob)
{
        if (klinejob == NULL)
                return;
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT; i++) {
                if (klinejob->fetches[i] != NULL)
                        call_free(klinejob->fetches[i]->call);
                free(klinejob->fetches[i]);
        }
        free(klinejob);
}

static struct fetch *fetch_at(struct klinejob *klinejob, unsigned place)
{
        return klinejob->fetches[(klinejob->head + place) % REST_REQUESTS_IN_FLIGHT];
}

void klinejob_start(struct klinejob *klinejob, const struct job *job, int64_t exchange_now_us)
{
        klinejob_cancel(klinejob);
        klinejob->job = *job;
        klinejob->failure = CALL_DONE;
        klinejob->stream = (struct stream_id){.kind = STREAM_KLINE, .interval = (uint8_t)job->interval};
        memcpy(klinejob->stream.symbol, job->symbol, sizeof(klinejob->stream.symbol));
        pager_init(&klinejob->pager, (enum interval)job->interval, job->page_rows, job->start_us, job->end_us,
            exchange_now_us);
}

// Keeps as many requests under way as may be.
static void ask(struct klinejob *klinejob)
{
        uint32_t share = klinejob->job.purpose == JOB_SETTLE ? SHARE_SETTLE : SHARE_WHOLE;
        struct pager_request request;
        struct rest_query query;

        while (klinejob->active < REST_REQUESTS_IN_FLIGHT && pager_next(&klinejob->pager, &request)) {
                struct fetch *fetch = fetch_at(klinejob, klinejob->active++);

                fetch->request = request;
                fetch->answered = fetch->accepted = fetch->announced = false;
                fetch->rows_sent = 0;
                rest_query_klines(&query, klinejob->job.symbol, (enum interval)klinejob->job.interval, request.start_us,
                    request.end_us, request.rows_max);
                call_start(fetch->call, &query, share);
        }
}

// Drops all but the first fetch.
static void drop_later(struct klinejob *klinejob)
{
        while (klinejob->active > 1)
                call_cancel(fetch_at(klinejob, --klinejob->active)->call);
}

// True when the page is wholly in the outbox.
static bool push_page(struct klinejob *klinejob, struct fetch *fetch, struct outbox *outbox)
{
        struct record_page page = {
            .start_us = fetch->request.start_us,
            .end_us = fetch->request.end_us,
            .answered_until_us = fetch->answer.answered_until_us,
            .requested_us = fetch->requested_us,
            .rows = (uint32_t)fetch->answer.count,
        };

        if (page.answered_until_us == page.start_us)
                return true; // it says nothing, its second question will
        if (!fetch->announced && outbox_page(outbox, &klinejob->stream, &page) != 0)
                return false;
        fetch->announced = true;
        for (; fetch->rows_sent < fetch->answer.count; fetch->rows_sent++) {
                const struct kline *row = &fetch->rows[fetch->rows_sent];

                if (outbox_row(outbox, RECORD_KLINE, &klinejob->stream, row, sizeof(*row)) != 0)
                        return false;
        }
        return true;
}

enum step klinejob_step(struct klinejob *klinejob, struct outbox *outbox)
{
        if (klinejob->failure != CALL_DONE)
                return STEP_FAILED;
        for (;;) {
                ask(klinejob);
                if (klinejob->active == 0)
                        break;
                struct fetch *first = fetch_at(klinejob, 0);
                if (!first->answered)
                        break;
                if (!first->accepted && pager_accept(&klinejob->pager, &first->request, &first->answer))
                        drop_later(klinejob);
                first->accepted = true;
                ask(klinejob); // before the writer is waited for
                if (!push_page(klinejob, first, outbox))
                        break;
                klinejob->head = (klinejob->head + 1) % REST_REQUESTS_IN_FLIGHT;
                klinejob->active--;
        }
        return klinejob->active == 0 && pager_is_done(&klinejob->pager) ? STEP_COMPLETE : STEP_WAITS;
}

int64_t klinejob_answered_until_us(const struct klinejob *klinejob)
{
        return klinejob->pager.answered_us;
}

enum call_end klinejob_failure(const struct klinejob *klinejob, const char **text)
{
        *text = klinejob->failure_text;
        return klinejob->failure;
}

void klinejob_cancel(struct klinejob *klinejob)
{
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT; i++)
                call_cancel(klinejob->fetches[i]->call);
        klinejob->active = 0;
}
