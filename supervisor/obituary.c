// SPDX-License-Identifier: Apache-2.0
#include "supervisor/obituary.h"

#include "common/exitcode.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

const char *obituary_span(int64_t ms, char text[SPAN_TEXT_SIZE])
{
        int64_t s = ms / 1000;

        if (s < 60)
                snprintf(text, SPAN_TEXT_SIZE, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
        else if (s < 3600)
                snprintf(text, SPAN_TEXT_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
        else if (s < 48 * 3600)
                snprintf(text, SPAN_TEXT_SIZE, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
        else
                snprintf(text, SPAN_TEXT_SIZE, "%" PRId64 " days", s / 86400);
        return text;
}

static const char *meaning_of(int code)
{
        switch (code) {
        case EXIT_DONE: return "done";
        case EXIT_FAILED: return "failed";
        case EXIT_BAD_USAGE: return "bad usage";
        case EXIT_CHILD_USAGE: return "started wrongly";
        case EXIT_BUG: return "internal inconsistency";
        case EXIT_TRY_LATER: return "try later";
        case EXIT_BAD_CONFIG: return "bad configuration";
        case POLICY_EXEC_FAILED_CODE: return "could not be started";
        default: return "unexpected";
        }
}

const char *obituary_cause(const struct death *death, char text[REASON_SIZE])
{
        if (death->term_signal == 0) {
                snprintf(text, REASON_SIZE, "exit %d (%s)", death->code, meaning_of(death->code));
                return text;
        }
        const char *name = sigabbrev_np(death->term_signal);
        char number[16];
        snprintf(number, sizeof(number), "%d", death->term_signal);
        snprintf(text, REASON_SIZE, "SIG%s%s%s", name != NULL ? name : number, death->core ? ", core kept" : "",
            death->killed_by_us ? ", sent by the supervisor" : "");
        return text;
}

static const char *ordinal(uint32_t number)
{
        if (number % 100 >= 11 && number % 100 <= 13)
                return "th";
        return number % 10 == 1 ? "st" : number % 10 == 2 ? "nd" : number % 10 == 3 ? "rd" : "th";
}

static void write_next(const struct death *death, char *text, size_t size)
{
        const struct policy_child *after = &death->after;
        char span[SPAN_TEXT_SIZE];
        bool timed = after->deadline.us != POLICY_NEVER.us;
        int64_t wait_ms = timed ? mono_since_ms(after->deadline, death->now) : 0;

        obituary_span(wait_ms > 0 ? wait_ms : 0, span);
        switch (after->state) {
        case POLICY_DOWN: snprintf(text, size, "as asked"); break;
        case POLICY_FAILED:
                if (timed)
                        snprintf(text, size, "too many crashes: one more trial in %s", span);
                else
                        snprintf(text, size, "it is not started again until a reload changes its configuration");
                break;
        case POLICY_BACKOFF:
                if (wait_ms <= 0)
                        snprintf(text, size, "it is started again at once");
                else if (after->failures > 1)
                        snprintf(text, size, "it is started again in %s (%" PRIu32 "%s failure in a row)", span,
                            after->failures, ordinal(after->failures));
                else
                        snprintf(text, size, "it is started again in %s", span);
                break;
        default: snprintf(text, size, "nothing follows"); break;
        }
}

enum log_level obituary_write(const struct death *death, char text[LOG_LINE_BYTES_MAX])
{
        char lived[SPAN_TEXT_SIZE], age[SPAN_TEXT_SIZE], heartbeat[64], cause[REASON_SIZE], next[REASON_SIZE];
        const char *class = child_class_name(death->class);
        // A writer's name is its class; "writer writer" helps nobody.
        bool named = strcmp(class, death->name) != 0;

        if (death->heartbeat_age_ms < 0)
                snprintf(heartbeat, sizeof(heartbeat), "no heartbeat");
        else
                snprintf(heartbeat, sizeof(heartbeat), "last heartbeat %s before",
                    obituary_span(death->heartbeat_age_ms, age));
        write_next(death, next, sizeof(next));
        snprintf(text, LOG_LINE_BYTES_MAX, "%s%s%s (pid %ld) ended after %s: %s; %s; %s", class, named ? " " : "",
            named ? death->name : "", (long)death->pid, obituary_span(death->lived_ms, lived),
            obituary_cause(death, cause), heartbeat, next);
        if (death->after.state == POLICY_FAILED)
                return LOG_LEVEL_ERROR;
        if (death->after.state == POLICY_DOWN || death->state == POLICY_STOPPING)
                return death->term_signal == 0 && death->code == EXIT_DONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
        return LOG_LEVEL_WARN;
}
