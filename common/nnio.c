// SPDX-License-Identifier: Apache-2.0
#include "common/nnio.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>

#define SOCKET_BUFFER_BYTES (1024 * 1024)
#define RECONNECT_MS 50 // to a writer that is being restarted
#define RECONNECT_MAX_MS 500

struct nnio {
        int socket;
        int fd;        // what NN_SNDFD or NN_RCVFD gave
        int directory; // kept open while the address goes through it; -1: the address is the plain path
};

static int set_option(int socket, int option, int value)
{
        return nn_setsockopt(socket, NN_SOL_SOCKET, option, &value, sizeof(value));
}

static int set_options(int socket)
{
        // SNDBUF and RCVBUF are SO_SNDBUF and SO_RCVBUF of the unix socket; there is no limit in messages.
        if (set_option(socket, NN_SNDBUF, SOCKET_BUFFER_BYTES) != 0 ||
            set_option(socket, NN_RCVBUF, SOCKET_BUFFER_BYTES) != 0 ||
            set_option(socket, NN_RCVMAXSIZE, NN_MESSAGE_BYTES_MAX) != 0 ||
            set_option(socket, NN_RECONNECT_IVL, RECONNECT_MS) != 0)
                return -1;
        return set_option(socket, NN_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
}

// The address of `name` in `directory`; by way of /proc where the path is longer than a unix address may be.
static int make_address(struct nnio *nnio, const char *directory, const char *name, char *address, size_t size)
{
        int length = snprintf(address, size, "ipc://%s/%s", directory, name);

        if (length >= 0 && (size_t)length < size)
                return 0;
        nnio->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (nnio->directory < 0)
                return -1;
        snprintf(address, size, "ipc:///proc/self/fd/%d/%s", nnio->directory, name);
        return 0;
}

static int attach(int socket, enum nnio_role role, const char *address)
{
        if (role == NNIO_PUSH)
                return nn_connect(socket, address);
        // The socket file's mode follows the umask. One wrong byte from a stranger would abort nanomsg: nobody else.
        mode_t mask = umask(077);
        int endpoint = nn_bind(socket, address);
        umask(mask);
        return endpoint;
}

struct nnio *nnio_open(enum nnio_role role, const char *run_directory, const char *name)
{
        struct nnio *nnio = memory_zeroed(1, sizeof(*nnio));
        char address[sizeof("ipc://") + IPC_PATH_MAX];
        size_t size = sizeof(nnio->fd);

        nnio->directory = -1;
        nnio->socket = nn_socket(AF_SP, role == NNIO_PUSH ? NN_PUSH : NN_PULL);
        if (nnio->socket < 0 || set_options(nnio->socket) != 0 ||
            make_address(nnio, run_directory, name, address, sizeof(address)) != 0 ||
            attach(nnio->socket, role, address) < 0 ||
            nn_getsockopt(nnio->socket, NN_SOL_SOCKET, role == NNIO_PUSH ? NN_SNDFD : NN_RCVFD, &nnio->fd, &size) !=
                0) {
                int saved_errno = errno;
                nnio_close(nnio);
                errno = saved_errno;
                return NULL;
        }
        return nnio;
}

void nnio_close(struct nnio *nnio)
{
        if (nnio == NULL)
                return;
        // A signal may interrupt the waiting for nanomsg's thread; the socket is then still there.
        while (nnio->socket >= 0 && nn_close(nnio->socket) != 0 && errno == EINTR)
                continue;
        if (nnio->directory >= 0)
                close(nnio->directory);
        free(nnio);
}

int nnio_fd(const struct nnio *nnio)
{
        return nnio->fd;
}

int nnio_send(struct nnio *nnio, const void *bytes, size_t length)
{
        // nanomsg accepts a message above the receiver's NN_RCVMAXSIZE and loses it: a resend would never end.
        REQUIRE(length > 0 && length <= BATCH_BYTES_LARGE_MAX);
        if (nn_send(nnio->socket, bytes, length, NN_DONTWAIT) >= 0)
                return 0;
        if (errno == EINTR)
                errno = EAGAIN;
        return -1;
}

ssize_t nnio_receive(struct nnio *nnio, void **message)
{
        int length = nn_recv(nnio->socket, message, NN_MSG, NN_DONTWAIT);

        if (length < 0) {
                if (errno == EINTR)
                        errno = EAGAIN;
                return -1;
        }
        // What batch views rely on; nanomsg puts 32 bytes of its own in front of a malloc'ed message.
        REQUIRE((uintptr_t)*message % 8 == 0);
        return length;
}

void nnio_free(void *message)
{
        nn_freemsg(message);
}
