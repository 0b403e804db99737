// SPDX-License-Identifier: Apache-2.0
// A bar as it travels: exactly what the exchange sent, in a fixed layout. It is the payload of a kline record
// (common/record.h), so field order and sizes are part of the wire format between our processes.
#ifndef COMMON_KLINE_H
#define COMMON_KLINE_H

#include "common/decimal.h"

#include <assert.h>
#include <stdint.h>

struct kline {
        int64_t open_us;          // exchange time at which the bar opens
        int64_t close_us;         // exchange time of its last instant (…999 ms or …999999 µs), as sent
        int64_t received_wall_ns; // this host's clock when it arrived; 0 where backfilled
        int64_t trades;
        int64_t open, high, low, close; // mantissas; exponents below
        struct wide volume, quote_volume, taker_base, taker_quote;
        int8_t open_exponent, high_exponent, low_exponent, close_exponent;
        int8_t volume_exponent, quote_volume_exponent, taker_base_exponent, taker_quote_exponent;
};

static_assert(sizeof(struct kline) == 136, "wire layout");

// The nine value columns in the store's order. Volumes are correctly rounded once, here.
struct bar_values {
        double open, high, low, close, volume, quote_volume;
        int64_t trades;
        double taker_base, taker_quote;
};

void kline_to_values(const struct kline *kline, struct bar_values *values);

// What is wrong with a bar that no exchange would send, or NULL: prices not positive, high below low, open or close
// outside, negative volumes or counts, taker above total, close time before open time, open time outside 2017..2100.
const char *kline_defect(const struct kline *kline);

#endif
