// SPDX-License-Identifier: Apache-2.0
#include "common/window.h"

#include "common/limits.h"
#include "common/log.h"

void window_init(struct window *window, const struct window_limits *limits, uint64_t writer, mono_time now)
{
        REQUIRE(limits->bytes_reserved < limits->bytes_max && limits->batches_reserved < limits->batches_max);
        *window =
            (struct window){.limits = *limits, .writer = writer, .resend_ms = RESEND_AFTER_MS, .progress_time = now};
}

uint64_t window_seal(struct window *window, size_t bytes, size_t records)
{
        window->bytes += bytes;
        window->records += records;
        return ++window->sealed;
}

uint64_t window_next(const struct window *window)
{
        if (window->sent == window->sealed)
                return 0;
        // Whatever made the resend necessary may last; a whole window at once would only fill the socket with doubles.
        if (window->probing && window->sent - window->acknowledged >= RESEND_PROBE_BATCHES)
                return 0;
        return window->sent + 1;
}

void window_sent(struct window *window, mono_time now)
{
        REQUIRE(window->sent < window->sealed);
        if (window->sent == window->acknowledged && !window->probing)
                window->progress_time = now; // nothing was under way: the wait begins here
        window->sent++;
}

bool window_acknowledge(struct window *window, uint64_t durable, mono_time now)
{
        if (durable > window->sealed)
                return false;
        if (durable > window->acknowledged) {
                window->acknowledged = durable;
                if (window->sent < durable)
                        window->sent = durable; // sent before a resend began, and not lost after all
                window->probing = false;
                window->resend_ms = RESEND_AFTER_MS;
                window->progress_time = now;
        }
        return true;
}

void window_release(struct window *window, size_t bytes, size_t records)
{
        REQUIRE(bytes <= window->bytes && records <= window->records);
        window->bytes -= bytes;
        window->records -= records;
}

static void resend(struct window *window, mono_time now)
{
        window->sent = window->acknowledged;
        window->probing = true;
        window->progress_time = now;
}

bool window_check_writer(struct window *window, uint64_t writer, mono_time now)
{
        if (writer == window->writer || writer == 0)
                return false;
        window->writer = writer;
        window->resend_ms = RESEND_AFTER_MS;
        bool under_way = window->sent > window->acknowledged;
        resend(window, now);
        return under_way;
}

bool window_check_time(struct window *window, mono_time now)
{
        if (window->sent == window->acknowledged || mono_since_ms(now, window->progress_time) < window->resend_ms)
                return false;
        resend(window, now);
        window->resend_ms *= 2;
        if (window->resend_ms > RESEND_AFTER_MAX_MS)
                window->resend_ms = RESEND_AFTER_MAX_MS;
        return true;
}

static size_t batches(const struct window *window)
{
        return (size_t)(window->sealed - window->acknowledged);
}

bool window_may_seal(const struct window *window, bool reserved)
{
        return batches(window) + (reserved ? 0 : window->limits.batches_reserved) < window->limits.batches_max;
}

bool window_fits(const struct window *window, size_t bytes, size_t records, bool reserved)
{
        const struct window_limits *limits = &window->limits;

        if (reserved)
                return window->bytes + bytes <= limits->bytes_max;
        return window->bytes + bytes <= limits->bytes_max - limits->bytes_reserved &&
               window->records + records <= limits->records_max;
}

void window_refuse(struct window *window)
{
        window->full = true;
}

void window_relax(struct window *window, size_t building_bytes, size_t building_records)
{
        const struct window_limits *limits = &window->limits;

        if (window->full)
                window->full = window->bytes + building_bytes >= limits->bytes_max / 4 * 3 ||
                               window->records + building_records >= limits->records_max - limits->records_max / 4 ||
                               batches(window) >= limits->batches_max / 4 * 3;
}
