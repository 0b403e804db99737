// SPDX-License-Identifier: Apache-2.0
// The life of the connection that carries a set of streams, as a pure state machine: connecting, live, renewed with an
// overlap, lost, waiting. It has two legs so that a renewal can flow beside the old connection. carrier.c reports what
// happened, asks what to do next and does it; all times are arguments.
//
// It never gives up: after `max_retries` quick failures it is only called degraded, until it was healthy for a minute.
#ifndef WORKERS_STREAM_CONNECTION_H
#define WORKERS_STREAM_CONNECTION_H

#include "common/clock.h"
#include "workers/stream/backoff.h"
#include "workers/stream/renewal.h"

#include <stdbool.h>
#include <stdint.h>

#define CONNECTION_LEGS 2
#define CONNECT_WITHIN_MS 20000 // from start to the first frame allowed
#define HEALTHY_AFTER_MS 60000

enum leg_state { LEG_NONE, LEG_CONNECTING, LEG_LIVE };

struct connection {
        enum leg_state legs[CONNECTION_LEGS];
        unsigned primary;     // the leg that carries the streams, or will
        bool held;            // nothing may be opened
        bool renewal_wanted;  // now, whatever the plan says
        mono_time connect_at; // next attempt for the primary leg
        mono_time renew_at;   // next attempt to renew
        mono_time attempt_until[CONNECTION_LEGS];
        mono_time live_since; // of the primary leg
        struct backoff backoff, renewal_backoff;
        uint32_t max_retries;
        struct renewal renewal;
};

enum connection_action {
        CONNECTION_WAIT,
        CONNECTION_OPEN,    // open `leg`: the streams have no connection
        CONNECTION_RENEW,   // open `leg` beside the live one
        CONNECTION_ABANDON, // close `leg`: it took too long to connect
        CONNECTION_SWITCH,  // close `leg`: its successor carries everything
};

struct connection_step {
        enum connection_action action;
        unsigned leg;
        mono_time again_at; // CONNECTION_WAIT: ask again then, or after the next event
};

enum connection_loss {
        LOSS_ATTEMPT,  // an attempt failed, nothing carried the streams
        LOSS_STREAMS,  // the streams were cut off
        LOSS_TAKEOVER, // the old leg of an overlap; its successor, now primary, carries on
        LOSS_RENEWAL,  // the new leg of an overlap; the old one carries on
};

void connection_init(struct connection *connection, uint32_t retry_delay_ms, uint32_t max_retries, mono_time now);
// What to do next. CONNECTION_SWITCH has taken place in the state when it is returned.
struct connection_step connection_step(struct connection *connection, mono_time now);

// Events. Opening was started; it may not start for `wait_ms` (connection budget); the leg is up; it ended.
void connection_opening(struct connection *connection, unsigned leg, mono_time now);
void connection_postpone(struct connection *connection, unsigned leg, mono_time now, int64_t wait_ms);
void connection_live(struct connection *connection, unsigned leg, mono_time now, int64_t renew_in_ms);
// `wait_ms_min`: the exchange wants at least this pause. *delay_ms: until the next attempt.
enum connection_loss connection_lost(struct connection *connection, unsigned leg, mono_time now, uint64_t random,
    int64_t wait_ms_min, int64_t *delay_ms);
void connection_renew_now(struct connection *connection);
// Held: both legs are being closed by the caller and none is opened until released.
void connection_hold(struct connection *connection, bool held, mono_time now);

unsigned connection_other(unsigned leg);
bool connection_is_live(const struct connection *connection);
bool connection_is_overlapping(const struct connection *connection); // both legs are up
bool connection_is_degraded(const struct connection *connection);

#endif
