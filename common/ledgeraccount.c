// SPDX-License-Identifier: Apache-2.0
#include "common/ledgeraccount.h"

#include "common/ledgerview_parts.h"

#define LIVE_AGE_US (INT64_C(60) * 1000 * 1000) // a streamed bucket's newest minute is the stream's to bring

// ---- sets of a bucket ----

void ledgeraccount_free(struct ledger_account *account)
{
        ranges_free(&account->wanted);
        ranges_free(&account->made);
        ranges_free(&account->covered);
        ranges_free(&account->explained);
}

static int tag_none(const char *name)
{
        (void)name;
        return 0;
}

static int read_set(
    struct ledgerview *view, const char *text, int64_t bucket, int (*tag_of)(const char *name), struct ranges *set)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int code = SQLITE_ERROR;

        if (query == NULL)
                return -1;
        sqlite3_bind_int64(query, 1, bucket);
        while ((code = sqlite3_step(query)) == SQLITE_ROW) {
                const char *name = (const char *)sqlite3_column_text(query, 2);
                int tag = tag_of(name != NULL ? name : "");

                if (tag >= 0 &&
                    ranges_set(set, sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1), tag) < 0)
                        break;
        }
        return ledgerview_finished(view, query, code);
}

int ledgeraccount_read(struct ledgerview *view, int64_t bucket, struct ledger_account *account)
{
        if (read_set(view, "SELECT start_us, end_us, '' FROM wanted WHERE bucket = ?1", bucket, tag_none,
                &account->wanted) < 0 ||
            (view->has_ticks && read_set(view, "SELECT start_us, end_us, '' FROM derived_wanted WHERE bucket = ?1",
                                    bucket, tag_none, &account->made) < 0) ||
            read_set(view, "SELECT start_us, end_us, source FROM coverage WHERE bucket = ?1", bucket, bar_source_parse,
                &account->covered) < 0)
                return -1;
        return read_set(view, "SELECT start_us, end_us, state FROM gaps WHERE bucket = ?1 AND note = 0", bucket,
            gap_state_parse, &account->explained);
}

// ---- figures of a bucket ----

// The newest minute of what is streamed, or made of what is, is not yet due.
int64_t ledgeraccount_horizon_us(struct ledgerview *view, const struct ledger_bucket *bucket, int64_t now_us)
{
        int64_t known_us = now_us >= 0 ? now_us : ledgerview_meta_number(view, "exchange_us", -1);

        if (known_us < 0)
                return INT64_MIN; // nothing has closed yet, as far as we know
        return interval_floor_us(
            bucket->interval, bucket->live || bucket->made_of[0] != '\0' ? known_us - LIVE_AGE_US : known_us);
}

void ledgeraccount_count_covered(const struct ledger_account *account, struct ledger_bucket *bucket)
{
        const struct ranges *covered = &account->covered;

        bucket->first_us = bucket->last_us = -1;
        for (size_t i = 0; i < covered->count; i++) {
                int64_t bars = interval_count(bucket->interval, covered->items[i].start_us, covered->items[i].end_us);

                bucket->rows += bars;
                if (!bar_source_is_provisional(covered->items[i].tag))
                        bucket->settled += bars;
        }
        if (covered->count > 0) {
                bucket->first_us = covered->items[0].start_us;
                bucket->last_us = interval_step_us(bucket->interval, covered->items[covered->count - 1].end_us, -1);
        }
}

int ledgeraccount_missing(
    const struct ledger_account *account, int64_t horizon_us, struct ranges *wanted, struct ranges *missing)
{
        struct ranges native = {0}, made = {0}, rest = {0};
        int result = -1;

        if (ranges_copy(&native, &account->covered) < 0)
                goto out;
        for (size_t i = 0; i < account->covered.count; i++) {
                const struct range *range = &account->covered.items[i];

                if (range->tag == BAR_DERIVED && ranges_remove(&native, range->start_us, range->end_us) < 0)
                        goto out;
        }
        if (ranges_missing(&account->wanted, horizon_us, &native, &account->explained, missing) < 0 ||
            ranges_copy(&made, &account->made) < 0 || ranges_subtract(&made, &account->wanted) < 0 ||
            ranges_missing(&made, horizon_us, &account->covered, &account->explained, &rest) < 0)
                goto out;
        for (size_t i = 0; i < rest.count; i++) {
                if (ranges_set(missing, rest.items[i].start_us, rest.items[i].end_us, 0) < 0)
                        goto out;
        }
        if (ranges_copy(wanted, &account->wanted) < 0)
                goto out;
        for (size_t i = 0; i < made.count; i++) {
                if (ranges_set(wanted, made.items[i].start_us, made.items[i].end_us, 0) < 0)
                        goto out;
        }
        result = ranges_clip(wanted, INT64_MIN, horizon_us);
out:
        ranges_free(&native);
        ranges_free(&made);
        ranges_free(&rest);
        return result;
}

int ledgeraccount_count_wanted(const struct ledger_account *account, int64_t horizon_us, struct ledger_bucket *bucket)
{
        struct ranges wanted = {0}, missing = {0}, explained = {0}, stored = {0};
        int result = -1;

        if (ledgeraccount_missing(account, horizon_us, &wanted, &missing) < 0 ||
            ranges_copy(&explained, &account->explained) < 0 || ranges_subtract(&explained, &account->covered) < 0 ||
            ranges_copy(&stored, &account->covered) < 0 || ranges_subtract(&stored, &missing) < 0)
                goto out;
        bucket->wanted = ranges_bars(&wanted, bucket->interval);
        bucket->wanted_stored = ranges_bars_within(&wanted, &stored, bucket->interval);
        bucket->missing = ranges_bars(&missing, bucket->interval);
        for (size_t i = 0; i < explained.count; i++) {
                const struct ranges one = {.items = &explained.items[i], .count = 1};

                bucket->explained[explained.items[i].tag] += ranges_bars_within(&one, &wanted, bucket->interval);
        }
        result = 0;
out:
        ranges_free(&wanted);
        ranges_free(&missing);
        ranges_free(&explained);
        ranges_free(&stored);
        return result;
}
