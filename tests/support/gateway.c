// SPDX-License-Identifier: Apache-2.0
// Runs one gateway without a supervisor: hands it the descriptors a supervisor would, says when it is ready, and ends
// it by CONTROL_DRAIN when its own input ends. For tests and benches.
//
//   gateway --program build/libexec/binancefeeder/gateway --listen 127.0.0.1:5993 --root DIR --state DIR
//
// Writes "ready PID" to stdout once the gateway said so. Exit status: the gateway's, 128 + signal where one ended it.
#include "common/ackpage.h"
#include "common/child.h"
#include "common/memfile.h"
#include "common/memory.h"
#include "tests/support/startchild.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT 3
#define INCARNATION ((UINT64_C(1) << SPAWN_BITS) | 1)

static struct {
        const char *program, *listen, *root, *state;
} options;

static _Noreturn void give_up(const char *what)
{
        fprintf(stderr, "gateway harness: %s (%s)\n", what, strerror(errno));
        exit(1);
}

static void require(bool condition, const char *what)
{
        if (!condition)
                give_up(what);
}

static int make_setup(void)
{
        struct child_setup *setup = memory_zeroed(1, sizeof(*setup));
        struct settings *settings = &setup->settings;

        setup->magic = CHILD_SETUP_MAGIC;
        setup->bytes = sizeof(*setup);
        setup->class = CHILD_GATEWAY;
        setup->slot = SLOT;
        setup->incarnation = INCARNATION;
        snprintf(settings->gateway_listen, sizeof(settings->gateway_listen), "%s", options.listen);
        snprintf(settings->root_directory, sizeof(settings->root_directory), "%s", options.root);
        snprintf(settings->state_directory, sizeof(settings->state_directory), "%s", options.state);
        settings->log_level = LOG_LEVEL_DEBUG;
        int fd = memfile_create_sealed("setup", setup, sizeof(*setup));
        free(setup);
        return fd;
}

// Returns our end of the control socket.
static int start(pid_t *pid)
{
        int pair[2], governor_fd = governor_create(), acks_fd = ack_page_create(), setup_fd = make_setup();

        require(control_pair(pair) == 0 && governor_fd >= 0 && acks_fd >= 0 && setup_fd >= 0, "set-up");
        struct governor_page *page = governor_map(governor_fd, true);
        require(page != NULL, "governor page");
        atomic_store(&page->vitals[SLOT].class, CHILD_GATEWAY);
        atomic_store(&page->vitals[SLOT].state, CHILD_READY);
        int readonly = ack_page_reopen_readonly(acks_fd);
        require(readonly >= 0, "acknowledgement page");
        *pid = startchild(options.program, (const int[]){pair[1], setup_fd, governor_fd, readonly});
        require(*pid >= 0, "fork");
        close(pair[1]);
        return pair[0];
}

static bool take_message(int control)
{
        static struct control_message message;
        int result = control_receive(control, &message);

        if (result == 1 && message.header.type == CONTROL_READY)
                return true;
        require(result == 1 || (result == -1 && errno == EAGAIN), "the gateway is gone");
        return false;
}

static int wait_for(pid_t pid)
{
        int status;

        require(waitpid(pid, &status, 0) == pid, "waitpid");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_options(int argc, char **argv)
{
        static const struct option known[] = {{"program", required_argument, NULL, 'p'},
            {"listen", required_argument, NULL, 'l'}, {"root", required_argument, NULL, 'r'},
            {"state", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};

        for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                switch (option) {
                case 'p': options.program = optarg; break;
                case 'l': options.listen = optarg; break;
                case 'r': options.root = optarg; break;
                case 's': options.state = optarg; break;
                default: exit(2);
                }
        }
        if (options.program == NULL || options.listen == NULL || options.root == NULL || options.state == NULL)
                give_up("--program, --listen, --root and --state are needed");
}

int main(int argc, char **argv)
{
        char byte;
        pid_t pid;

        read_options(argc, argv);
        require(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR, "signals");
        int control = start(&pid);
        struct pollfd polled[] = {{.fd = control, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        for (;;) {
                if (poll(polled, 2, -1) < 0 && errno != EINTR)
                        give_up("poll");
                if (polled[0].revents & POLLHUP)
                        return wait_for(pid);
                if (polled[0].revents != 0 && take_message(control)) {
                        printf("ready %d\n", (int)pid);
                        fflush(stdout);
                }
                if (polled[1].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
                        break;
        }
        require(control_send(control, CONTROL_DRAIN, SLOT, INCARNATION, NULL, 0, -1) == 0, "drain");
        return wait_for(pid);
}
