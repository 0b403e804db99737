// SPDX-License-Identifier: Apache-2.0
// The stream worker's process: what it inherits, its signals, the supervisor's messages, and the loop, which is
// libwebsockets' own (ws.h).
#include "common/child.h"
#include "common/control.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "workers/stream/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
        struct worker *worker;
        int fd;
};

static void take_message(struct worker *worker, struct control_message *message)
{
        switch (message->header.type) {
        case CONTROL_DRAIN: worker_drain(worker); break;
        case CONTROL_SETUP:
                // Symbols and intervals of a running worker never change: the supervisor starts another one. What is
                // taken over is the log level.
                if (message->fd < 0 || child_adopt_setup(&worker->child, message->fd) != 0)
                        log_warn("a new set-up could not be taken over: %m");
                message->fd = -1;
                break;
        default: log_warn("message of type %u from the supervisor ignored", message->header.type); break;
        }
        if (message->fd >= 0)
                close(message->fd);
}

static void on_control(void *user)
{
        struct worker *worker = user;
        struct control_message message;
        int result;

        while ((result = control_receive(CHILD_FD_CONTROL, &message)) == 1)
                take_message(worker, &message);
        if (result == 0) {
                log_error("the supervisor is gone: ending at once");
                _exit(EXIT_TRY_LATER);
        }
        if (errno != EAGAIN && errno != EINTR)
                log_warn("control socket: %m");
}

static void on_signal(void *user)
{
        struct signals *signals = user;
        struct signalfd_siginfo info;

        while (read(signals->fd, &info, sizeof(info)) == sizeof(info))
                worker_drain(signals->worker);
}

int main(void)
{
        static struct worker worker;
        struct signals signals = {&worker, -1};
        sigset_t ending;

        child_begin(CHILD_STREAM, &worker.child);
        // Before nanomsg starts its thread, which inherits the mask.
        sigemptyset(&ending);
        sigaddset(&ending, SIGTERM);
        sigaddset(&ending, SIGINT);
        sigprocmask(SIG_BLOCK, &ending, NULL);
        signals.fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
        int code = worker_open(&worker);
        if (code != 0)
                return code;
        if (signals.fd < 0 || ws_watch_fd(worker.ws, signals.fd, on_signal, &signals) == NULL ||
            ws_watch_fd(worker.ws, CHILD_FD_CONTROL, on_control, &worker) == NULL) {
                log_error("descriptors cannot be watched: %m");
                return EXIT_TRY_LATER;
        }
        if (child_send_ready(&worker.child) != 0)
                log_warn("the supervisor could not be told that start-up is finished: %m");
        while (worker.state != WORKER_DONE) {
                worker_step(&worker);
                if (worker.state != WORKER_DONE && ws_service(worker.ws) != 0) {
                        log_error("the event loop failed: %m");
                        return EXIT_BUG;
                }
        }
        worker_close(&worker);
        return worker.exit_code;
}
