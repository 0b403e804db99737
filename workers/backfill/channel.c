// SPDX-License-Identifier: Apache-2.0
#include "workers/backfill/channel.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES_PER_WAKE_MAX 8

struct channel {
        struct event_base *base;
        struct channel_events events;
        struct event *readable;
        int fd;
};

static void detach(struct channel *channel)
{
        if (channel->readable != NULL)
                event_free(channel->readable);
        channel->readable = NULL;
        if (channel->fd >= 0)
                close(channel->fd);
        channel->fd = -1;
}

static void lose(struct channel *channel)
{
        detach(channel);
        channel->events.lost(channel->events.context);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
        struct channel *channel = context;
        struct job_message message;

        (void)what;
        for (int i = 0; i < MESSAGES_PER_WAKE_MAX && channel->fd == fd; i++) {
                ssize_t length = recv(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

                if (length < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (length > 0 && length != (ssize_t)sizeof(message)) {
                        log_error("the writer sent a job message of %zd bytes instead of %zu; the channel is closed",
                            length, sizeof(message));
                        length = 0;
                }
                if (length <= 0) {
                        lose(channel);
                        return;
                }
                message.text[sizeof(message.text) - 1] = '\0';
                channel->events.message(channel->events.context, &message);
        }
}

struct channel *channel_new(struct event_base *base, const struct channel_events *events)
{
        struct channel *channel = memory_zeroed(1, sizeof(*channel));

        channel->base = base;
        channel->events = *events;
        channel->fd = -1;
        return channel;
}

void channel_free(struct channel *channel)
{
        if (channel == NULL)
                return;
        detach(channel);
        free(channel);
}

int channel_attach(struct channel *channel, int fd)
{
        detach(channel);
        channel->fd = fd;
        channel->readable = event_new(channel->base, fd, EV_READ | EV_PERSIST, on_readable, channel);
        if (channel->readable == NULL || event_add(channel->readable, NULL) != 0) {
                detach(channel);
                errno = ENOMEM;
                return -1;
        }
        return 0;
}

bool channel_is_open(const struct channel *channel)
{
        return channel->fd >= 0;
}

void channel_send(
    struct channel *channel, enum job_message_type type, uint64_t lease, uint32_t failure, const char *text)
{
        struct job_message message = {.type = (uint32_t)type, .failure = failure, .job = {.lease = lease}};

        if (channel->fd < 0)
                return;
        snprintf(message.text, sizeof(message.text), "%s", text);
        if (send(channel->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(message))
                return;
        if (errno == EAGAIN) {
                // Hundreds of messages fit, and there is one a job: a writer that reads none of them is no writer.
                log_error("the writer reads no job messages; starting afresh");
                exit(EXIT_TRY_LATER);
        }
        lose(channel);
}
