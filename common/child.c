// SPDX-License-Identifier: Apache-2.0
#include "common/child.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void not_inherited(const char *what)
{
        log_error("this program is started by `binancefeeder run` or `binancefeeder backfill`, not by hand: %s; "
                  "see `binancefeeder --help`",
            what);
        exit(EXIT_CHILD_USAGE);
}

// A supervisor that died before PDEATHSIG was set sends no signal: then our parent is somebody else already. The
// control socket knows who made it.
static void follow_supervisor(void)
{
        struct ucred maker;
        socklen_t length = sizeof(maker);

        if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 ||
            getsockopt(CHILD_FD_CONTROL, SOL_SOCKET, SO_PEERCRED, &maker, &length) != 0)
                not_inherited("its parent cannot be followed");
        if (maker.pid != getppid()) {
                log_error("the supervisor ended while this process started; ending too");
                exit(EXIT_TRY_LATER);
        }
}

static void set_signals(void)
{
        sigset_t none;

        // The mask outlives exec; the supervisor blocks signals around its fork.
        sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                not_inherited("signals cannot be set");
}

static void check_control_socket(void)
{
        int type = 0;
        socklen_t length = sizeof(type);

        if (getsockopt(CHILD_FD_CONTROL, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET)
                not_inherited("descriptor 3 is no control socket");
        for (int fd = CHILD_FD_CONTROL; fd < CHILD_FD_END; fd++) {
                if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
                        not_inherited("descriptors 3 to 6 are not all open");
        }
}

static bool setup_is_sound(const struct child_setup *setup)
{
        return setup->magic == CHILD_SETUP_MAGIC && setup->bytes == sizeof(*setup) && setup->slot < SLOTS_MAX &&
               setup->incarnation != 0 && setup->symbols.count <= SYMBOLS_MAX;
}

const struct child_setup *child_map_setup(int fd)
{
        const struct child_setup *setup = memfile_map_sealed(fd, sizeof(*setup), NULL);

        if (setup != NULL && !setup_is_sound(setup)) {
                child_unmap_setup(setup);
                errno = EBADMSG;
                return NULL;
        }
        return setup;
}

void child_unmap_setup(const struct child_setup *setup)
{
        if (setup != NULL)
                munmap((void *)(uintptr_t)setup, sizeof(*setup));
}

static void name_log_lines(const struct child *child, enum child_class class)
{
        char name[SYMBOL_SIZE + 16], own[SYMBOL_SIZE];

        memcpy(own, child->vitals->name, sizeof(own));
        own[sizeof(own) - 1] = '\0';
        // "stream BTCUSDT", "backfill 2", but "writer", of which there is one.
        bool several = class == CHILD_STREAM || class == CHILD_BACKFILL;
        snprintf(name, sizeof(name), "%s%s%s", child_class_name(class), several && own[0] != '\0' ? " " : "",
            several ? own : "");
        log_init(name, child->setup->settings.log_level);
}

void child_begin(enum child_class class, struct child *child)
{
        log_init(child_class_name(class), LOG_LEVEL_INFO);
        check_control_socket();
        child->setup = child_map_setup(CHILD_FD_SETUP);
        if (child->setup == NULL)
                not_inherited("descriptor 4 is no sealed set-up of this build");
        if (child->setup->class != (uint32_t) class)
                not_inherited("its set-up is for another kind of process");
        child->governor = governor_map(CHILD_FD_GOVERNOR, true);
        if (child->governor == NULL)
                not_inherited("descriptor 5 is no governor page of this build");
        child->acks = ack_page_map(CHILD_FD_ACKS, class == CHILD_WRITER);
        if (child->acks == NULL)
                not_inherited("descriptor 6 is no acknowledgement page of this build");
        child->vitals = &child->governor->vitals[child->setup->slot];
        name_log_lines(child, class);
        set_signals();
        follow_supervisor();
}

void child_heartbeat(struct child *child)
{
        atomic_store_explicit(&child->vitals->hang_limit_ms, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&child->vitals->heartbeat, 1, memory_order_release);
}

void child_announce_ms(struct child *child, uint32_t hang_limit_ms)
{
        // Limit first: whoever sees the new beat sees the limit that holds from it on.
        atomic_store_explicit(&child->vitals->hang_limit_ms, hang_limit_ms, memory_order_relaxed);
        atomic_fetch_add_explicit(&child->vitals->heartbeat, 1, memory_order_release);
}

int child_send(const struct child *child, enum control_type type, const void *payload, size_t length, int fd)
{
        return control_send(
            CHILD_FD_CONTROL, (uint16_t)type, child->setup->slot, child->setup->incarnation, payload, length, fd);
}

bool child_has_ca_file(const struct child *child)
{
        const char *path = child->setup->settings.ca_file;

        if (path[0] == '\0' || access(path, R_OK) == 0)
                return true;
        log_error("endpoints.ca_file: %s: %m; this process ends, and is started again until it is there", path);
        return false;
}

int child_send_ready(const struct child *child)
{
        return child_send(child, CONTROL_READY, NULL, 0, -1);
}

// True where the set-up behind `fd` may replace the present one.
static bool is_successor(const struct child_setup *present, int fd)
{
        const struct child_setup *next = child_map_setup(fd);

        if (next == NULL)
                return false;
        bool good =
            next->class == present->class && next->slot == present->slot && next->incarnation == present->incarnation;
        child_unmap_setup(next);
        if (!good)
                errno = EBADMSG;
        return good;
}

int child_adopt_setup(struct child *child, int fd)
{
        int result = -1;

        // In place: pointers into the set-up stay valid and show the new values.
        if (is_successor(child->setup, fd) &&
            memfile_map_sealed(fd, sizeof(*child->setup), (void *)(uintptr_t)child->setup) != NULL) {
                log_set_level(child->setup->settings.log_level);
                result = 0;
        }
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return result;
}
