// SPDX-License-Identifier: Apache-2.0
// The worker's end of the job channel to the writer: a SEQPACKET pair that the supervisor renews when either side was
// restarted. Used by main.c. Owns the descriptor.
#ifndef BACKFILL_CHANNEL_H
#define BACKFILL_CHANNEL_H

#include "common/job.h"

#include <stdbool.h>

struct event_base;
struct channel;

struct channel_events {
        void (*message)(void *context, const struct job_message *message);
        void (*lost)(void *context); // EOF or an error: the writer is gone, its leases with it
        void *context;
};

struct channel *channel_new(struct event_base *base, const struct channel_events *events);
void channel_free(struct channel *channel);
// Takes over `fd`, in place of an older one. Returns 0, or -1 with errno.
int channel_attach(struct channel *channel, int fd);
bool channel_is_open(const struct channel *channel);
// Without a channel this does nothing: whoever would read it is gone. A broken channel is reported by `lost`.
void channel_send(
    struct channel *channel, enum job_message_type type, uint64_t lease, uint32_t failure, const char *text);

#endif
