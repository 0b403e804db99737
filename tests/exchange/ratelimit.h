// SPDX-License-Identifier: Apache-2.0
// ratelimit: the exchange's limits for the one address there is: request weight per wall-clock minute, raw requests
// per five minutes, bans that grow, new connections per five minutes. Takes the time as an argument and does no I/O.
//
// Called by rest (requests) and websocket (handshakes). Everything it counts is shown by GET /ledger/requests.
#ifndef BF_EXCHANGE_RATELIMIT_H
#define BF_EXCHANGE_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_MINUTE_MS 60000
#define RATE_FIVE_MINUTES_MS 300000
#define RATE_BAN_MS_MAX INT64_C(259200000) // three days, as far as Binance goes
#define RATE_STAMPS_MAX 4096               // connections remembered for the rolling window
#define RATE_MINUTES_MAX 4096              // minutes of history kept for the tests

enum rate_verdict { RATE_OK, RATE_LIMITED, RATE_BANNED };

struct rate_minute {
        int64_t minute; // wall minutes since the epoch
        int64_t weight, requests, refused;
};

struct rate {
        int64_t weight_max; // 0: no limits at all
        int64_t raw_max, connections_max;
        int64_t ban_first_ms, ban_next_ms;
        int64_t limited_until_ms, banned_until_ms; // wall; 0: not
        int64_t asked_until_ms;                    // an injected answer asked for silence until then
        int64_t refusals_in_row;                   // 429s answered in this window
        struct rate_minute minutes[RATE_MINUTES_MAX];
        size_t minute_count;
        int64_t raw_window, raw_used;
        int64_t weight_used_max, violations, sent_429, sent_418;
        int64_t stamps[RATE_STAMPS_MAX];
        size_t stamp_count;
        int64_t connections, connections_refused, connections_in_window_max;
};

void rate_init(struct rate *rate, int64_t weight_max, int64_t connections_max, int64_t ban_ms);
// Counts one request of `weight`. When it may not pass, *retry_after_s says for how long. A request sent while an
// earlier answer forbade it is a violation; during a ban it lengthens the ban.
enum rate_verdict rate_take(struct rate *rate, int64_t weight, int64_t wall_ms, int64_t *retry_after_s);
int64_t rate_used(const struct rate *rate, int64_t wall_ms);
// Begins a ban of `ms`, or a 429 period, at once (a test asks for it).
void rate_ban(struct rate *rate, int64_t wall_ms, int64_t ms);
void rate_limit(struct rate *rate, int64_t wall_ms, int64_t ms);
// An injected 429 or 418 asked the client to be silent: later requests are served, and counted as violations.
void rate_ask_silence(struct rate *rate, int64_t wall_ms, int64_t ms);
// Counts one connection attempt; false when it is one too many within five minutes.
bool rate_take_connection(struct rate *rate, int64_t wall_ms);

#endif
