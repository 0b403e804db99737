// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int handover_init(struct handover *handover)
{
        memset(handover, 0, sizeof(*handover));
        handover->to_store_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        handover->to_intake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (handover->to_store_fd == -1 || handover->to_intake_fd == -1)
                return -1;
        errno = pthread_mutex_init(&handover->lock, NULL);
        return errno == 0 ? 0 : -1;
}

static void wake(int fd)
{
        uint64_t one = 1;

        // EAGAIN would mean that 2^64 - 1 wakes wait: it is awake.
        if (write(fd, &one, sizeof(one)) == -1)
                errno = 0;
}

void handover_wake_store(struct handover *handover)
{
        wake(handover->to_store_fd);
}

void handover_wake_intake(struct handover *handover)
{
        wake(handover->to_intake_fd);
}

void handover_clear(int fd)
{
        uint64_t count;

        if (read(fd, &count, sizeof(count)) == -1)
                errno = 0;
}

int handover_put(struct handover *handover, const struct control_message *message)
{
        int result = -1;

        (void)pthread_mutex_lock(&handover->lock);
        if (handover->count < HANDOVER_MESSAGES_MAX) {
                handover->messages[(handover->first + handover->count++) % HANDOVER_MESSAGES_MAX] = *message;
                result = 0;
        }
        (void)pthread_mutex_unlock(&handover->lock);
        if (result == -1)
                errno = ENOBUFS;
        else
                handover_wake_store(handover);
        return result;
}

bool handover_take(struct handover *handover, struct control_message *message)
{
        bool taken = false;

        (void)pthread_mutex_lock(&handover->lock);
        if (handover->count > 0) {
                *message = handover->messages[handover->first];
                handover->first = (handover->first + 1) % HANDOVER_MESSAGES_MAX;
                handover->count--;
                taken = true;
        }
        (void)pthread_mutex_unlock(&handover->lock);
        return taken;
}

bool handover_store_alive(struct handover *handover, uint64_t *ticks_seen, mono_time now)
{
        uint64_t ticks = atomic_load(&handover->ticks);
        bool moved = ticks != *ticks_seen;

        *ticks_seen = ticks;
        return moved || now.us < atomic_load(&handover->step_deadline_us);
}
