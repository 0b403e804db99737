// SPDX-License-Identifier: Apache-2.0
// The account of a bucket of bars: what is wanted of it, covered and explained, and the figures that follow from these.
// Used by common/ledgerbars.c alone, within its read transactions; the sets are their caller's. A call that fails
// returns -1; where the ledger could not be read, ledgerview_error() says why.
#ifndef COMMON_LEDGERACCOUNT_H
#define COMMON_LEDGERACCOUNT_H

#include "common/ledgerview.h"

struct ledger_account {
        struct ranges wanted, made; // of the exchange; to be made here
        struct ranges covered, explained;
};

// Fills an empty account with that of a bucket, by its id. Freed by the caller, also after a failure.
int ledgeraccount_read(struct ledgerview *view, int64_t bucket, struct ledger_account *account);
void ledgeraccount_free(struct ledger_account *account);

// What opens from here on is not due yet; INT64_MIN: nothing is.
int64_t ledgeraccount_horizon_us(struct ledgerview *view, const struct ledger_bucket *bucket, int64_t now_us);
// What is wanted before the horizon, and what of it is missing: a bar made here does not stand for one that is wanted
// of the exchange. Both sets must be empty.
int ledgeraccount_missing(
    const struct ledger_account *account, int64_t horizon_us, struct ranges *wanted, struct ranges *missing);

// Fill the bucket's figures of what is covered (rows, settled, first, last), and of what is wanted up to the horizon.
void ledgeraccount_count_covered(const struct ledger_account *account, struct ledger_bucket *bucket);
int ledgeraccount_count_wanted(const struct ledger_account *account, int64_t horizon_us, struct ledger_bucket *bucket);

#endif
