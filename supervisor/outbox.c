// SPDX-License-Identifier: Apache-2.0
#include "supervisor/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outbox_message {
        struct outbox_message *next;
        struct control_header header;
        int fd;
        unsigned char payload[]; // header.length bytes
};

void outbox_init(struct outbox *outbox)
{
        *outbox = (struct outbox){.first = NULL, .count = 0};
        outbox->end = &outbox->first;
}

static void drop_first(struct outbox *outbox)
{
        struct outbox_message *message = outbox->first;

        outbox->first = message->next;
        if (outbox->first == NULL)
                outbox->end = &outbox->first;
        outbox->count--;
        if (message->fd >= 0)
                close(message->fd);
        free(message);
}

void outbox_clear(struct outbox *outbox)
{
        while (outbox->first != NULL)
                drop_first(outbox);
}

static int keep(struct outbox *outbox, const struct control_header *header, const void *payload, int passed_fd)
{
        if (outbox->count >= OUTBOX_MESSAGES_MAX) {
                errno = ENOBUFS;
                return -1;
        }
        struct outbox_message *message = malloc(sizeof(*message) + header->length);
        if (message == NULL)
                return -1;
        *message = (struct outbox_message){.header = *header, .fd = -1};
        if (header->length > 0)
                memcpy(message->payload, payload, header->length);
        if (passed_fd >= 0) {
                message->fd = fcntl(passed_fd, F_DUPFD_CLOEXEC, 0);
                if (message->fd < 0) {
                        free(message);
                        return -1;
                }
        }
        *outbox->end = message;
        outbox->end = &message->next;
        outbox->count++;
        return 0;
}

int outbox_send(struct outbox *outbox, int fd, const struct control_header *header, const void *payload, int passed_fd)
{
        // Order is part of the protocol: nothing overtakes what waits.
        if (outbox->count > 0)
                return keep(outbox, header, payload, passed_fd);
        if (control_send(fd, header->type, header->slot, header->incarnation, payload, header->length, passed_fd) == 0)
                return 0;
        if (errno != EAGAIN)
                return -1;
        return keep(outbox, header, payload, passed_fd);
}

bool outbox_flush(struct outbox *outbox, int fd)
{
        while (outbox->first != NULL) {
                const struct outbox_message *message = outbox->first;
                const struct control_header *header = &message->header;
                if (control_send(fd, header->type, header->slot, header->incarnation, message->payload, header->length,
                        message->fd) != 0 &&
                    errno == EAGAIN)
                        return true;
                drop_first(outbox); // sent, or the child is gone and its pidfd will say so
        }
        return false;
}
