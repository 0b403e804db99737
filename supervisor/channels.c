// SPDX-License-Identifier: Apache-2.0
#include "supervisor/channels.h"

#include "common/log.h"
#include "supervisor/children.h"

#include <unistd.h>

static bool is_joined(const struct managed *worker, const struct managed *writer)
{
        return worker->channel_writer == writer->incarnation && worker->channel_own == worker->incarnation;
}

static void join(struct managed *writer, struct managed *worker)
{
        char title[CHILD_TITLE_SIZE];
        int ends[2];

        if (control_pair(ends) != 0) {
                log_error("%s gets no jobs for now: no socket pair: %m", children_title(worker, title));
                return; // tried again after the next event
        }
        // Both messages carry the worker's slot and incarnation: the channel is his.
        children_send(writer, CONTROL_JOB_CHANNEL, worker->slot, worker->incarnation, NULL, 0, ends[0]);
        children_send(worker, CONTROL_JOB_CHANNEL, worker->slot, worker->incarnation, NULL, 0, ends[1]);
        close(ends[0]);
        close(ends[1]);
        worker->channel_writer = writer->incarnation;
        worker->channel_own = worker->incarnation;
}

void channels_renew(struct supervisor *supervisor)
{
        struct managed *writer = supervisor->writer;

        if (writer == NULL || writer->policy.state != POLICY_READY)
                return;
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *worker = supervisor->slots[i];
                if (worker != NULL && worker->policy.class == CHILD_BACKFILL && worker->policy.state == POLICY_READY &&
                    !is_joined(worker, writer))
                        join(writer, worker);
        }
}
