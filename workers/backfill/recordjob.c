// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/recordjob.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/backfill/listing.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

struct recordjob {
        struct caller *caller;
        bool weight_configured;
        void (*changed)(void *context);
        void *context;
        struct call *call;
        struct job job;
        struct catalog catalog;
        struct record_listing listing;
        size_t skipped_before; // names skipped last time: said again only when it changes
        bool answered;
        size_t sent;
        enum call_end failure; // CALL_DONE: none
        char failure_text[REASON_SIZE];
};

static void note_limits(const struct recordjob *recordjob)
{
        struct governor_page *governor = recordjob->caller->governor;
        const struct catalog *catalog = &recordjob->catalog;

        if (!recordjob->weight_configured && catalog->weight_limit != 0) {
                if (atomic_exchange(&governor->weight_limit, catalog->weight_limit) != catalog->weight_limit)
                        log_info("the exchange allows a request weight of %u a minute", catalog->weight_limit);
        }
        if (catalog->raw_limit != 0)
                atomic_store(&governor->raw_limit, catalog->raw_limit);
}

static void note_skipped(struct recordjob *recordjob)
{
        const struct catalog *catalog = &recordjob->catalog;

        if (catalog->skipped != 0 && catalog->skipped != recordjob->skipped_before)
                log_warn("%zu of %zu symbols are skipped: their names or assets are not of A-Z and 0-9 alone (first: "
                         "\"%s\")",
                    catalog->skipped, catalog->skipped + catalog->count, catalog->skipped_name);
        recordjob->skipped_before = catalog->skipped;
}

static int take_records(void *context, const struct call_answer *answer, char why[REASON_SIZE])
{
        struct recordjob *recordjob = context;
        const struct job *job = &recordjob->job;

        if (job->kind == JOB_LISTING) {
                return listing_parse(
                    answer->body, answer->length, job->symbol, (enum interval)job->interval, &recordjob->listing, why);
        }
        int result = catalog_parse(answer->body, answer->length, &recordjob->catalog, why);
        malloc_trim(0); // the parsed tree took twenty times what is kept of it
        if (result != 0)
                return -1;
        note_limits(recordjob);
        note_skipped(recordjob);
        return 0;
}

static void records_ended(void *context, enum call_end end, const char *text)
{
        struct recordjob *recordjob = context;

        recordjob->answered = end == CALL_DONE;
        recordjob->failure = end;
        snprintf(recordjob->failure_text, sizeof(recordjob->failure_text), "%s", text);
        recordjob->changed(recordjob->context);
}

struct recordjob *recordjob_new(
    struct caller *caller, bool weight_configured, void (*changed)(void *context), void *context)
{
        struct recordjob *recordjob = memory_zeroed(1, sizeof(*recordjob));

        recordjob->caller = caller;
        recordjob->weight_configured = weight_configured;
        recordjob->changed = changed;
        recordjob->context = context;
        recordjob->call = call_new(
            caller, &(struct call_handler){.take = take_records, .ended = records_ended, .context = recordjob});
        if (recordjob->call == NULL) {
                free(recordjob);
                return NULL;
        }
        return recordjob;
}

void recordjob_free(struct recordjob *recordjob)
{
        if (recordjob == NULL)
                return;
        call_free(recordjob->call);
        catalog_free(&recordjob->catalog);
        free(recordjob);
}

void recordjob_start(struct recordjob *recordjob, const struct job *job)
{
        struct rest_query query;

        recordjob_cancel(recordjob);
        recordjob->job = *job;
        recordjob->failure = CALL_DONE;
        recordjob->sent = 0;
        if (job->kind == JOB_CATALOG)
                rest_query_exchange_info(&query);
        else
                rest_query_first_kline(&query, job->symbol, (enum interval)job->interval);
        call_start(recordjob->call, &query, SHARE_WHOLE);
}

static int push_record(struct recordjob *recordjob, struct outbox *outbox)
{
        const struct record_symbol *symbol;

        if (recordjob->job.kind == JOB_LISTING)
                return outbox_row(outbox, RECORD_LISTING, NULL, &recordjob->listing, sizeof(recordjob->listing));
        symbol = &recordjob->catalog.symbols[recordjob->sent];
        return outbox_row(outbox, RECORD_SYMBOL, NULL, symbol, sizeof(*symbol));
}

enum step recordjob_step(struct recordjob *recordjob, struct outbox *outbox)
{
        if (recordjob->failure != CALL_DONE)
                return STEP_FAILED;
        if (!recordjob->answered)
                return STEP_WAITS;
        size_t count = recordjob->job.kind == JOB_LISTING ? 1 : recordjob->catalog.count;
        size_t before = recordjob->sent;
        while (recordjob->sent < count && push_record(recordjob, outbox) == 0)
                recordjob->sent++;
        atomic_fetch_add(&recordjob->caller->vitals->records, recordjob->sent - before);
        if (recordjob->sent < count)
                return STEP_WAITS;
        catalog_free(&recordjob->catalog);
        return STEP_COMPLETE;
}

enum call_end recordjob_failure(const struct recordjob *recordjob, const char **text)
{
        *text = recordjob->failure_text;
        return recordjob->failure;
}

void recordjob_cancel(struct recordjob *recordjob)
{
        call_cancel(recordjob->call);
        catalog_free(&recordjob->catalog);
        recordjob->answered = false;
}
