// SPDX-License-Identifier: Apache-2.0
// Streams that do not fit into the connection's URL are subscribed by messages, one unanswered at a time, each with at
// most SUBSCRIBE_NAMES_MAX names and SUBSCRIBE_BYTES_MAX bytes (the exchange swallows longer ones without an answer).
// A refused message is cut in halves until the name that the exchange does not know stands alone. Pure.
#ifndef WORKERS_STREAM_SUBSCRIPTION_H
#define WORKERS_STREAM_SUBSCRIPTION_H

#include "common/clock.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBSCRIBE_ANSWER_MS 10000

struct name_range {
        size_t from, to; // indices of streams, [from, to)
};

struct subscription {
        struct name_range waiting[SUBSCRIBE_RANGES_MAX]; // the last one is next
        size_t waiting_count;
        struct name_range asked;
        bool unanswered;
        int64_t id; // of the message that is unanswered
        mono_time asked_at, next_at;
};

enum subscription_answer {
        SUBSCRIPTION_FOREIGN, // not the answer we wait for
        SUBSCRIPTION_ACCEPTED,
        SUBSCRIPTION_SPLIT,   // refused; its halves will be asked for
        SUBSCRIPTION_REFUSED, // refused, and it is a single name: range->from
};

// Name of stream `index`, or NULL where it shall not be subscribed.
typedef const char *(*subscription_name)(const void *names, size_t index);

// To subscribe: [from, to). `now`: when the connection came up.
void subscription_start(struct subscription *subscription, size_t from, size_t to, mono_time now);
// Writes the next message when one is due. Returns its length, or 0.
size_t subscription_next(struct subscription *subscription, mono_time now, subscription_name name, const void *names,
    char message[SUBSCRIBE_BYTES_MAX]);
// An answer came. *range: the streams it is about.
enum subscription_answer subscription_answer(
    struct subscription *subscription, int64_t id, bool accepted, struct name_range *range);
bool subscription_is_complete(const struct subscription *subscription);
bool subscription_is_overdue(const struct subscription *subscription, mono_time now); // no answer came
mono_time subscription_deadline(const struct subscription *subscription);             // us == INT64_MAX: none

#endif
