// SPDX-License-Identifier: Apache-2.0
#include "cli/outcome.h"

#include "common/exitcode.h"
#include "common/units.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASONS_MAX 20

static int code_of(const struct outcome *outcome)
{
        if (outcome->refused == 0 && progress_is_complete(outcome->progress))
                return EXIT_DONE;
        if (outcome->exit_code == EXIT_TRY_LATER || outcome->exit_code == EXIT_BAD_CONFIG)
                return outcome->exit_code;
        return outcome->hindered ? EXIT_TRY_LATER : EXIT_FAILED;
}

// ---- reasons ----

struct looking {
        const struct progress_item *item;
        char text[REASON_SIZE];
};

static int look_at_trouble(void *context, const struct ledger_trouble *trouble)
{
        struct looking *looking = context;

        if (strcmp(trouble->symbol, looking->item->symbol) != 0 || strcmp(trouble->of, looking->item->name) != 0)
                return 0;
        snprintf(looking->text, sizeof(looking->text), "%s", trouble->text);
        return 1;
}

static const char *reason_of(const struct outcome *outcome, const struct progress_item *item, struct looking *looking)
{
        if (item->tally.why[0] != '\0')
                return item->tally.why;
        *looking = (struct looking){.item = item};
        if (outcome->progress->view != NULL)
                (void)ledgerview_each_trouble(outcome->progress->view, look_at_trouble, looking);
        if (looking->text[0] != '\0')
                return looking->text;
        if (outcome->hindered)
                return "the exchange cannot be reached, or refuses requests at present";
        if (outcome->interrupted)
                return "stopped before it was done";
        return outcome->log_path != NULL ? "see the log" : "see the log of the running instance";
}

static void print_reasons(const struct outcome *outcome)
{
        const struct progress *progress = outcome->progress;
        struct looking looking;
        char missing[UNITS_TEXT_SIZE];
        size_t printed = 0;

        for (size_t i = 0; i < progress->count && printed < REASONS_MAX; i++) {
                const struct progress_item *item = &progress->items[i];
                if (tally_is_complete(&item->tally))
                        continue;
                printed++;
                const char *reason = reason_of(outcome, item, &looking);
                if (item->tally.missing > 0)
                        fprintf(stderr, "%s %s: %s missing: %s\n", item->symbol, item->name,
                            units_count(item->tally.missing, missing), reason);
                else
                        fprintf(stderr, "%s %s: %s\n", item->symbol, item->name, reason);
        }
        if (outcome->log_path != NULL && printed > 0)
                fprintf(stderr, "the log: %s\n", outcome->log_path);
}

// ---- counts ----

static cJSON *json_of(const struct tally *tally)
{
        cJSON *object = cJSON_CreateObject(), *explained = cJSON_CreateObject();

        cJSON_AddNumberToObject(object, "wanted", (double)tally->wanted);
        cJSON_AddNumberToObject(object, "stored", (double)tally->stored);
        for (int state = 0; state < GAP_STATES; state++) {
                if (tally->explained[state] > 0)
                        cJSON_AddNumberToObject(explained, gap_state_name(state), (double)tally->explained[state]);
        }
        cJSON_AddItemToObject(object, "explained", explained);
        cJSON_AddNumberToObject(object, "missing", (double)tally->missing);
        return object;
}

static void print_json(const struct outcome *outcome, const struct tally *total, int code)
{
        cJSON *object = json_of(total), *buckets = cJSON_AddArrayToObject(object, "buckets");

        cJSON_AddBoolToObject(object, "complete", code == EXIT_DONE);
        for (size_t i = 0; i < outcome->progress->count; i++) {
                const struct progress_item *item = &outcome->progress->items[i];
                cJSON *bucket = json_of(&item->tally);
                cJSON_AddStringToObject(bucket, "symbol", item->symbol);
                cJSON_AddStringToObject(bucket, item->is_ticks ? "ticks" : "interval", item->name);
                cJSON_AddBoolToObject(bucket, "complete", tally_is_complete(&item->tally));
                cJSON_AddStringToObject(bucket, "why", item->tally.why);
                cJSON_AddItemToArray(buckets, bucket);
        }
        char *text = cJSON_PrintUnformatted(object);
        if (text != NULL)
                puts(text);
        free(text);
        cJSON_Delete(object);
}

// What the exchange does not know has nothing to be counted; but of ticks it may only have refused to say.
static bool is_counted(const struct progress *progress)
{
        for (size_t i = 0; i < progress->count; i++) {
                const struct progress_item *item = &progress->items[i];
                if (!item->tally.known && (item->is_ticks || item->tally.why[0] == '\0'))
                        return false;
        }
        return true;
}

// A range that no bar lies in is complete at once; whoever mistyped it must not take that for success.
static void say_why_nothing_was_wanted(const struct progress *progress)
{
        char now[UNITS_TEXT_SIZE];
        struct ledger_meta meta;

        if (progress->view != NULL && ledgerview_meta(progress->view, &meta) == 0 && meta.exchange_us >= 0)
                fprintf(stderr,
                    "nothing lies in the range that was asked for: by the exchange's clock it is %s UTC, or the "
                    "symbols were listed later\n",
                    units_time_us(meta.exchange_us, now));
}

static void say_what_next(const struct outcome *outcome, const struct tally *total)
{
        char bucket[PROGRESS_BUCKET_SIZE];

        if (total->wanted == 0)
                say_why_nothing_was_wanted(outcome->progress);
        else
                fprintf(stderr, "to look at it: binancefeeder query %s --last 5%s\n",
                    progress_format_bucket(outcome->progress->items, bucket), outcome->target);
}

int outcome_print(const struct outcome *outcome, bool json)
{
        struct tally total = progress_total(outcome->progress);
        char wanted[UNITS_TEXT_SIZE], stored[UNITS_TEXT_SIZE], missing[UNITS_TEXT_SIZE], explained[TALLY_TEXT_SIZE];
        int code = code_of(outcome);

        if (code != EXIT_DONE)
                print_reasons(outcome);
        else if (outcome->progress->count > 0)
                say_what_next(outcome, &total);
        if (json)
                print_json(outcome, &total, code);
        else
                printf("wanted %s, stored %s, %s, missing %s%s\n", units_count(total.wanted, wanted),
                    units_count(total.stored, stored), tally_format_explained(&total, explained),
                    units_count(total.missing, missing),
                    is_counted(outcome->progress) ? "" : " (not all could be counted yet)");
        return code;
}
