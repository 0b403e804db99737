// SPDX-License-Identifier: Apache-2.0
#include "supervisor/shutdown.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "supervisor/children.h"
#include "supervisor/notify.h"
#include "supervisor/obituary.h"

static void enter(struct supervisor *supervisor, enum phase phase)
{
        supervisor->phase = phase;
        supervisor->phase_since = mono_now();
        switch (phase) {
        case PHASE_BACKFILL: children_event_all(supervisor, CHILD_BACKFILL, POLICY_UNWANT); break;
        case PHASE_STREAMS: children_event_all(supervisor, CHILD_STREAM, POLICY_UNWANT); break;
        case PHASE_WRITER:
                children_event_all(supervisor, CHILD_WRITER, POLICY_UNWANT);
                children_event_all(supervisor, CHILD_GATEWAY, POLICY_UNWANT);
                break;
        case PHASE_RUN:
        case PHASE_OVER: break;
        }
}

void shutdown_begin(struct supervisor *supervisor, int exit_code, const char *why)
{
        if (supervisor->phase != PHASE_RUN) {
                if (exit_code > supervisor->exit_code)
                        supervisor->exit_code = exit_code;
                return;
        }
        log_info("stopping in order (backfill, streams, writer): %s", why);
        notify_send("STOPPING=1");
        supervisor->exit_code = exit_code;
        supervisor->stop_since = mono_now();
        enter(supervisor, PHASE_BACKFILL);
}

void shutdown_hurry(struct supervisor *supervisor)
{
        log_warn("asked again: every child gets SIGTERM now; what was acknowledged is safe");
        children_event_all(supervisor, CHILD_NONE, POLICY_HURRY);
}

void shutdown_note_death(struct supervisor *supervisor, const struct managed *child, int code)
{
        if (supervisor->phase != PHASE_RUN)
                return;
        if (supervisor->one_shot && code == POLICY_EXEC_FAILED_CODE) {
                log_error("a program of ours cannot be started: is the installation complete? (see above)");
                shutdown_begin(supervisor, EXIT_FAILED, "nothing can be fetched without it");
        }
        if (child != supervisor->writer)
                return;
        bool config = code == EXIT_BAD_CONFIG || code == EXIT_CHILD_USAGE;
        if (!supervisor->workers_started && config)
                shutdown_begin(supervisor, EXIT_BAD_CONFIG, "the writer refuses this configuration (see above)");
        else if (!supervisor->workers_started && supervisor->one_shot && code == EXIT_TRY_LATER)
                shutdown_begin(supervisor, EXIT_TRY_LATER, "the writer cannot start now (see above)");
        else if (supervisor->one_shot && child->policy.state == POLICY_FAILED)
                shutdown_begin(supervisor, EXIT_BUG, "the writer fails again and again (see above)");
}

// Gone, or everything it had is durable.
static bool class_is_done(const struct supervisor *supervisor, enum child_class class)
{
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                if (child != NULL && child->policy.class == class && policy_has_process(child->policy.state) &&
                    !child->drained)
                        return false;
        }
        return true;
}

static bool all_are_gone(const struct supervisor *supervisor)
{
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                if (supervisor->slots[i] != NULL && policy_has_process(supervisor->slots[i]->policy.state))
                        return false;
        }
        return true;
}

static void finish(struct supervisor *supervisor)
{
        char span[SPAN_TEXT_SIZE];

        enter(supervisor, PHASE_OVER);
        log_info("stopped after %s", obituary_span(mono_since_ms(mono_now(), supervisor->stop_since), span));
        (void)event_base_loopbreak(supervisor->base);
}

void shutdown_advance(struct supervisor *supervisor)
{
        if (supervisor->phase == PHASE_RUN || supervisor->phase == PHASE_OVER)
                return;
        if (supervisor->phase == PHASE_BACKFILL && class_is_done(supervisor, CHILD_BACKFILL))
                enter(supervisor, PHASE_STREAMS);
        if (supervisor->phase == PHASE_STREAMS && class_is_done(supervisor, CHILD_STREAM))
                enter(supervisor, PHASE_WRITER);
        if (supervisor->phase == PHASE_WRITER && all_are_gone(supervisor)) {
                finish(supervisor);
                return;
        }
        if (mono_since_ms(mono_now(), supervisor->stop_since) < STOP_DEADLINE_S * 1000)
                return;
        log_error("some children could not be killed; ending without them");
        finish(supervisor);
}
