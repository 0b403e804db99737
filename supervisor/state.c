// SPDX-License-Identifier: Apache-2.0
#include "supervisor/state.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME "supervisor.lock"
#define RUN_NAME "run-counter"
#define BAN_NAME "ban"
#define LOCK_POLL_MS 100
#define FILE_TEXT_SIZE 64

static int join(char path[PATH_SIZE], const char *directory, const char *name)
{
        int length = snprintf(path, PATH_SIZE, "%s/%s", directory, name);

        if (length > 0 && length < PATH_SIZE)
                return 0;
        errno = ENAMETOOLONG;
        return -1;
}

// ---- directories and limits ----

static int make_directory(const char *path, mode_t mode)
{
        char partial[PATH_SIZE];

        snprintf(partial, sizeof(partial), "%s", path);
        for (char *at = partial + 1;; at++) {
                if (*at != '/' && *at != '\0')
                        continue;
                char kept = *at;
                *at = '\0';
                struct stat status;
                if (mkdir(partial, kept == '\0' ? mode : 0755) != 0 &&
                    (errno != EEXIST || stat(partial, &status) != 0 || !S_ISDIR(status.st_mode))) {
                        if (errno == EEXIST)
                                errno = ENOTDIR;
                        log_error("directory %s cannot be made: %m", partial);
                        return -1;
                }
                *at = kept;
                if (kept == '\0')
                        return 0;
        }
}

int state_make_directories(const struct settings *settings)
{
        if (make_directory(settings->data_directory, 0755) != 0 ||
            make_directory(settings->state_directory, 0700) != 0 || make_directory(settings->run_directory, 0700) != 0)
                return -1;
        if (settings->store_type == STORE_FILES && make_directory(settings->root_directory, 0755) != 0)
                return -1;
        if (chmod(settings->run_directory, 0700) != 0) {
                log_error("run_directory %s is not ours to protect (mode 0700): %m", settings->run_directory);
                return -1;
        }
        return 0;
}

int state_check_descriptors(size_t needed)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
                log_error("the limit of open files cannot be read: %m");
                return -1;
        }
        if (limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                        log_warn("the limit of open files cannot be raised to %ju: %m", (uintmax_t)limit.rlim_max);
                (void)getrlimit(RLIMIT_NOFILE, &limit); // succeeded above
        }
        if (limit.rlim_cur >= needed)
                return 0;
        log_error("only %ju files may be open at once, %zu are needed: raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=)",
            (uintmax_t)limit.rlim_cur, needed);
        return -1;
}

// ---- small files ----

// Reads a text file of at most FILE_TEXT_SIZE - 1 bytes. Returns 0, or -1 with errno.
static int read_text(const char *path, char text[FILE_TEXT_SIZE])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
                return -1;
        ssize_t length = read(fd, text, FILE_TEXT_SIZE - 1);
        int saved = errno;
        close(fd);
        errno = saved;
        if (length < 0)
                return -1;
        text[length] = '\0';
        return 0;
}

static int sync_directory(const char *directory)
{
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -1;
        int result = fsync(fd);
        int saved = errno;
        close(fd);
        errno = saved;
        return result;
}

static int write_synced(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -1;
        size_t length = strlen(text);
        ssize_t written = write(fd, text, length);
        int result = written == (ssize_t)length ? fsync(fd) : -1;
        if (written >= 0 && written != (ssize_t)length)
                errno = ENOSPC;
        int saved = errno;
        if (close(fd) != 0 && result == 0)
                return -1;
        errno = saved;
        return result;
}

// Complete and durable before it gets its name. Returns 0, or -1 with errno.
static int replace_text(const char *directory, const char *name, const char *text)
{
        char path[PATH_SIZE], temporary[PATH_SIZE], temporary_name[64];

        snprintf(temporary_name, sizeof(temporary_name), "%s.tmp", name);
        if (join(path, directory, name) != 0 || join(temporary, directory, temporary_name) != 0 ||
            write_synced(temporary, text) != 0 || rename(temporary, path) != 0)
                return -1;
        return sync_directory(directory);
}

// ---- lock ----

static void log_holder(const char *path, int64_t wait_ms)
{
        char text[FILE_TEXT_SIZE] = "";

        (void)read_text(path, text); // without it the pid is unknown, which the line says
        text[strcspn(text, "\n")] = '\0';
        log_error("another instance (pid %s) holds %s and did not end within %.1f s: stop it, or use another "
                  "state_directory",
            text[0] != '\0' ? text : "unknown", path, (double)wait_ms / 1000);
}

// SIGTERM and SIGINT are blocked until the event loop takes them; here they end the wait.
static bool stopped_while_waiting(int64_t ms)
{
        struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        sigset_t stops;

        sigemptyset(&stops);
        sigaddset(&stops, SIGTERM);
        sigaddset(&stops, SIGINT);
        return sigtimedwait(&stops, NULL, &wait) > 0;
}

int state_lock(const char *state_directory, int64_t wait_ms)
{
        char path[PATH_SIZE], text[FILE_TEXT_SIZE];
        mono_time start = mono_now();
        bool told = false;

        if (join(path, state_directory, LOCK_NAME) != 0) {
                log_error("state_directory %s: %m", state_directory);
                return -1;
        }
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
                log_error("%s cannot be opened: %m", path);
                return -1;
        }
        while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
                if (errno != EWOULDBLOCK && errno != EINTR) {
                        log_error("%s cannot be locked: %m", path);
                        close(fd);
                        return -1;
                }
                if (mono_since_ms(mono_now(), start) >= wait_ms) {
                        log_holder(path, wait_ms);
                        close(fd);
                        return -1;
                }
                if (!told)
                        log_info("%s is held by another instance: waiting up to %.1f s for it to end", path,
                            (double)wait_ms / 1000);
                told = true;
                if (stopped_while_waiting(LOCK_POLL_MS)) {
                        log_info("stopped before it could start");
                        close(fd);
                        return -1;
                }
        }
        int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
                log_warn("%s: the pid could not be written: %m", path);
        return fd;
}

// ---- run counter ----

static int parse_u64(const char *text, uint64_t *value)
{
        char *end;

        errno = 0;
        unsigned long long parsed = strtoull(text, &end, 10);
        if (errno != 0 || end == text || *end != '\n' || *text == '-' || parsed == 0)
                return -1;
        *value = parsed;
        return 0;
}

int state_next_run(const char *state_directory, uint64_t *run)
{
        char path[PATH_SIZE], text[FILE_TEXT_SIZE] = "";
        uint64_t last = 0;

        if (join(path, state_directory, RUN_NAME) != 0) {
                log_error("state_directory %s: %m", state_directory);
                return -1;
        }
        bool found = read_text(path, text) == 0;
        if (!found && errno != ENOENT) {
                log_error("%s cannot be read: %m", path);
                return -1;
        }
        if (!found || parse_u64(text, &last) != 0 || last >= UINT64_MAX >> SPAWN_BITS) {
                last = (uint64_t)(wall_now().ns / 1000000000);
                if (found)
                        log_warn("%s is damaged: counting goes on from the clock, %" PRIu64, path, last);
        }
        *run = last + 1;
        snprintf(text, sizeof(text), "%" PRIu64 "\n", *run);
        if (replace_text(state_directory, RUN_NAME, text) == 0)
                return 0;
        log_error("%s cannot be written: %m", path);
        return -1;
}

// ---- ban ----

void state_load_ban(const char *state_directory, struct governor_page *page, int64_t *saved_us)
{
        char path[PATH_SIZE], text[FILE_TEXT_SIZE];
        int64_t until_s;
        unsigned status;

        *saved_us = 0;
        if (join(path, state_directory, BAN_NAME) != 0 || read_text(path, text) != 0)
                return;
        if (sscanf(text, "%" SCNd64 " %u", &until_s, &status) != 2) {
                log_warn("%s is damaged and counts as no ban", path);
                return;
        }
        int64_t left_s = until_s - wall_now().ns / 1000000000;
        if (left_s <= 0)
                return;
        // A wall clock that jumped back must not make a life sentence of it.
        if (left_s > BAN_SECONDS_MAX)
                left_s = BAN_SECONDS_MAX;
        governor_ban_restore(page, status, left_s * 1000);
        *saved_us = atomic_load(&page->ban_until_us);
        log_warn("the exchange refuses this address (HTTP %u) for another %" PRId64
                 " s, as noted before this start: no request until then",
            status, left_s);
}

void state_save_ban(const char *state_directory, struct governor_page *page, int64_t *saved_us)
{
        int64_t until_us = atomic_load(&page->ban_until_us);
        char text[FILE_TEXT_SIZE];

        if (until_us == *saved_us || until_us == 0)
                return;
        int64_t left_us = until_us - boot_now().us;
        if (left_us <= 0)
                return;
        // Rounded up: a second too long is better than knocking a second too early.
        int64_t until_s = (wall_now().ns / 1000 + left_us) / US_PER_S + 1;
        unsigned status = atomic_load(&page->ban_status);
        snprintf(text, sizeof(text), "%" PRId64 " %u\n", until_s, status);
        if (replace_text(state_directory, BAN_NAME, text) != 0) {
                static int64_t told_us; // tried again every second, said once
                if (told_us != until_us)
                        log_error(
                            "the ban cannot be noted in %s, so a restart would not know of it: %m", state_directory);
                told_us = until_us;
                return;
        }
        *saved_us = until_us;
        log_warn("the exchange refuses this address (HTTP %u) for %" PRId64 " s: no request until then, streams go on",
            status, left_us / US_PER_S);
}
