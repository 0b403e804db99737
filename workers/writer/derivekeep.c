// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/derivekeep.h"

#include "common/log.h"
#include "workers/writer/apply.h"
#include "workers/writer/barsink.h"
#include "workers/writer/bucketset.h"
#include "workers/writer/coverage.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED_COLUMNS 5 // Open High Low Close Volume
#define COLUMN_TEXT_SIZE 24

// ---- comparing ----

static void record_difference(struct store *store, const struct bucket_state *bucket, int64_t slot_us, const char *text)
{
        if (store->differences_count == store->differences_capacity) {
                size_t capacity = store->differences_capacity > 0 ? store->differences_capacity * 2 : 64;
                struct difference *differences = realloc(store->differences, capacity * sizeof(*differences));

                store_require_memory(differences != NULL ? 0 : -1);
                store->differences = differences;
                store->differences_capacity = capacity;
        }
        struct difference *difference = &store->differences[store->differences_count++];
        *difference = (struct difference){bucket->id, slot_us, text[0] != '\0' ? store->exchange_us : -1, ""};
        if (text[0] != '\0' && difference->found_us < 0)
                difference->found_us = slot_us; // the exchange's clock is not known yet
        (void)snprintf(difference->text, sizeof(difference->text), "%s", text);
}

// "Close 5 not 6, ..." (made here, the exchange's own); empty where they are equal in all columns that both have.
static void compare_bars(
    const struct bar_values *made, const struct bar_values *own, size_t columns, char text[REASON_SIZE])
{
        const struct {
                const char *name;
                double made, own;
        } values[] = {{"Open", made->open, own->open}, {"High", made->high, own->high}, {"Low", made->low, own->low},
            {"Close", made->close, own->close}, {"Volume", made->volume, own->volume},
            {"QuoteVolume", made->quote_volume, own->quote_volume},
            {"Trades", (double)made->trades, (double)own->trades}, {"TakerBuyBase", made->taker_base, own->taker_base},
            {"TakerBuyQuote", made->taker_quote, own->taker_quote}};
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && (columns > SEED_COLUMNS || i < SEED_COLUMNS);
             i++) {
                if (values[i].made != values[i].own && used + COLUMN_TEXT_SIZE < REASON_SIZE)
                        used += (size_t)snprintf(text + used, REASON_SIZE - used, "%s%s %.12g not %.12g",
                            used > 0 ? ", " : "", values[i].name, values[i].made, values[i].own);
                used = used < REASON_SIZE ? used : REASON_SIZE - 1;
        }
}

int derive_compare_own(struct store *store, struct bucket_state *bucket, int64_t slot_us, const struct bar_values *made,
    size_t columns, const char *of)
{
        char text[REASON_SIZE], time[TIME_TEXT_SIZE];
        struct bar_values own;
        int64_t open_us, end_us = interval_next_us(bucket->interval, slot_us);
        ssize_t count = store->sink->read(store, bucket, slot_us, &end_us, 1, &open_us, &own);

        if (count <= 0)
                return count < 0 ? -1 : 0;
        if (bucket->schema.columns_count < columns)
                columns = bucket->schema.columns_count;
        compare_bars(made, &own, columns, text);
        record_difference(store, bucket, slot_us, text);
        if (text[0] == '\0' || bucket->difference_told)
                return 0;
        bucket->difference_told = true;
        log_warn("%s %s: the bar of %s made of %s is not the exchange's own: %s; the exchange's is kept, this and "
                 "further ones are in the ledger",
            bucket->symbol, interval_name(bucket->interval), time_format_us(slot_us, time), of, text);
        return 0;
}

// ---- writing ----

bool derive_has_own(const struct bucket_state *bucket, int64_t slot_us)
{
        int64_t until_us;

        return coverage_rank_at(&bucket->covered, slot_us, &until_us) > RANK_DERIVED;
}

int derive_flush(struct store *store)
{
        struct row_run *run = store->run;
        int result = apply_run_write(store, run, true);

        for (size_t i = 0, first = 0; i < run->count && result == 0; i++) {
                if (i + 1 < run->count && run->slots_us[i + 1] == run->ends_us[i])
                        continue;
                bucket_cover(store, run->bucket, run->slots_us[first], run->ends_us[i], BAR_DERIVED);
                first = i + 1;
        }
        run->count = 0;
        return result < 0 ? -1 : 0;
}

int derive_keep(
    struct store *store, struct bucket_state *bucket, int64_t slot_us, int64_t end_us, const struct bar_values *values)
{
        struct row_run *run = store->run;

        if (!apply_run_takes(run, bucket, slot_us) && derive_flush(store) < 0)
                return -1;
        if (apply_is_outranked(store, bucket, slot_us, RANK_DERIVED, NULL))
                return 0; // a job has begun there
        size_t i = run->count++;
        run->bucket = bucket;
        run->slots_us[i] = slot_us;
        run->ends_us[i] = end_us;
        run->sources[i] = BAR_DERIVED;
        run->values[i] = *values;
        return 0;
}
