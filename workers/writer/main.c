// SPDX-License-Identifier: Apache-2.0
// The writer process: the only one that writes market data to disk. Two threads: this one takes live batches into the
// spool and acknowledges them (intake.c); the other applies them and the backfilled chunks to the store
// (storethread.c).
//
// Order at start: the state directory's lock first, so that no predecessor writes; then both data bases are recovered
// (checkpointed: what a cache shows after a failed fsync is not believed); only then are marks published to workers.
#include "common/exitcode.h"
#include "common/log.h"
#include "workers/writer/ballast.h"
#include "workers/writer/handover.h"
#include "workers/writer/intake.h"
#include "workers/writer/spool.h"
#include "workers/writer/storethread.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_WAIT_S 15
#define UPKEEP_S 1
#define DRAIN_AFTER_S 5 // the longest wait for the pipelines to fall silent

struct writer {
        struct child child;
        struct handover handover;
        struct storethread_start start;
        pthread_t store_thread;
        struct spool *spool;
        struct ballast ballast;
        struct intake *intake;
        struct event_base *base;
        uint64_t ticks_seen;
        mono_time draining_since; // 0: not
        char spool_path[PATH_SIZE + 16];
};

static struct writer writer;

static _Noreturn void give_up(int exit_code, const char *what, const char *why)
{
        log_error("%s: %s", what, why);
        exit(exit_code);
}

// ---- start ----

static void lock_state_directory(const char *directory)
{
        char path[PATH_SIZE + 16];

        (void)snprintf(path, sizeof(path), "%s/writer.lock", directory);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd == -1)
                give_up(EXIT_TRY_LATER, path, strerror(errno));
        for (int tenths = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; tenths++) {
                if (tenths == LOCK_WAIT_S * 10)
                        give_up(EXIT_TRY_LATER, path, "another writer has been at work here for 15 seconds");
                (void)usleep(100000);
                child_heartbeat(&writer.child);
        }
        // The descriptor stays open for as long as the process lives: it is the lock.
}

static void open_spool(const char *directory, int64_t reserve)
{
        char why[REASON_SIZE], path[PATH_SIZE + 16];

        (void)snprintf(writer.spool_path, sizeof(writer.spool_path), "%s/spool.db", directory);
        (void)snprintf(path, sizeof(path), "%s/ballast", directory);
        child_announce_ms(&writer.child, CHILD_HANG_SYNC_MS);
        writer.spool = spool_open(writer.spool_path, why);
        if (writer.spool == NULL)
                give_up(EXIT_TRY_LATER, "spool", why);
        if (ballast_open(&writer.ballast, path, reserve) == -1)
                give_up(EXIT_TRY_LATER, path, strerror(errno));
        child_heartbeat(&writer.child);
}

static void open_store(void)
{
        struct store_events events = {.live_bar = storethread_live_bar, .blocks = storethread_blocks};
        char why[REASON_SIZE];
        int exit_code;

        child_announce_ms(&writer.child, CHILD_HANG_SYNC_MS);
        writer.start.store = store_open(writer.child.setup, writer.child.governor, &events, &exit_code, why);
        if (writer.start.store == NULL)
                give_up(exit_code, "store", why);
        int64_t cursor = store_cursor(writer.start.store);
        if (spool_reserve_rows(writer.spool, store_row_seen(writer.start.store)) == -1)
                give_up(EXIT_TRY_LATER, writer.spool_path, strerror(errno));
        steps_take_over(&writer.start.steps, &writer.child, writer.spool, writer.start.store);
        atomic_store(&writer.handover.row_durable, cursor);
        atomic_store(&writer.handover.row_committed, spool_newest_row(writer.spool));
        child_heartbeat(&writer.child);
}

// ---- events ----

static void begin_drain(void)
{
        if (writer.draining_since.us == 0)
                writer.draining_since = mono_now();
}

static void on_control(evutil_socket_t fd, short events, void *context)
{
        static struct control_message message;

        (void)events;
        (void)context;
        int result = control_receive(fd, &message);
        if (result == -1 && errno == EAGAIN)
                return;
        if (result != 1) { // the supervisor is gone: what is acknowledged is safe in the spool
                log_warn("the supervisor is gone; this process ends, what it acknowledged is in the spool");
                exit(EXIT_FAILED);
        }
        if (message.header.type == CONTROL_DRAIN) {
                begin_drain();
        } else if (handover_put(&writer.handover, &message) == -1) {
                log_error("too many control messages wait for the store thread; one of type %u is dropped",
                    message.header.type);
                if (message.fd != -1)
                        (void)close(message.fd);
        }
}

static void on_signal(evutil_socket_t signal_number, short events, void *context)
{
        (void)signal_number;
        (void)events;
        (void)context;
        begin_drain();
}

// Once the pipelines are silent (or after DRAIN_AFTER_S), the store thread applies the rest and ends.
static void go_on_draining(void)
{
        if (writer.draining_since.us == 0 || atomic_load(&writer.handover.drain))
                return;
        if (!intake_is_quiet(writer.intake) && mono_since_ms(mono_now(), writer.draining_since) < DRAIN_AFTER_S * 1000)
                return;
        atomic_store(&writer.handover.drain, true);
        handover_wake_store(&writer.handover);
}

static void on_woken(evutil_socket_t fd, short events, void *context)
{
        (void)events;
        (void)context;
        handover_clear(fd);
        intake_upkeep(writer.intake);
        if (atomic_load(&writer.handover.ended))
                (void)event_base_loopbreak(writer.base);
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
        static unsigned ticks;

        (void)fd;
        (void)events;
        (void)context;
        // The process is as alive as the less lively of its threads.
        if (handover_store_alive(&writer.handover, &writer.ticks_seen, mono_now()))
                child_heartbeat(&writer.child);
        if (++ticks % (UPKEEP_S * 1000 / CHILD_HEARTBEAT_MS) == 0)
                intake_upkeep(writer.intake);
        go_on_draining();
}

// ---- life ----

static void watch(int fd, short what, event_callback_fn callback, const struct timeval *timeout)
{
        struct event *event = event_new(writer.base, fd, what, callback, NULL);

        REQUIRE(event != NULL && event_priority_set(event, 0) == 0 && event_add(event, timeout) == 0);
}

static void open_events(void)
{
        static const struct timeval tick = {.tv_usec = CHILD_HEARTBEAT_MS * 1000};

        struct event_config *config = event_config_new();

        // Else timers go by the clock's coarse reading, and a commit due in 2 ms comes after 4 to 8.
        REQUIRE(config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0);
        writer.base = event_base_new_with_config(config);
        event_config_free(config);
        REQUIRE(writer.base != NULL && event_base_priority_init(writer.base, 2) == 0);
        watch(CHILD_FD_CONTROL, EV_READ | EV_PERSIST, on_control, NULL);
        watch(writer.handover.to_intake_fd, EV_READ | EV_PERSIST, on_woken, NULL);
        watch(-1, EV_PERSIST, on_tick, &tick);
        watch(SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, NULL);
        watch(SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, NULL);
}

int main(void)
{
        child_begin(CHILD_WRITER, &writer.child);
        const struct settings *settings = &writer.child.setup->settings;

        lock_state_directory(settings->state_directory);
        if (handover_init(&writer.handover) == -1)
                give_up(EXIT_TRY_LATER, "eventfd", strerror(errno));
        open_spool(settings->state_directory, settings->spool_reserve_bytes);
        open_store();
        open_events();

        writer.start.child = &writer.child;
        writer.start.setup = child_map_setup(CHILD_FD_SETUP);
        writer.start.handover = &writer.handover;
        writer.start.spool_path = writer.spool_path;
        if (writer.start.setup == NULL || storethread_run(&writer.start, &writer.store_thread) == -1)
                give_up(EXIT_TRY_LATER, "store thread", strerror(errno));
        writer.intake = intake_open(&writer.child, writer.spool, &writer.ballast, &writer.handover, writer.base);
        if (writer.intake == NULL)
                give_up(EXIT_TRY_LATER, "live pipeline", strerror(errno));
        if (child_send_ready(&writer.child) == -1)
                give_up(EXIT_TRY_LATER, "control socket", strerror(errno));

        (void)event_base_dispatch(writer.base);
        (void)pthread_join(writer.store_thread, NULL);
        intake_close(writer.intake);
        spool_close(writer.spool);
        (void)child_send(&writer.child, CONTROL_DRAINED, NULL, 0, -1);
        return EXIT_DONE;
}
