// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/tickjob.h"

#include "common/log.h"
#include "common/memory.h"
#include "workers/backfill/idpager.h"
#include "workers/backfill/idseek.h"
#include "workers/backfill/tickpage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One request and its page.
struct fetch {
        struct tickjob *owner;
        struct call *call;
        struct idpager_request request;
        struct idpager_answer answer;
        int64_t requested_us;
        bool answered;    // `answer` and `page` are filled
        bool accepted;    // the pager knows
        bool announced;   // RECORD_ID_PAGE is in the outbox
        size_t rows_sent; // into the outbox
        struct tickpage page;
};

// The search for the ids, before any page.
struct search {
        struct idseek seek;
        struct idseek_request request;
        struct call *call;
        int64_t requested_us;
        bool asking, over;
        struct tickpage page;
};

struct tickjob {
        struct caller *caller;
        void (*changed)(void *context);
        void *context;
        struct job job;
        enum tick_kind kind;
        struct stream_id stream;
        struct search search;
        struct idpager pager;
        // A ring: `active` fetches from `head` on, in the order of their ids.
        struct fetch *fetches[REST_REQUESTS_IN_FLIGHT];
        unsigned head, active;
        int64_t newest_id;      // highest id seen
        int64_t newest_time_us; // of a row handed over, -1: none
        bool ended;             // the exchange had nothing more, before the job's last id
        enum call_end failure;  // CALL_DONE: none
        char failure_text[REASON_SIZE];
};

static void note_failure(struct tickjob *tickjob, enum call_end end, const char *text)
{
        if (tickjob->failure != CALL_DONE)
                return;
        tickjob->failure = end;
        snprintf(tickjob->failure_text, sizeof(tickjob->failure_text), "%s", text);
}

static uint32_t share(const struct tickjob *tickjob)
{
        return tickjob->job.purpose == JOB_SETTLE ? SHARE_SETTLE : SHARE_WHOLE;
}

// ---- the search ----

static int take_search(void *context, const struct call_answer *answer, char why[REASON_SIZE])
{
        struct search *search = &((struct tickjob *)context)->search;

        search->requested_us = answer->requested_us;
        if (tickpage_parse(
                answer->body, answer->length, TICK_AGG_TRADE, search->request.rows_max, &search->page, why) != 0)
                return -1;
        return idseek_take(&search->seek, &search->request, &search->page, why);
}

static void search_ended(void *context, enum call_end end, const char *text)
{
        struct tickjob *tickjob = context;

        tickjob->search.asking = false;
        if (end != CALL_DONE)
                note_failure(tickjob, end, text);
        tickjob->changed(tickjob->context);
}

static void ask_search(struct tickjob *tickjob)
{
        struct search *search = &tickjob->search;
        const struct idseek_request *request = &search->request;
        const char *symbol = tickjob->job.symbol;
        struct rest_query query;

        if (request->from_id >= 0)
                rest_query_agg_trades(&query, symbol, request->from_id, request->rows_max);
        else if (request->start_us >= 0)
                rest_query_agg_trades_since(&query, symbol, request->start_us, request->rows_max);
        else
                rest_query_agg_trades_newest(&query, symbol, request->rows_max);
        search->asking = true;
        call_start(search->call, &query, share(tickjob));
}

// True when the ids are known and the pages may begin.
static bool search_is_over(struct tickjob *tickjob)
{
        struct search *search = &tickjob->search;
        const struct idseek *seek = &search->seek;

        if (search->over)
                return true;
        if (search->asking)
                return false;
        if (idseek_next(seek, &search->request)) {
                ask_search(tickjob);
                return false;
        }
        search->over = true;
        tickjob->newest_id = seek->newest_id;
        idpager_init(&tickjob->pager, tickjob->job.page_rows, seek->first_id, seek->last_id);
        return true;
}

// ---- pages ----

static int take_page(void *context, const struct call_answer *answer, char why[REASON_SIZE])
{
        struct fetch *fetch = context;
        struct tickjob *tickjob = fetch->owner;
        struct tickpage *page = &fetch->page;

        if (tickpage_parse(answer->body, answer->length, tickjob->kind, fetch->request.rows_max, page, why) != 0 ||
            idpager_check(
                &tickjob->pager, &fetch->request, page->ids, page->count, page->received, &fetch->answer, why) != 0)
                return -1;
        fetch->requested_us = answer->requested_us;
        if (page->count > 0 && page->ids[page->count - 1] > tickjob->newest_id)
                tickjob->newest_id = page->ids[page->count - 1];
        atomic_fetch_add(&tickjob->caller->vitals->records, fetch->answer.count);
        return 0;
}

static void page_ended(void *context, enum call_end end, const char *text)
{
        struct fetch *fetch = context;

        if (end == CALL_DONE)
                fetch->answered = true;
        else
                note_failure(fetch->owner, end, text);
        fetch->owner->changed(fetch->owner->context);
}

static struct fetch *fetch_at(struct tickjob *tickjob, unsigned place)
{
        return tickjob->fetches[(tickjob->head + place) % REST_REQUESTS_IN_FLIGHT];
}

// Keeps as many requests under way as may be.
static void ask(struct tickjob *tickjob)
{
        struct idpager_request request;
        struct rest_query query;

        while (tickjob->active < REST_REQUESTS_IN_FLIGHT && idpager_next(&tickjob->pager, &request)) {
                struct fetch *fetch = fetch_at(tickjob, tickjob->active++);

                fetch->request = request;
                fetch->answered = fetch->accepted = fetch->announced = false;
                fetch->rows_sent = 0;
                if (tickjob->kind == TICK_TRADE)
                        rest_query_trades(&query, tickjob->job.symbol, request.first_id, request.rows_max);
                else
                        rest_query_agg_trades(&query, tickjob->job.symbol, request.first_id, request.rows_max);
                call_start(fetch->call, &query, share(tickjob));
        }
}

static void accept(struct tickjob *tickjob, struct fetch *fetch)
{
        fetch->accepted = true;
        tickjob->ended = tickjob->ended || fetch->answer.ended;
        if (!idpager_accept(&tickjob->pager, &fetch->request, &fetch->answer, fetch->page.ids, fetch->page.count))
                return;
        while (tickjob->active > 1)
                call_cancel(fetch_at(tickjob, --tickjob->active)->call);
}

// True when the page is wholly in the outbox.
static bool push_page(struct tickjob *tickjob, struct fetch *fetch, struct outbox *outbox)
{
        struct record_id_page head = {
            .first_id = fetch->request.first_id,
            .last_id = fetch->answer.answered_id,
            .newest_id = tickjob->newest_id,
            .requested_us = fetch->requested_us,
            .rows = (uint32_t)fetch->answer.count,
        };
        uint16_t type = tickjob->kind == TICK_TRADE ? RECORD_TRADE : RECORD_AGG_TRADE;

        if (head.last_id < head.first_id && !fetch->answer.ended)
                return true; // it says nothing, its second question will
        if (!fetch->announced && outbox_id_page(outbox, &tickjob->stream, &head) != 0)
                return false;
        fetch->announced = true;
        for (; fetch->rows_sent < fetch->answer.count; fetch->rows_sent++) {
                int64_t time_us = tickpage_time_us(&fetch->page, fetch->rows_sent);

                if (outbox_row(outbox, type, &tickjob->stream, tickpage_row(&fetch->page, fetch->rows_sent),
                        tickpage_row_bytes(tickjob->kind)) != 0)
                        return false;
                if (time_us > tickjob->newest_time_us)
                        tickjob->newest_time_us = time_us;
        }
        return true;
}

// The search found no ids.
static enum step push_nothing(struct tickjob *tickjob, struct outbox *outbox)
{
        const struct search *search = &tickjob->search;
        struct record_id_page head = {.first_id = search->seek.first_id,
            .last_id = search->seek.last_id,
            .newest_id = tickjob->newest_id,
            .requested_us = search->requested_us};

        return outbox_id_page(outbox, &tickjob->stream, &head) == 0 ? STEP_COMPLETE : STEP_WAITS;
}

enum step tickjob_step(struct tickjob *tickjob, struct outbox *outbox)
{
        if (tickjob->failure != CALL_DONE)
                return STEP_FAILED;
        if (!search_is_over(tickjob))
                return STEP_WAITS;
        if (tickjob->search.seek.first_id > tickjob->search.seek.last_id)
                return push_nothing(tickjob, outbox);
        for (;;) {
                ask(tickjob);
                if (tickjob->active == 0)
                        break;
                struct fetch *first = fetch_at(tickjob, 0);
                if (!first->answered)
                        break;
                if (!first->accepted)
                        accept(tickjob, first);
                ask(tickjob); // before the writer is waited for
                if (!push_page(tickjob, first, outbox))
                        break;
                tickjob->head = (tickjob->head + 1) % REST_REQUESTS_IN_FLIGHT;
                tickjob->active--;
        }
        return tickjob->active == 0 && idpager_is_done(&tickjob->pager) ? STEP_COMPLETE : STEP_WAITS;
}

int64_t tickjob_answered_until_us(const struct tickjob *tickjob)
{
        const struct idseek *seek = &tickjob->search.seek;

        if (seek->end_seen && !tickjob->ended)
                return tickjob->job.end_us;
        return tickjob->newest_time_us >= 0 ? tickjob->newest_time_us + 1 : tickjob->job.start_us;
}

enum call_end tickjob_failure(const struct tickjob *tickjob, const char **text)
{
        *text = tickjob->failure_text;
        return tickjob->failure;
}

// ---- life ----

static struct fetch *fetch_new(struct tickjob *tickjob)
{
        struct fetch *fetch = memory_zeroed(1, sizeof(*fetch));

        fetch->owner = tickjob;
        fetch->call =
            call_new(tickjob->caller, &(struct call_handler){.take = take_page, .ended = page_ended, .context = fetch});
        if (fetch->call == NULL) {
                free(fetch);
                return NULL;
        }
        return fetch;
}

static bool make_calls(struct tickjob *tickjob)
{
        tickjob->search.call = call_new(
            tickjob->caller, &(struct call_handler){.take = take_search, .ended = search_ended, .context = tickjob});
        bool made = tickjob->search.call != NULL;
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT && made; i++) {
                tickjob->fetches[i] = fetch_new(tickjob);
                made = tickjob->fetches[i] != NULL;
        }
        return made;
}

struct tickjob *tickjob_new(struct caller *caller, void (*changed)(void *context), void *context)
{
        struct tickjob *tickjob = memory_zeroed(1, sizeof(*tickjob));

        tickjob->caller = caller;
        tickjob->changed = changed;
        tickjob->context = context;
        if (!make_calls(tickjob)) {
                tickjob_free(tickjob);
                return NULL;
        }
        return tickjob;
}

void tickjob_free(struct tickjob *tickjob)
{
        if (tickjob == NULL)
                return;
        call_free(tickjob->search.call);
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT; i++) {
                if (tickjob->fetches[i] != NULL)
                        call_free(tickjob->fetches[i]->call);
                free(tickjob->fetches[i]);
        }
        free(tickjob);
}

void tickjob_start(struct tickjob *tickjob, const struct job *job, int64_t exchange_now_us)
{
        tickjob_cancel(tickjob);
        tickjob->job = *job;
        tickjob->failure = CALL_DONE;
        tickjob->kind = job->kind == JOB_TRADES ? TICK_TRADE : TICK_AGG_TRADE;
        tickjob->stream = (struct stream_id){.kind = job->kind == JOB_TRADES ? STREAM_TRADE : STREAM_AGG_TRADE};
        memcpy(tickjob->stream.symbol, job->symbol, sizeof(tickjob->stream.symbol));
        tickjob->newest_id = tickjob->newest_time_us = -1;
        tickjob->ended = tickjob->search.over = false;
        idseek_init(&tickjob->search.seek, job, exchange_now_us);
}

void tickjob_cancel(struct tickjob *tickjob)
{
        call_cancel(tickjob->search.call);
        tickjob->search.asking = false;
        for (unsigned i = 0; i < REST_REQUESTS_IN_FLIGHT; i++)
                call_cancel(tickjob->fetches[i]->call);
        tickjob->active = 0;
}
