// SPDX-License-Identifier: Apache-2.0
#include "common/client.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 5000

static int connect_socket(const char *run_directory)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        // By way of the directory's descriptor: its path may be longer than a socket's may be.
        int directory = open(run_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = directory < 0 ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0) {
                snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/control.sock", directory);
                if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
                        int saved_errno = errno;
                        close(fd);
                        errno = saved_errno;
                        fd = -1;
                }
        }
        int saved_errno = errno;
        if (directory >= 0)
                close(directory);
        errno = saved_errno;
        return fd;
}

// One answer of this type. Returns 0, or -1 with errno.
static int receive(int fd, uint16_t type, struct control_message *message)
{
        mono_time begun = mono_now();

        for (;;) {
                int64_t left_ms = ANSWER_MS - mono_since_ms(mono_now(), begun);
                struct pollfd readable = {.fd = fd, .events = POLLIN};
                if (left_ms <= 0 || poll(&readable, 1, (int)left_ms) == 0) {
                        errno = ETIMEDOUT;
                        return -1;
                }
                int result = control_receive(fd, message);
                if (result == 1 && message->header.type == type)
                        return 0;
                if (result == 1 && message->fd >= 0)
                        close(message->fd);
                if (result == 0)
                        errno = ECONNREFUSED; // it ends
                if (result == 0 || (result < 0 && errno != EAGAIN))
                        return -1;
        }
}

static int fetch_page(struct client *client)
{
        static struct control_message message;

        if (control_send(client->fd, CONTROL_HELLO, 0, 0, NULL, 0, -1) != 0 ||
            receive(client->fd, CONTROL_PAGE, &message) != 0)
                return -1;
        memcpy(&client->about, message.payload, sizeof(client->about));
        client->about.state_directory[PATH_SIZE - 1] = client->about.root_directory[PATH_SIZE - 1] =
            client->about.config_path[PATH_SIZE - 1] = '\0';
        client->page = governor_map(message.fd, false);
        int saved_errno = errno;
        close(message.fd);
        errno = saved_errno;
        return client->page != NULL ? 0 : -1;
}

int client_open(const char *run_directory, struct client *client)
{
        *client = (struct client){.fd = connect_socket(run_directory)};
        if (client->fd < 0)
                return -1;
        if (fetch_page(client) == 0)
                return 0;
        int saved_errno = errno;
        client_close(client);
        errno = saved_errno;
        return -1;
}

void client_close(struct client *client)
{
        if (client->page != NULL)
                munmap((void *)(uintptr_t)client->page, sizeof(*client->page));
        if (client->fd >= 0)
                close(client->fd);
        *client = (struct client){.fd = -1};
}

int client_backfill(struct client *client, const struct control_backfill *want, struct control_result *result)
{
        static struct control_message message;

        memset(result, 0, sizeof(*result));
        if (control_send(client->fd, CONTROL_BACKFILL, 0, 0, want, sizeof(*want), -1) != 0 ||
            receive(client->fd, CONTROL_RESULT, &message) != 0) {
                result->error = errno;
                snprintf(
                    result->text, sizeof(result->text), "the running instance does not answer: %s", strerror(errno));
                return -1;
        }
        memcpy(result, message.payload, sizeof(*result));
        result->text[sizeof(result->text) - 1] = '\0';
        return result->error == 0 ? 0 : -1;
}

bool client_is_connected(struct client *client)
{
        struct pollfd end = {.fd = client->fd, .events = POLLIN};

        return client->fd >= 0 && (poll(&end, 1, 0) == 0 || (end.revents & (POLLHUP | POLLERR)) == 0);
}
