// SPDX-License-Identifier: Apache-2.0
#include "common/control.h"

#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(sizeof(struct control_page) <= CONTROL_MESSAGE_BYTES_MAX, "the largest payload fits");

#define RECEIVED_FDS_MAX 4 // room for more than the one that is allowed, so that the others can be closed
#define RECEIVE_TRIES_MAX 8

ssize_t control_payload_bytes(uint16_t type)
{
        switch (type) {
        case CONTROL_READY:
        case CONTROL_DRAINED:
        case CONTROL_SYMBOLS:
        case CONTROL_SUSPECT:
        case CONTROL_COMPLETE:
        case CONTROL_DRAIN:
        case CONTROL_SETUP:
        case CONTROL_JOB_CHANNEL:
        case CONTROL_HELLO:
        case CONTROL_STOP:
        case CONTROL_RELOAD: return 0;
        case CONTROL_DIED: return sizeof(struct control_died);
        case CONTROL_PAGE: return sizeof(struct control_page);
        case CONTROL_BACKFILL: return sizeof(struct control_backfill);
        case CONTROL_EXHAUSTED:
        case CONTROL_RESULT: return sizeof(struct control_result);
        default: return -1;
        }
}

bool control_carries_fd(uint16_t type)
{
        return type == CONTROL_SYMBOLS || type == CONTROL_SETUP || type == CONTROL_JOB_CHANNEL || type == CONTROL_PAGE;
}

int control_pair(int fds[2])
{
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

// Room for ancillary data, aligned as its headers must be.
union ancillary {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(RECEIVED_FDS_MAX * sizeof(int))];
};

static void attach_fd(struct msghdr *message, union ancillary *ancillary, int fd)
{
        memset(ancillary, 0, sizeof(*ancillary));
        message->msg_control = ancillary->bytes;
        message->msg_controllen = CMSG_SPACE(sizeof(fd));
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

int control_send(
    int fd, uint16_t type, uint16_t slot, uint64_t incarnation, const void *payload, size_t length, int passed_fd)
{
        struct control_header header = {type, slot, (uint32_t)length, incarnation};
        struct iovec parts[2] = {{&header, sizeof(header)}, {(void *)(uintptr_t)payload, length}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = length > 0 ? 2 : 1};
        union ancillary ancillary;
        ssize_t sent;

        REQUIRE(control_payload_bytes(type) == (ssize_t)length && control_carries_fd(type) == (passed_fd >= 0));
        if (passed_fd >= 0)
                attach_fd(&message, &ancillary, passed_fd);
        do
                sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        return sent < 0 ? -1 : 0;
}

// Takes the descriptors out of `message`: the first into *fd, any other is closed. Returns how many there were.
static unsigned take_fds(struct msghdr *message, int *fd)
{
        unsigned count = 0;

        for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
                if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < here; i++, count++) {
                        int received;
                        memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
                        if (count == 0)
                                *fd = received;
                        else
                                close(received);
                }
        }
        return count;
}

static bool well_formed(const struct control_message *message, size_t length, unsigned fds)
{
        if (length < sizeof(message->header))
                return false;
        ssize_t payload = control_payload_bytes(message->header.type);
        return payload >= 0 && length == sizeof(message->header) + (size_t)payload &&
               message->header.length == (size_t)payload && message->header.slot < SLOTS_MAX &&
               fds == (control_carries_fd(message->header.type) ? 1u : 0u);
}

int control_receive(int fd, struct control_message *message)
{
        struct iovec parts[2] = {
            {&message->header, sizeof(message->header)}, {message->payload, sizeof(message->payload)}};
        union ancillary ancillary;
        struct msghdr header;
        ssize_t received = -1;

        message->fd = -1;
        // A peer that ended with unread messages of ours is reported as ECONNRESET once, before what it had sent.
        errno = EINTR;
        for (unsigned i = 0; i < RECEIVE_TRIES_MAX && received < 0 && (errno == EINTR || errno == ECONNRESET); i++) {
                header = (struct msghdr){.msg_iov = parts,
                    .msg_iovlen = 2,
                    .msg_control = ancillary.bytes,
                    .msg_controllen = sizeof(ancillary.bytes)};
                received = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        }
        if (received <= 0)
                return received == 0 ? 0 : -1;
        unsigned fds = take_fds(&header, &message->fd);
        if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && well_formed(message, (size_t)received, fds))
                return 1;
        if (message->fd >= 0)
                close(message->fd);
        message->fd = -1;
        errno = EBADMSG;
        return -1;
}
