// SPDX-License-Identifier: Apache-2.0
#include "supervisor/listener.h"

#include "common/log.h"
#include "supervisor/children.h"
#include "supervisor/roster.h"
#include "supervisor/shutdown.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "control.sock"

struct client {
        int fd; // -1: free
        struct event *event;
        uint64_t waits; // number of its request that the writer has not answered, 0: none
};

static struct {
        struct supervisor *supervisor;
        int directory_fd, fd;
        int spare_fd; // given up to turn a client away when no other descriptor is left
        struct event *event;
        struct client clients[CONTROL_CLIENTS_MAX];
        uint64_t forwarded, answered; // requests to the writer: it answers in order
} listener = {.directory_fd = -1, .fd = -1, .spare_fd = -1};

// ---- clients ----

static void drop_client(struct client *client)
{
        if (client->event != NULL)
                event_free(client->event);
        if (client->fd >= 0)
                close(client->fd);
        *client = (struct client){.fd = -1};
}

static void answer(struct client *client, uint16_t type, const void *payload, size_t length, int fd)
{
        // A client that does not read what it asked for is not waited for.
        if (control_send(client->fd, type, 0, 0, payload, length, fd) != 0)
                drop_client(client);
}

static void answer_result(struct client *client, int error, const char *text)
{
        struct control_result result = {.error = error};

        snprintf(result.text, sizeof(result.text), "%s", text);
        answer(client, CONTROL_RESULT, &result, sizeof(result), -1);
}

void listener_answer(struct supervisor *supervisor, const struct control_result *result)
{
        (void)supervisor;
        listener.answered++;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
                struct client *client = &listener.clients[i];
                if (client->fd >= 0 && client->waits == listener.answered) {
                        client->waits = 0;
                        answer(client, CONTROL_RESULT, result, sizeof(*result), -1);
                }
        }
}

// ---- requests ----

static void send_page(struct supervisor *supervisor, struct client *client)
{
        struct control_page page = {.supervisor_pid = getpid(), .version = supervisor->page->version};

        snprintf(page.state_directory, sizeof(page.state_directory), "%s", supervisor->settings.state_directory);
        snprintf(page.root_directory, sizeof(page.root_directory), "%s",
            supervisor->settings.store_type == STORE_SERVER ? supervisor->settings.store_url
                                                            : supervisor->settings.root_directory);
        snprintf(page.config_path, sizeof(page.config_path), "%s", supervisor->config_path);
        answer(client, CONTROL_PAGE, &page, sizeof(page), supervisor->governor_readonly_fd);
}

static const char *defect_of(const struct control_backfill *want)
{
        if (memchr(want->symbol, '\0', sizeof(want->symbol)) == NULL || !symbol_is_valid(want->symbol))
                return "the symbol is none: accepted are 1 to 20 of A-Z and 0-9";
        if (want->interval >= INTERVAL_COUNT)
                return "there is no such interval";
        if (want->start_us >= want->end_us)
                return "the start lies behind the end";
        return NULL;
}

static void forward_backfill(
    struct supervisor *supervisor, struct client *client, const struct control_message *message)
{
        struct control_backfill want;
        struct managed *writer = supervisor->writer;

        memcpy(&want, message->payload, sizeof(want));
        const char *defect = defect_of(&want);
        if (defect != NULL) {
                answer_result(client, EINVAL, defect);
        } else if (writer == NULL || writer->policy.state != POLICY_READY || supervisor->phase != PHASE_RUN) {
                answer_result(client, EAGAIN, "the writer does not run at present; ask again in a moment");
        } else if (client->waits != 0) {
                answer_result(client, EBUSY, "one request at a time");
        } else {
                client->waits = ++listener.forwarded;
                children_send(writer, CONTROL_BACKFILL, writer->slot, writer->incarnation, &want, sizeof(want), -1);
        }
}

static void act(struct supervisor *supervisor, struct client *client, const struct control_message *message)
{
        char why[REASON_SIZE];

        switch (message->header.type) {
        case CONTROL_HELLO: send_page(supervisor, client); break;
        case CONTROL_STOP: shutdown_begin(supervisor, supervisor->one_shot ? 1 : 0, "asked by the command line"); break;
        case CONTROL_RELOAD: {
                int result = roster_reload(supervisor, why);
                answer_result(client, result == 0 ? 0 : EINVAL, why);
                break;
        }
        case CONTROL_BACKFILL: forward_backfill(supervisor, client, message); break;
        default: drop_client(client); break; // not a request
        }
}

static void on_request(evutil_socket_t fd, short events, void *context)
{
        static struct control_message message;
        struct client *client = context;

        (void)events;
        int result = control_receive(fd, &message);
        if (result == 1) {
                act(listener.supervisor, client, &message);
                if (message.fd >= 0)
                        close(message.fd);
        } else if (result == 0 || errno != EAGAIN) {
                drop_client(client);
        }
        supervisor_settle(listener.supervisor);
}

static bool is_trusted(int fd)
{
        struct ucred peer;
        socklen_t length = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

// A connection that is not taken would wake us again and again.
static void turn_away(int fd)
{
        log_error("a command line cannot be answered: %m");
        if (listener.spare_fd >= 0)
                close(listener.spare_fd);
        int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (accepted >= 0)
                close(accepted);
        listener.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(evutil_socket_t fd, short events, void *context)
{
        struct supervisor *supervisor = context;
        struct client *client = NULL;

        (void)events;
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
                if (errno == EMFILE || errno == ENFILE)
                        turn_away(fd);
                return;
        }
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX && client == NULL; i++) {
                if (listener.clients[i].fd < 0)
                        client = &listener.clients[i];
        }
        if (client == NULL || !is_trusted(accepted)) {
                close(accepted);
                return;
        }
        client->fd = accepted;
        client->event = event_new(supervisor->base, accepted, EV_READ | EV_PERSIST, on_request, client);
        if (client->event == NULL || event_add(client->event, NULL) != 0)
                drop_client(client);
}

// ---- socket ----

// By way of the directory's descriptor, so that a long path does not matter.
static void make_address(struct sockaddr_un *address)
{
        memset(address, 0, sizeof(*address));
        address->sun_family = AF_UNIX;
        snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/" SOCKET_NAME, listener.directory_fd);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return false;
        bool listens = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
        close(fd);
        return listens;
}

static int bind_socket(const char *run_directory)
{
        struct sockaddr_un address;
        struct stat status;

        listener.directory_fd = open(run_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (listener.directory_fd < 0)
                return -1;
        make_address(&address);
        if (fstatat(listener.directory_fd, SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0) {
                if (!S_ISSOCK(status.st_mode) || somebody_listens(&address)) {
                        errno = EADDRINUSE;
                        return -1;
                }
                if (unlinkat(listener.directory_fd, SOCKET_NAME, 0) != 0)
                        return -1;
        }
        listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener.fd < 0)
                return -1;
        mode_t mask = umask(0177); // 0600 from its first moment
        int result = bind(listener.fd, (const struct sockaddr *)&address, sizeof(address));
        umask(mask);
        return result == 0 ? listen(listener.fd, CONTROL_CLIENTS_MAX) : -1;
}

int listener_open(struct supervisor *supervisor)
{
        const char *run_directory = supervisor->settings.run_directory;

        listener.supervisor = supervisor;
        listener.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                listener.clients[i].fd = -1;
        if (bind_socket(run_directory) != 0) {
                log_error("%s/" SOCKET_NAME " cannot be opened: %s", run_directory,
                    errno == EADDRINUSE
                        ? "another instance listens there, or it is no socket; use another run_directory"
                        : strerror(errno));
                return -1;
        }
        listener.event = event_new(supervisor->base, listener.fd, EV_READ | EV_PERSIST, on_connection, supervisor);
        if (listener.event != NULL && event_add(listener.event, NULL) == 0)
                return 0;
        log_error("%s/" SOCKET_NAME " cannot be watched", run_directory);
        return -1;
}

void listener_close(void)
{
        if (listener.fd < 0)
                return;
        (void)unlinkat(listener.directory_fd, SOCKET_NAME, 0); // somebody may have removed it
        if (listener.event != NULL)
                event_free(listener.event);
        close(listener.fd);
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                drop_client(&listener.clients[i]);
}
