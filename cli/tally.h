// SPDX-License-Identifier: Apache-2.0
// What was asked for of one bucket, counted from the ledger: wanted = stored + explained + missing.
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include "common/ledgerticks.h"
#include "common/ledgerview.h"

struct tally {
        bool known; // false: the exchange is still to be asked where it begins or ends, so not all can be counted
        int64_t wanted, stored, explained[GAP_STATES], missing;
        bool made_here;        // of rows that are stored, without requests to the exchange
        char why[REASON_SIZE]; // what hinders it; else empty
};

// Of the bars that open in [start_us, end_us); INT64_MIN: from the exchange's first bar. Bars from before the listing
// count as wanted and explained. Returns 0, or -1 (ledgerview_error()).
int tally_count(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us, int64_t end_us,
    int64_t now_us, struct tally *tally);
// Of the ticks of [start_us, end_us) that are known to exist; INT64_MIN: from the first one on. Their ids are found
// first: until then, and while the ledger's account is of another range, nothing is known. Likewise.
int tally_count_ticks(struct ledgerview *view, const char *symbol, enum tick_kind kind, int64_t start_us,
    int64_t end_us, struct tally *tally);
// From the ledger's own figures of a followed bucket.
void tally_take(const struct ledger_bucket *bucket, struct tally *tally);
void tally_take_ticks(const struct ledger_tick *tick, struct tally *tally);
void tally_add(struct tally *sum, const struct tally *tally);
int64_t tally_explained(const struct tally *tally);
bool tally_is_complete(const struct tally *tally);

// "explained 12 (before-listing 10, absent 2)", "explained 0". Returns `text`.
#define TALLY_TEXT_SIZE 200
const char *tally_format_explained(const struct tally *tally, char text[TALLY_TEXT_SIZE]);

#endif
