// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/subscription.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>

#define TAIL_BYTES 40 // for `],"id":<int64>}` and a NUL

static void push(struct subscription *subscription, size_t from, size_t to)
{
        if (from >= to)
                return;
        // One range is cut at most log2(SUBSCRIBE_NAMES_MAX) times before its halves are gone.
        REQUIRE(subscription->waiting_count < SUBSCRIBE_RANGES_MAX);
        subscription->waiting[subscription->waiting_count++] = (struct name_range){from, to};
}

void subscription_start(struct subscription *subscription, size_t from, size_t to, mono_time now)
{
        int64_t id = subscription->id;

        *subscription = (struct subscription){.id = id, .next_at = now};
        push(subscription, from, to);
}

bool subscription_is_complete(const struct subscription *subscription)
{
        return !subscription->unanswered && subscription->waiting_count == 0;
}

bool subscription_is_overdue(const struct subscription *subscription, mono_time now)
{
        return subscription->unanswered && mono_since_ms(now, subscription->asked_at) >= SUBSCRIBE_ANSWER_MS;
}

mono_time subscription_deadline(const struct subscription *subscription)
{
        if (subscription->unanswered)
                return (mono_time){subscription->asked_at.us + SUBSCRIBE_ANSWER_MS * US_PER_MS};
        return subscription->waiting_count > 0 ? subscription->next_at : (mono_time){INT64_MAX};
}

// Appends names of `range` while they fit; range->from is moved behind the last one taken. Returns the new length.
static size_t append_names(
    struct name_range *range, subscription_name name, const void *names, char *message, size_t length, size_t *taken)
{
        for (; range->from < range->to && *taken < SUBSCRIBE_NAMES_MAX; range->from++) {
                const char *text = name(names, range->from);

                if (text == NULL)
                        continue;
                if (length + strlen(text) + 3 + TAIL_BYTES > SUBSCRIBE_BYTES_MAX)
                        break;
                length += (size_t)snprintf(
                    message + length, SUBSCRIBE_BYTES_MAX - length, "%s\"%s\"", *taken > 0 ? "," : "", text);
                ++*taken;
        }
        return length;
}

size_t subscription_next(struct subscription *subscription, mono_time now, subscription_name name, const void *names,
    char message[SUBSCRIBE_BYTES_MAX])
{
        static const char head[] = "{\"method\":\"SUBSCRIBE\",\"params\":[";

        if (subscription->unanswered || now.us < subscription->next_at.us)
                return 0;
        while (subscription->waiting_count > 0) {
                struct name_range range = subscription->waiting[--subscription->waiting_count];
                size_t from = range.from, taken = 0, length = sizeof(head) - 1;

                memcpy(message, head, length);
                length = append_names(&range, name, names, message, length, &taken);
                push(subscription, range.from, range.to);
                if (taken == 0)
                        continue; // all of them are quarantined
                subscription->asked = (struct name_range){from, range.from};
                subscription->unanswered = true;
                subscription->asked_at = now;
                subscription->next_at = (mono_time){now.us + CLIENT_MESSAGE_SPACING_MS * US_PER_MS};
                return length + (size_t)snprintf(message + length, SUBSCRIBE_BYTES_MAX - length, "],\"id\":%lld}",
                                    (long long)++subscription->id);
        }
        return 0;
}

enum subscription_answer subscription_answer(
    struct subscription *subscription, int64_t id, bool accepted, struct name_range *range)
{
        if (!subscription->unanswered || id != subscription->id)
                return SUBSCRIPTION_FOREIGN;
        subscription->unanswered = false;
        *range = subscription->asked;
        if (accepted)
                return SUBSCRIPTION_ACCEPTED;
        if (range->to - range->from == 1)
                return SUBSCRIPTION_REFUSED;
        size_t middle = range->from + (range->to - range->from) / 2;
        push(subscription, middle, range->to);
        push(subscription, range->from, middle);
        return SUBSCRIPTION_SPLIT;
}
