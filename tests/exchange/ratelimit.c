// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/ratelimit.h"

#include <string.h>

#define RAW_REQUESTS_MAX 300000 // per five minutes, since April 2026
#define REFUSALS_BEFORE_BAN 10  // requests sent into a 429 before it becomes a 418

void rate_init(struct rate *rate, int64_t weight_max, int64_t connections_max, int64_t ban_ms)
{
        memset(rate, 0, sizeof *rate);
        rate->weight_max = weight_max;
        rate->raw_max = RAW_REQUESTS_MAX;
        rate->connections_max = connections_max;
        rate->ban_first_ms = rate->ban_next_ms = ban_ms;
}

static struct rate_minute *current_minute(struct rate *rate, int64_t wall_ms)
{
        int64_t minute = wall_ms / RATE_MINUTE_MS;
        struct rate_minute *last = rate->minute_count > 0 ? &rate->minutes[rate->minute_count - 1] : NULL;
        if (last != NULL && last->minute == minute) {
                return last;
        }
        if (rate->minute_count == RATE_MINUTES_MAX) { // forget the oldest half, three days ago
                memmove(rate->minutes, rate->minutes + RATE_MINUTES_MAX / 2, sizeof rate->minutes / 2);
                rate->minute_count = RATE_MINUTES_MAX / 2;
        }
        last = &rate->minutes[rate->minute_count++];
        *last = (struct rate_minute){.minute = minute};
        return last;
}

int64_t rate_used(const struct rate *rate, int64_t wall_ms)
{
        const struct rate_minute *last = rate->minute_count > 0 ? &rate->minutes[rate->minute_count - 1] : NULL;
        return last != NULL && last->minute == wall_ms / RATE_MINUTE_MS ? last->weight : 0;
}

static int64_t seconds_until(int64_t until_ms, int64_t wall_ms)
{
        return (until_ms - wall_ms + 999) / 1000;
}

void rate_ban(struct rate *rate, int64_t wall_ms, int64_t ms)
{
        rate->banned_until_ms = wall_ms + ms;
        rate->ban_next_ms = rate->ban_next_ms * 2 > RATE_BAN_MS_MAX ? RATE_BAN_MS_MAX : rate->ban_next_ms * 2;
}

void rate_limit(struct rate *rate, int64_t wall_ms, int64_t ms)
{
        rate->limited_until_ms = wall_ms + ms;
        rate->refusals_in_row = 0;
}

void rate_ask_silence(struct rate *rate, int64_t wall_ms, int64_t ms)
{
        rate->asked_until_ms = wall_ms + ms;
}

static enum rate_verdict refuse_banned(struct rate *rate, int64_t wall_ms, int64_t *retry_after_s)
{
        *retry_after_s = seconds_until(rate->banned_until_ms, wall_ms);
        rate->sent_418++;
        return RATE_BANNED;
}

// Every request into a ban pushes its end out by as much as was left when it began, up to three days.
static enum rate_verdict lengthen_ban(struct rate *rate, int64_t wall_ms, int64_t *retry_after_s)
{
        int64_t left = rate->banned_until_ms - wall_ms;
        int64_t longer = left + rate->ban_first_ms;
        rate->banned_until_ms = wall_ms + (longer > RATE_BAN_MS_MAX ? RATE_BAN_MS_MAX : longer);
        rate->violations++;
        return refuse_banned(rate, wall_ms, retry_after_s);
}

static enum rate_verdict refuse_limited(struct rate *rate, int64_t wall_ms, int64_t *retry_after_s)
{
        if (rate->refusals_in_row++ > 0) {
                rate->violations++;
        }
        if (rate->refusals_in_row > REFUSALS_BEFORE_BAN) {
                rate->refusals_in_row = 0;
                rate->limited_until_ms = 0;
                rate_ban(rate, wall_ms, rate->ban_next_ms);
                return refuse_banned(rate, wall_ms, retry_after_s);
        }
        *retry_after_s = seconds_until(rate->limited_until_ms, wall_ms);
        rate->sent_429++;
        return RATE_LIMITED;
}

static void count_raw(struct rate *rate, int64_t wall_ms)
{
        int64_t window = wall_ms / RATE_FIVE_MINUTES_MS;
        if (window != rate->raw_window) {
                rate->raw_window = window;
                rate->raw_used = 0;
        }
        rate->raw_used++;
}

enum rate_verdict rate_take(struct rate *rate, int64_t weight, int64_t wall_ms, int64_t *retry_after_s)
{
        struct rate_minute *minute = current_minute(rate, wall_ms);
        *retry_after_s = 0;
        minute->requests++;
        minute->weight += weight;
        count_raw(rate, wall_ms);
        rate->weight_used_max = minute->weight > rate->weight_used_max ? minute->weight : rate->weight_used_max;
        rate->violations += wall_ms < rate->asked_until_ms;
        if (wall_ms < rate->banned_until_ms) {
                minute->refused++;
                return lengthen_ban(rate, wall_ms, retry_after_s);
        }
        if (wall_ms >= rate->limited_until_ms && rate->weight_max > 0) {
                int64_t until = 0;
                if (minute->weight > rate->weight_max) {
                        until = (minute->minute + 1) * RATE_MINUTE_MS;
                }
                if (rate->raw_used > rate->raw_max) {
                        until = (rate->raw_window + 1) * RATE_FIVE_MINUTES_MS;
                }
                if (until != 0) {
                        rate_limit(rate, wall_ms, until - wall_ms);
                }
        }
        if (wall_ms < rate->limited_until_ms) {
                minute->refused++;
                return refuse_limited(rate, wall_ms, retry_after_s);
        }
        return RATE_OK;
}

bool rate_take_connection(struct rate *rate, int64_t wall_ms)
{
        size_t old = 0;
        while (old < rate->stamp_count && rate->stamps[old] <= wall_ms - RATE_FIVE_MINUTES_MS) {
                old++;
        }
        if (old == 0 && rate->stamp_count == RATE_STAMPS_MAX) {
                old = 1;
        }
        memmove(rate->stamps, rate->stamps + old, (rate->stamp_count - old) * sizeof rate->stamps[0]);
        rate->stamp_count -= old;
        rate->stamps[rate->stamp_count++] = wall_ms;
        rate->connections++;
        int64_t in_window = (int64_t)rate->stamp_count;
        if (in_window > rate->connections_in_window_max) {
                rate->connections_in_window_max = in_window;
        }
        bool allowed = rate->connections_max == 0 || in_window <= rate->connections_max;
        rate->connections_refused += !allowed;
        return allowed;
}
