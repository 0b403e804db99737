// SPDX-License-Identifier: Apache-2.0
#include "cli/tally.h"

#include "common/units.h"

#include <stdio.h>
#include <string.h>

int64_t tally_explained(const struct tally *tally)
{
        int64_t sum = 0;

        for (int state = 0; state < GAP_STATES; state++)
                sum += tally->explained[state];
        return sum;
}

bool tally_is_complete(const struct tally *tally)
{
        return tally->known && tally->missing == 0 && tally->why[0] == '\0';
}

void tally_add(struct tally *sum, const struct tally *tally)
{
        sum->known = sum->known && tally->known;
        sum->wanted += tally->wanted;
        sum->stored += tally->stored;
        sum->missing += tally->missing;
        for (int state = 0; state < GAP_STATES; state++)
                sum->explained[state] += tally->explained[state];
}

void tally_take(const struct ledger_bucket *bucket, struct tally *tally)
{
        *tally = (struct tally){.known = bucket->first_bar_us != -2,
            .wanted = bucket->wanted,
            .stored = bucket->wanted_stored,
            .missing = bucket->missing,
            .made_here = bucket->made_of[0] != '\0'};
        memcpy(tally->explained, bucket->explained, sizeof(tally->explained));
        memcpy(tally->why, bucket->why, sizeof(tally->why));
}

void tally_take_ticks(const struct ledger_tick *tick, struct tally *tally)
{
        *tally = (struct tally){.known = tick->known || !tick->backfill,
            .wanted = tick->wanted,
            .stored = tick->wanted - tick->missing - tick->wanted_absent,
            .missing = tick->missing};
        tally->explained[GAP_ABSENT] = tick->wanted_absent;
        memcpy(tally->why, tick->why, sizeof(tally->why));
}

int tally_count_ticks(struct ledgerview *view, const char *symbol, enum tick_kind kind, int64_t start_us,
    int64_t end_us, struct tally *tally)
{
        struct ledger_tick tick;
        int found = ledgerview_tick_of(view, symbol, kind, &tick);

        *tally = (struct tally){0};
        if (found <= 0)
                return found; // not asked for yet
        if (tick.history_from_us == (start_us > 0 ? start_us : 0) && tick.history_until_us == end_us)
                tally_take_ticks(&tick, tally);
        memcpy(tally->why, tick.why, sizeof(tally->why));
        return 0;
}

// ---- a range ----

struct explaining {
        enum interval interval;
        const struct ranges *open; // what is not stored
        struct tally *tally;
        int result;
};

static int explain_gap(void *context, const struct ledger_gap *gap)
{
        struct explaining *explaining = context;
        struct ranges part = {0};

        if (gap->interval != explaining->interval)
                return 0;
        explaining->result = ranges_copy(&part, explaining->open);
        if (explaining->result == 0)
                explaining->result = ranges_clip(&part, gap->start_us, gap->end_us);
        if (explaining->result == 0)
                explaining->tally->explained[gap->state] += ranges_bars(&part, gap->interval);
        ranges_free(&part);
        return explaining->result != 0;
}

static uint32_t explained_states(void)
{
        uint32_t states = 0;

        for (int state = 0; state < GAP_STATES; state++) {
                if (gap_state_is_explained(state) && state != GAP_FILLED)
                        states |= 1u << state;
        }
        return states;
}

static int count_range(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, struct tally *tally)
{
        struct ranges open = {0}, covered = {0};
        struct explaining explaining = {.interval = interval, .open = &open, .tally = tally};
        int result = ledgerview_coverage(view, symbol, interval, &covered) < 0 ? -1 : 0;

        if (result == 0)
                result = ranges_set(&open, start_us, end_us, 0);
        if (result == 0)
                tally->stored = ranges_bars_within(&covered, &open, interval);
        if (result == 0)
                result = ranges_subtract(&open, &covered);
        if (result == 0)
                result = ledgerview_each_gap(view, symbol, explained_states(), explain_gap, &explaining);
        ranges_free(&open);
        ranges_free(&covered);
        return result != 0 || explaining.result != 0 ? -1 : 0;
}

int tally_count(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us, int64_t end_us,
    int64_t now_us, struct tally *tally)
{
        struct ledger_bucket bucket;

        *tally = (struct tally){0};
        int found = ledgerview_bucket_of(view, symbol, interval, now_us, &bucket);
        if (found <= 0)
                return found; // not asked for yet
        memcpy(tally->why, bucket.why, sizeof(tally->why));
        tally->made_here = bucket.made_of[0] != '\0';
        tally->known = bucket.first_bar_us != -2;
        if (!tally->known)
                return 0;
        int64_t first_us = bucket.first_bar_us >= 0 ? bucket.first_bar_us : end_us;
        start_us = start_us != INT64_MIN ? interval_ceil_us(interval, start_us) : first_us;
        int64_t listed_us = first_us > start_us ? first_us : start_us;
        if (listed_us > end_us)
                listed_us = end_us;
        if (start_us < end_us)
                tally->wanted = interval_count(interval, start_us, end_us);
        if (listed_us < end_us && count_range(view, symbol, interval, listed_us, end_us, tally) != 0)
                return -1;
        if (start_us < listed_us)
                tally->explained[GAP_BEFORE_LISTING] += interval_count(interval, start_us, listed_us);
        tally->missing = tally->wanted - tally->stored - tally_explained(tally);
        if (tally->missing < 0) // a bar off the grid beside one on it
                tally->missing = 0;
        return 0;
}

const char *tally_format_explained(const struct tally *tally, char text[TALLY_TEXT_SIZE])
{
        char count[UNITS_TEXT_SIZE];
        const char *separator = " (";
        size_t used =
            (size_t)snprintf(text, TALLY_TEXT_SIZE, "explained %s", units_count(tally_explained(tally), count));

        for (int state = 0; state < GAP_STATES; state++) {
                if (tally->explained[state] == 0)
                        continue;
                used += (size_t)snprintf(text + used, TALLY_TEXT_SIZE - used, "%s%s %s", separator,
                    gap_state_name(state), units_count(tally->explained[state], count));
                separator = ", ";
        }
        if (separator[0] == ',')
                snprintf(text + used, TALLY_TEXT_SIZE - used, ")");
        return text;
}
