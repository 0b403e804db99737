// SPDX-License-Identifier: Apache-2.0
#include "supervisor/messages.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memfile.h"
#include "supervisor/brake.h"
#include "supervisor/children.h"
#include "supervisor/listener.h"
#include "supervisor/notify.h"
#include "supervisor/roster.h"
#include "supervisor/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_ready(struct supervisor *supervisor, struct managed *child)
{
        char title[CHILD_TITLE_SIZE];
        bool first = child->policy.state == POLICY_STARTING;

        children_event(supervisor, child, POLICY_STARTED_UP);
        if (!first)
                return;
        log_debug("%s is ready", children_title(child, title));
        brake_note_ready(supervisor, child);
        if (child != supervisor->writer || supervisor->workers_started || supervisor->phase != PHASE_RUN)
                return;
        supervisor->workers_started = true;
        roster_apply(supervisor);
        log_info("the writer is ready: %zu stream and %zu backfill workers start",
            children_wanted(supervisor, CHILD_STREAM), children_wanted(supervisor, CHILD_BACKFILL));
        notify_send("READY=1");
}

// A catalogue is read, never mapped: what is sealed today could be a mistake tomorrow, and SIGBUS would end us.
static void on_symbols(struct supervisor *supervisor, int fd)
{
        long long bytes = memfile_sealed_bytes(fd);
        size_t size = bytes > 0 ? (size_t)bytes : 0, count = size / sizeof(struct catalogue_entry);

        if (size == 0 || size % sizeof(struct catalogue_entry) != 0 || count > CATALOGUE_ENTRIES_MAX) {
                log_error("the writer's catalogue is refused: %lld bytes are no whole number of at most %d entries",
                    bytes, CATALOGUE_ENTRIES_MAX);
                return;
        }
        struct catalogue_entry *entries = malloc(size);
        if (entries == NULL || pread(fd, entries, size, 0) != bytes) {
                log_error("the writer's catalogue could not be read: %m; the old one stays");
                free(entries);
                return;
        }
        roster_adopt_catalogue(supervisor, entries, count);
}

static void on_suspect(struct supervisor *supervisor, const struct control_header *header)
{
        char title[CHILD_TITLE_SIZE];
        struct managed *child = children_by_slot(supervisor, header->slot, header->incarnation);

        if (child == NULL || child == supervisor->writer)
                return; // it is gone already
        log_error("%s (pid %ld) sent the writer what no worker of ours sends", children_title(child, title),
            (long)child->pid);
        children_event(supervisor, child, POLICY_SUSPECT);
}

static void on_result(struct supervisor *supervisor, const struct control_message *message)
{
        struct control_result result;

        memcpy(&result, message->payload, sizeof(result));
        result.text[sizeof(result.text) - 1] = '\0';
        if (message->header.type == CONTROL_RESULT)
                listener_answer(supervisor, &result);
        else if (supervisor->one_shot && supervisor->phase == PHASE_RUN)
                shutdown_begin(supervisor, result.error == EHOSTUNREACH ? EXIT_TRY_LATER : EXIT_FAILED, result.text);
}

static void on_complete(struct supervisor *supervisor)
{
        if (supervisor->one_shot && supervisor->phase == PHASE_RUN)
                shutdown_begin(supervisor, 0, "everything wanted is stored or explained");
        // Each hole that was repaired makes it complete again; that is no news.
        if (!supervisor->one_shot && supervisor->complete_generation != supervisor->generation)
                log_info("history is complete: everything wanted up to now is stored or explained");
        supervisor->complete_generation = supervisor->generation;
}

// True where the message is one that this child may send.
static bool act(struct supervisor *supervisor, struct managed *child, const struct control_message *message)
{
        const struct control_header *header = &message->header;
        bool own = header->slot == child->slot && header->incarnation == child->incarnation;

        if (header->type == CONTROL_SUSPECT && child == supervisor->writer) {
                on_suspect(supervisor, header);
                return true;
        }
        if (!own)
                return false;
        switch (header->type) {
        case CONTROL_READY: on_ready(supervisor, child); return true;
        case CONTROL_DRAINED: child->drained = true; return true;
        default: break;
        }
        if (child != supervisor->writer)
                return false;
        switch (header->type) {
        case CONTROL_SYMBOLS: on_symbols(supervisor, message->fd); return true;
        case CONTROL_COMPLETE: on_complete(supervisor); return true;
        case CONTROL_EXHAUSTED:
        case CONTROL_RESULT: on_result(supervisor, message); return true;
        default: return false;
        }
}

static void disbelieve(struct supervisor *supervisor, struct managed *child, const char *what)
{
        char title[CHILD_TITLE_SIZE];

        log_error("%s (pid %ld) sent %s; it is killed and started again", children_title(child, title),
            (long)child->pid, what);
        (void)event_del(child->readable); // nothing it says counts any more
        children_event(supervisor, child, POLICY_SUSPECT);
}

void messages_receive(struct supervisor *supervisor, struct managed *child)
{
        static struct control_message message;

        for (unsigned i = 0; i < CHILD_MESSAGES_PER_TURN_MAX; i++) {
                int result = control_receive(child->control, &message);
                if (result == 1) {
                        bool good = act(supervisor, child, &message);
                        if (message.fd >= 0)
                                close(message.fd);
                        if (good)
                                continue;
                        disbelieve(supervisor, child, "a control message that it should not send");
                        return;
                }
                if (result == 0 || errno != EAGAIN) {
                        // At its end the pidfd says more; one that lives on without its socket is found by its hang
                        // limit.
                        if (result != 0 && errno == EBADMSG)
                                disbelieve(supervisor, child, "a malformed control message");
                        else
                                (void)event_del(child->readable);
                }
                return;
        }
}
