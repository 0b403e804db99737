// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/rootlock.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_POLL_MS 100
#define PROBE_MS 1000 // for a server's answer
#define OUR_SERVER_HEADER "Server: binancefeeder"

// ---- the lock ----

static int make_directories(const char *path)
{
        char part[PATH_SIZE];

        if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
                errno = ENAMETOOLONG;
                return -1;
        }
        for (char *slash = part + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
                *slash = '\0';
                if (mkdir(part, 0777) < 0 && errno != EEXIST)
                        return -1;
                *slash = '/';
        }
        return mkdir(part, 0777) < 0 && errno != EEXIST ? -1 : 0;
}

int rootlock_take(const char *root, int64_t wait_ms, char why[REASON_SIZE])
{
        mono_time begin = mono_now();
        int fd = -1;

        if (make_directories(root) == 0)
                fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                (void)snprintf(why, REASON_SIZE, "store.root_directory %.90s: %s", root, strerror(errno));
                return -1;
        }
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int saved = errno;

                if (saved == EINTR)
                        continue;
                if (saved == EWOULDBLOCK && mono_since_ms(mono_now(), begin) < wait_ms) {
                        (void)usleep(LOCK_POLL_MS * 1000);
                        continue;
                }
                (void)snprintf(why, REASON_SIZE, "store.root_directory %.80s %s", root,
                    saved == EWOULDBLOCK ? "is being written by another binancefeeder" : strerror(saved));
                (void)close(fd);
                errno = saved;
                return -1;
        }
        return fd;
}

// ---- a MarketStore server ----

static bool is_walfile(const char *name)
{
        size_t length = strlen(name);

        return strncmp(name, "WALFile.", 8) == 0 && length > 16 && strcmp(name + length - 8, ".walfile") == 0;
}

static bool has_walfile(const char *root)
{
        DIR *directory = opendir(root);
        const struct dirent *entry;
        bool found = false;

        if (directory == NULL)
                return false;
        while (!found && (entry = readdir(directory)) != NULL)
                found = is_walfile(entry->d_name);
        (void)closedir(directory);
        return found;
}

// True where this process holds a WAL file directly below `root` open.
static bool process_holds_walfile(const char *pid, const char *root)
{
        char path[64 + NAME_MAX], target[PATH_MAX];
        size_t root_length = strlen(root);
        bool found = false;

        (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
        DIR *directory = opendir(path);
        if (directory == NULL)
                return false; // gone, or another user's: the port tells
        const struct dirent *entry;
        while (!found && (entry = readdir(directory)) != NULL) {
                (void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%s", pid, entry->d_name);
                ssize_t length = readlink(path, target, sizeof(target) - 1);
                if (length <= (ssize_t)root_length)
                        continue;
                target[length] = '\0';
                found = strncmp(target, root, root_length) == 0 && target[root_length] == '/' &&
                        is_walfile(target + root_length + 1);
        }
        (void)closedir(directory);
        return found;
}

static bool walfile_is_held(const char *root, char pid[32])
{
        char real[PATH_MAX];
        DIR *processes;
        const struct dirent *entry;
        bool found = false;

        if (!has_walfile(root) || realpath(root, real) == NULL || (processes = opendir("/proc")) == NULL)
                return false;
        while (!found && (entry = readdir(processes)) != NULL) {
                if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || atoi(entry->d_name) == (int)getpid())
                        continue;
                found = process_holds_walfile(entry->d_name, real);
                (void)snprintf(pid, 32, "%.31s", entry->d_name);
        }
        (void)closedir(processes);
        return found;
}

static bool wait_for(int fd, short events)
{
        struct pollfd poller = {.fd = fd, .events = events};

        return poll(&poller, 1, PROBE_MS) == 1;
}

// Reads the head of the answer to a plain HTTP request; false where nothing listens or nothing comes.
static bool http_head(uint32_t port, char *head, size_t size)
{
        static const char request[] = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        size_t used = 0;

        if (fd < 0)
                return false;
        if ((connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS) &&
            wait_for(fd, POLLOUT) &&
            send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1) {
                while (used + 1 < size && wait_for(fd, POLLIN)) {
                        ssize_t length = recv(fd, head + used, size - used - 1, 0);
                        if (length <= 0)
                                break;
                        used += (size_t)length;
                }
        }
        (void)close(fd);
        head[used] = '\0';
        return strncmp(head, "HTTP/", 5) == 0;
}

bool rootlock_server_is_at_work(const char *root, uint32_t port, char why[REASON_SIZE])
{
        char pid[32] = "", head[4096];

        if (walfile_is_held(root, pid)) {
                (void)snprintf(why, REASON_SIZE,
                    "a MarketStore server (pid %.10s) is at work on %.60s: stop it, or set store.type: server", pid,
                    root);
                return true;
        }
        if (port != 0 && http_head(port, head, sizeof(head)) && strcasestr(head, OUR_SERVER_HEADER) == NULL) {
                (void)snprintf(why, REASON_SIZE,
                    "a MarketStore server answers on port %u, which %.50s is configured for: stop it, or set "
                    "store.type: server",
                    port, root);
                return true;
        }
        return false;
}
