// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/connection.h"

static mono_time after_ms(mono_time now, int64_t ms)
{
        return (mono_time){now.us + ms * US_PER_MS};
}

static mono_time earlier(mono_time a, mono_time b)
{
        return a.us < b.us ? a : b;
}

unsigned connection_other(unsigned leg)
{
        return 1 - leg;
}

bool connection_is_live(const struct connection *connection)
{
        return connection->legs[connection->primary] == LEG_LIVE;
}

bool connection_is_overlapping(const struct connection *connection)
{
        return connection->legs[0] == LEG_LIVE && connection->legs[1] == LEG_LIVE;
}

bool connection_is_degraded(const struct connection *connection)
{
        return connection->backoff.failures > connection->max_retries;
}

void connection_init(struct connection *connection, uint32_t retry_delay_ms, uint32_t max_retries, mono_time now)
{
        *connection = (struct connection){
            .connect_at = now,
            .backoff = {.first_ms = retry_delay_ms},
            .renewal_backoff = {.first_ms = retry_delay_ms},
            .max_retries = max_retries,
        };
}

static struct connection_step wait_until(mono_time at)
{
        return (struct connection_step){.action = CONNECTION_WAIT, .again_at = at};
}

static struct connection_step act(enum connection_action action, unsigned leg)
{
        return (struct connection_step){.action = action, .leg = leg};
}

// An attempt under way on `leg`.
static struct connection_step step_attempt(const struct connection *connection, unsigned leg, mono_time now)
{
        if (now.us >= connection->attempt_until[leg].us)
                return act(CONNECTION_ABANDON, leg);
        return wait_until(connection->attempt_until[leg]);
}

static struct connection_step step_overlap(struct connection *connection, mono_time now)
{
        unsigned old = connection->primary;

        if (!renewal_is_complete(&connection->renewal, now))
                return wait_until(renewal_deadline(&connection->renewal));
        connection->legs[old] = LEG_NONE;
        connection->primary = connection_other(old);
        connection->live_since = connection->renewal.live_at;
        return act(CONNECTION_SWITCH, old);
}

static struct connection_step step_live(struct connection *connection, mono_time now)
{
        unsigned other = connection_other(connection->primary);
        mono_time healthy_at = after_ms(connection->live_since, HEALTHY_AFTER_MS);

        if (connection->legs[other] == LEG_LIVE)
                return step_overlap(connection, now);
        if (connection->backoff.failures > 0 && now.us >= healthy_at.us)
                backoff_reset(&connection->backoff);
        mono_time again_at = connection->backoff.failures > 0 ? healthy_at : (mono_time){INT64_MAX};
        struct connection_step step;
        if (connection->legs[other] == LEG_CONNECTING)
                step = step_attempt(connection, other, now);
        else if (!connection->held && now.us >= connection->renew_at.us)
                step = act(CONNECTION_RENEW, other);
        else
                step = wait_until(connection->held ? (mono_time){INT64_MAX} : connection->renew_at);
        if (step.action == CONNECTION_WAIT)
                step.again_at = earlier(step.again_at, again_at);
        return step;
}

struct connection_step connection_step(struct connection *connection, mono_time now)
{
        unsigned primary = connection->primary;

        switch (connection->legs[primary]) {
        case LEG_LIVE: return step_live(connection, now);
        case LEG_CONNECTING: return step_attempt(connection, primary, now);
        case LEG_NONE: break;
        }
        if (connection->held)
                return wait_until((mono_time){INT64_MAX});
        if (now.us >= connection->connect_at.us)
                return act(CONNECTION_OPEN, primary);
        return wait_until(connection->connect_at);
}

void connection_opening(struct connection *connection, unsigned leg, mono_time now)
{
        connection->legs[leg] = LEG_CONNECTING;
        connection->attempt_until[leg] = after_ms(now, CONNECT_WITHIN_MS);
}

void connection_postpone(struct connection *connection, unsigned leg, mono_time now, int64_t wait_ms)
{
        mono_time at = after_ms(now, wait_ms);

        if (leg == connection->primary)
                connection->connect_at = at;
        else
                connection->renew_at = at;
}

void connection_live(struct connection *connection, unsigned leg, mono_time now, int64_t renew_in_ms)
{
        connection->legs[leg] = LEG_LIVE;
        connection->renew_at = after_ms(now, renew_in_ms);
        connection->renewal_wanted = false;
        if (leg == connection->primary) {
                connection->live_since = now;
        } else {
                backoff_reset(&connection->renewal_backoff);
                renewal_start(&connection->renewal, now);
        }
}

static int64_t next_delay(struct backoff *backoff, uint64_t random, int64_t wait_ms_min)
{
        int64_t delay_ms = backoff_fail(backoff, random);

        // A pause that the exchange asks for gets jitter too.
        return delay_ms >= wait_ms_min ? delay_ms : wait_ms_min + (int64_t)(random % 5000);
}

enum connection_loss connection_lost(
    struct connection *connection, unsigned leg, mono_time now, uint64_t random, int64_t wait_ms_min, int64_t *delay_ms)
{
        unsigned other = connection_other(leg);
        bool was_live = connection->legs[leg] == LEG_LIVE;

        connection->legs[leg] = LEG_NONE;
        *delay_ms = 0;
        if (leg != connection->primary) {
                *delay_ms = next_delay(&connection->renewal_backoff, random, wait_ms_min);
                connection->renew_at = after_ms(now, *delay_ms);
                return LOSS_RENEWAL;
        }
        if (connection->legs[other] == LEG_LIVE) {
                connection->primary = other;
                connection->live_since = connection->renewal.live_at;
                return LOSS_TAKEOVER;
        }
        // An attempt to renew that is still under way becomes the attempt to reconnect.
        if (connection->legs[other] == LEG_CONNECTING)
                connection->primary = other;
        if (was_live && mono_since_ms(now, connection->live_since) >= HEALTHY_AFTER_MS)
                backoff_reset(&connection->backoff);
        *delay_ms = next_delay(&connection->backoff, random, wait_ms_min);
        connection->connect_at = after_ms(now, *delay_ms);
        return was_live ? LOSS_STREAMS : LOSS_ATTEMPT;
}

void connection_renew_now(struct connection *connection)
{
        // Once per connection: until a renewal is up, further announcements change nothing.
        if (connection->renewal_wanted || !connection_is_live(connection) || connection_is_overlapping(connection))
                return;
        connection->renewal_wanted = true;
        connection->renew_at = (mono_time){0};
}

void connection_hold(struct connection *connection, bool held, mono_time now)
{
        connection->held = held;
        if (held)
                connection->legs[0] = connection->legs[1] = LEG_NONE;
        else
                connection->connect_at = now;
}
