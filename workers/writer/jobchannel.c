// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/jobchannel.h"

#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct channel {
        int fd; // -1: broken or none
        struct event *readable;
        uint64_t incarnation;
        uint64_t lease;
        bool wanting;
};

struct jobchannels {
        struct event_base *base;
        struct store *store;
        struct governor_page *governor;
        struct event *timer;
        struct channel channels[SLOTS_MAX];
        uint16_t used[PARALLELISM_MAX]; // slots that have or had a channel
        size_t used_count;
};

static void on_timer(evutil_socket_t fd, short events, void *context)
{
        (void)fd;
        (void)events;
        jobchannels_serve(context);
}

struct jobchannels *jobchannels_new(struct event_base *base, struct store *store, struct governor_page *governor)
{
        struct jobchannels *channels = memory_zeroed(1, sizeof(*channels));

        channels->base = base;
        channels->store = store;
        channels->governor = governor;
        channels->timer = evtimer_new(base, on_timer, channels);
        for (size_t slot = 0; slot < SLOTS_MAX; slot++)
                channels->channels[slot].fd = -1;
        REQUIRE(channels->timer != NULL);
        return channels;
}

static void disconnect(struct channel *channel)
{
        if (channel->readable != NULL)
                event_free(channel->readable);
        if (channel->fd != -1)
                (void)close(channel->fd);
        channel->readable = NULL;
        channel->fd = -1;
        channel->wanting = false;
}

void jobchannels_free(struct jobchannels *channels)
{
        for (size_t i = 0; i < channels->used_count; i++)
                disconnect(&channels->channels[channels->used[i]]);
        event_free(channels->timer);
        free(channels);
}

static void release(struct jobchannels *channels, struct channel *channel, uint32_t failure, const char *text)
{
        if (channel->lease == 0)
                return;
        store_release_job(channels->store, channel->lease, failure, text);
        channel->lease = 0;
}

// ---- messages of a worker ----

static void on_message(struct jobchannels *channels, struct channel *channel, const struct job_message *message)
{
        switch (message->type) {
        case JOB_WANT:
                release(channels, channel, JOB_FAILURE_STOPPED, "the worker asked for another");
                channel->wanting = true;
                break;
        case JOB_FAILED:
                if (message->job.lease == channel->lease)
                        release(channels, channel, message->failure, message->text);
                break;
        default: log_warn("a backfill worker sent a job message of unknown type %u; it is ignored", message->type);
        }
}

static void on_readable(evutil_socket_t fd, short events, void *context)
{
        struct jobchannels *channels = context;
        struct job_message message;
        struct channel *channel = NULL;

        (void)events;
        for (size_t i = 0; i < channels->used_count && channel == NULL; i++)
                if (channels->channels[channels->used[i]].fd == fd)
                        channel = &channels->channels[channels->used[i]];
        REQUIRE(channel != NULL);
        ssize_t length = recv(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
        if (length == -1 && (errno == EAGAIN || errno == EINTR))
                return;
        if (length != (ssize_t)sizeof(message)) {
                if (length > 0)
                        log_warn("a backfill worker sent a job message of %zd bytes, not %zu; its channel is closed",
                            length, sizeof(message));
                disconnect(channel);
                return;
        }
        message.text[REASON_SIZE - 1] = '\0';
        on_message(channels, channel, &message);
        jobchannels_serve(channels);
}

// ---- life of a channel ----

void jobchannels_attach(struct jobchannels *channels, uint16_t slot, uint64_t incarnation, int fd)
{
        struct channel *channel = &channels->channels[slot];
        bool known = false;

        for (size_t i = 0; i < channels->used_count; i++)
                known = known || channels->used[i] == slot;
        if (!known && channels->used_count == PARALLELISM_MAX) {
                // Slots of a pool that a reload made smaller make room.
                for (size_t i = 0; i < channels->used_count; i++)
                        if (channels->channels[channels->used[i]].fd == -1)
                                channels->used[i--] = channels->used[--channels->used_count];
        }
        if (!known && channels->used_count < PARALLELISM_MAX)
                channels->used[channels->used_count++] = slot;
        disconnect(channel);
        release(channels, channel, JOB_FAILURE_STOPPED, "the worker was connected anew");
        channel->incarnation = incarnation;
        channel->fd = fd;
        channel->readable = event_new(channels->base, fd, EV_READ | EV_PERSIST, on_readable, channels);
        REQUIRE(channel->readable != NULL && event_add(channel->readable, NULL) == 0);
}

void jobchannels_died(struct jobchannels *channels, uint16_t slot, uint64_t incarnation, bool crash)
{
        struct channel *channel = &channels->channels[slot];

        if (channel->incarnation != incarnation)
                return;
        disconnect(channel);
        release(channels, channel, crash ? 0 : JOB_FAILURE_STOPPED, crash ? "its worker crashed" : "its worker ended");
        jobchannels_serve(channels);
}

uint64_t jobchannels_lease(const struct jobchannels *channels, uint16_t slot)
{
        return channels->channels[slot].lease;
}

void jobchannels_close_lease(struct jobchannels *channels, uint16_t slot, bool revoke)
{
        struct channel *channel = &channels->channels[slot];
        struct job_message message = {.type = JOB_REVOKE, .job = {.lease = channel->lease}};

        if (revoke && channel->fd != -1)
                (void)send(
                    channel->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL); // a broken one is EOF anyway
        channel->lease = 0;
}

// ---- granting ----

static bool grant(struct jobchannels *channels, struct channel *channel, int64_t now_us, int64_t *retry_ms)
{
        struct job_message message = {.type = JOB_GRANT};

        if (!store_next_job(channels->store, now_us, &message.job, retry_ms))
                return false;
        channel->lease = message.job.lease;
        channel->wanting = false;
        if (send(channel->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof(message)) {
                release(channels, channel, JOB_FAILURE_STOPPED, "its channel broke");
                disconnect(channel);
        }
        return true;
}

void jobchannels_serve(struct jobchannels *channels)
{
        int64_t now_us = governor_exchange_now_us(channels->governor);
        int64_t retry_ms = 1000;

        for (size_t i = 0; i < channels->used_count; i++) {
                struct channel *channel = &channels->channels[channels->used[i]];

                if (channel->wanting && channel->fd != -1 && !grant(channels, channel, now_us, &retry_ms))
                        break; // nothing for the others either
        }
        // Exchange time may run faster than ours, and live bars make work: a second is the longest it sleeps.
        if (retry_ms < 1)
                retry_ms = 1;
        if (retry_ms > 1000)
                retry_ms = 1000;
        struct timeval wait = {.tv_sec = retry_ms / 1000, .tv_usec = retry_ms % 1000 * 1000};
        (void)event_add(channels->timer, &wait);
}
