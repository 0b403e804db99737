// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/liveness.h"

void liveness_start(struct liveness *liveness, mono_time now)
{
        *liveness = (struct liveness){.proven_at = now};
}

void liveness_pinged(struct liveness *liveness, mono_time now)
{
        liveness->pinged_at = now;
        liveness->awaiting_pong = true;
}

void liveness_pong(struct liveness *liveness, mono_time now)
{
        liveness->proven_at = now;
        liveness->awaiting_pong = false;
}

mono_time liveness_deadline(const struct liveness *liveness)
{
        if (liveness->awaiting_pong)
                return (mono_time){liveness->pinged_at.us + PONG_WITHIN_MS * US_PER_MS};
        return (mono_time){liveness->proven_at.us + PING_EVERY_MS * US_PER_MS};
}

enum liveness_verdict liveness_check(const struct liveness *liveness, mono_time now)
{
        if (now.us < liveness_deadline(liveness).us)
                return LIVENESS_OK;
        return liveness->awaiting_pong ? LIVENESS_DEAD : LIVENESS_PING;
}

void silence_start(struct silence *silence, mono_time now, int64_t exchange_us)
{
        silence->heard_at = now;
        silence->heard_us = exchange_us > 0 ? exchange_us : 0;
}

void silence_heard(struct silence *silence, mono_time now, int64_t event_us)
{
        silence->heard_at = now;
        silence->heard_us = event_us;
        silence->pause_ms = 0;
}

bool silence_is_due(struct silence *silence, mono_time now, int64_t exchange_us, int64_t shortest_us)
{
        int64_t bars_us = SILENCE_BARS * shortest_us;

        if (bars_us > SILENCE_BARS_MAX_US)
                bars_us = SILENCE_BARS_MAX_US;
        // Exchange time was not known when it connected, and nothing has come since.
        if (silence->heard_us == 0 && exchange_us > 0)
                silence->heard_us = exchange_us;
        if (mono_since_ms(now, silence->heard_at) < SILENCE_MS)
                return false;
        if (exchange_us < 0 || exchange_us - silence->heard_us < bars_us + SILENCE_GRACE_US)
                return false;
        return silence->pause_ms == 0 || mono_since_ms(now, silence->asked_at) >= silence->pause_ms;
}

void silence_asked(struct silence *silence, mono_time now)
{
        silence->asked_at = now;
        silence->pause_ms = silence->pause_ms == 0 ? SILENCE_ASK_MS : silence->pause_ms * 2;
        if (silence->pause_ms > SILENCE_ASK_MS_MAX)
                silence->pause_ms = SILENCE_ASK_MS_MAX;
}

void silence_unanswered(struct silence *silence)
{
        if (silence->pause_ms != 0) // else it is over
                silence->pause_ms = SILENCE_ASK_AGAIN_MS;
}

bool liveness_bar_is_late(int64_t close_us, int64_t exchange_us)
{
        return close_us != 0 && exchange_us > close_us + SILENCE_GRACE_US;
}
