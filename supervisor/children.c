// SPDX-License-Identifier: Apache-2.0
#include "supervisor/children.h"

#include "common/exitcode.h"
#include "common/log.h"
#include "common/memfile.h"
#include "supervisor/brake.h"
#include "supervisor/messages.h"
#include "supervisor/obituary.h"
#include "supervisor/shutdown.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- the table ----

const char *children_title(const struct managed *child, char text[CHILD_TITLE_SIZE])
{
        const char *class = child_class_name(child->policy.class);

        if (strcmp(class, child->name) == 0)
                snprintf(text, CHILD_TITLE_SIZE, "%s", class);
        else
                snprintf(text, CHILD_TITLE_SIZE, "%s %s", class, child->name);
        return text;
}

static struct vitals *vitals_of(struct supervisor *supervisor, const struct managed *child)
{
        return &supervisor->page->vitals[child->slot];
}

static void show(struct supervisor *supervisor, const struct managed *child)
{
        struct vitals *vitals = vitals_of(supervisor, child);
        uint32_t state = (uint32_t)policy_shown_state(child->policy.state);

        if (strcmp(vitals->name, child->name) != 0)
                snprintf(vitals->name, sizeof(vitals->name), "%s", child->name);
        atomic_store(&vitals->pid, child->pid);
        atomic_store(&vitals->incarnation, child->incarnation);
        if (atomic_exchange(&vitals->state, state) != state)
                atomic_store(&vitals->state_since_us, boot_now().us);
        atomic_store(&vitals->class, (uint32_t)child->policy.class);
}

struct managed *children_add(struct supervisor *supervisor, enum child_class class, const char *name)
{
        uint16_t slot = 0;

        while (slot < SLOTS_MAX && supervisor->slots[slot] != NULL)
                slot++;
        struct managed *child = slot < SLOTS_MAX ? calloc(1, sizeof(*child)) : NULL;
        if (child == NULL) {
                log_error("%s %s cannot be started: %s", child_class_name(class), name,
                    slot == SLOTS_MAX ? "all slots are in use" : "no memory");
                return NULL;
        }
        child->supervisor = supervisor;
        child->slot = slot;
        snprintf(child->name, sizeof(child->name), "%s", name);
        policy_child_init(&child->policy, class);
        child->pidfd = child->control = -1;
        outbox_init(&child->outbox);
        supervisor->slots[slot] = child;
        if (supervisor->slots_end <= slot)
                supervisor->slots_end = slot + 1u;
        memset((void *)vitals_of(supervisor, child), 0, sizeof(struct vitals));
        show(supervisor, child);
        return child;
}

int children_set_symbols(struct managed *child, const char (*symbols)[SYMBOL_SIZE], size_t count)
{
        char(*copy)[SYMBOL_SIZE] = calloc(count, sizeof(*copy));

        if (copy == NULL)
                return -1;
        memcpy(copy, symbols, count * sizeof(*copy));
        free(child->symbols);
        child->symbols = copy;
        child->symbols_count = count;
        memcpy(child->name, copy[0], sizeof(child->name));
        return 0;
}

void children_collect(struct supervisor *supervisor)
{
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child == NULL || child->policy.state != POLICY_DOWN || child->policy.wanted)
                        continue;
                if (child == supervisor->writer)
                        supervisor->writer = NULL;
                memset((void *)vitals_of(supervisor, child), 0, sizeof(struct vitals));
                supervisor->slots[i] = NULL;
                free(child->symbols);
                free(child);
        }
        while (supervisor->slots_end > 0 && supervisor->slots[supervisor->slots_end - 1] == NULL)
                supervisor->slots_end--;
}

struct managed *children_by_slot(const struct supervisor *supervisor, uint16_t slot, uint64_t incarnation)
{
        struct managed *child = slot < SLOTS_MAX ? supervisor->slots[slot] : NULL;

        return child != NULL && child->pid != 0 && child->incarnation == incarnation ? child : NULL;
}

size_t children_count(const struct supervisor *supervisor, enum child_class class, enum policy_state state)
{
        size_t count = 0;

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                count += child != NULL && child->policy.class == class && child->policy.state == state;
        }
        return count;
}

size_t children_wanted(const struct supervisor *supervisor, enum child_class class)
{
        size_t count = 0;

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                count += child != NULL && child->policy.class == class && child->policy.wanted;
        }
        return count;
}

// ---- messages to a child ----

static void watch_room(struct managed *child, bool waits)
{
        // Without the event the next message tries again, and the hang limit ends a child that reads none.
        if (child->writable != NULL && waits)
                (void)event_add(child->writable, NULL);
        else if (child->writable != NULL)
                (void)event_del(child->writable);
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
        struct managed *child = context;

        (void)events;
        watch_room(child, outbox_flush(&child->outbox, fd));
}

void children_send(struct managed *child, uint16_t type, uint16_t slot, uint64_t incarnation, const void *payload,
    size_t length, int passed_fd)
{
        struct control_header header = {type, slot, (uint32_t)length, incarnation};
        char title[CHILD_TITLE_SIZE];

        if (child->control < 0)
                return;
        if (outbox_send(&child->outbox, child->control, &header, payload, passed_fd) != 0 && errno != EPIPE &&
            errno != ECONNRESET)
                log_error("%s: a control message of type %u could not be sent: %m", children_title(child, title), type);
        watch_room(child, child->outbox.count > 0);
}

static void make_setup(const struct supervisor *supervisor, const struct managed *child, struct child_setup *setup)
{
        enum child_class class = child->policy.class;

        memset(setup, 0, sizeof(*setup));
        setup->magic = CHILD_SETUP_MAGIC;
        setup->bytes = sizeof(*setup);
        setup->class = (uint32_t) class;
        setup->slot = child->slot;
        setup->one_shot = supervisor->one_shot;
        setup->incarnation = child->incarnation;
        setup->generation = supervisor->generation;
        setup->after_crash = child->after_crash;
        setup->settings = supervisor->parts[class];
        setup->settings.log_level = supervisor->settings.log_level;
        if (class == CHILD_WRITER)
                setup->symbols = supervisor->followed;
        setup->symbols.count += child->symbols_count;
        if (child->symbols_count > 0)
                memcpy(setup->symbols.names, child->symbols, child->symbols_count * sizeof(*child->symbols));
}

static int setup_file(const struct supervisor *supervisor, const struct managed *child)
{
        static struct child_setup setup; // too large for the stack

        make_setup(supervisor, child, &setup);
        return memfile_create_sealed("binancefeeder-setup", &setup, sizeof(setup));
}

void children_send_setup(struct supervisor *supervisor, struct managed *child)
{
        char title[CHILD_TITLE_SIZE];

        if (child->control < 0)
                return;
        int fd = setup_file(supervisor, child);
        if (fd < 0) {
                log_error("%s keeps its old configuration: %m", children_title(child, title));
                return;
        }
        children_send(child, CONTROL_SETUP, child->slot, child->incarnation, NULL, 0, fd);
        close(fd);
}

// ---- birth ----

static void on_ended(evutil_socket_t fd, short events, void *context);

static void on_readable(evutil_socket_t fd, short events, void *context)
{
        struct managed *child = context;

        (void)fd;
        (void)events;
        messages_receive(child->supervisor, child);
        supervisor_settle(child->supervisor);
}

static int watch_process(struct supervisor *supervisor, struct managed *child)
{
        child->ended = event_new(supervisor->base, child->pidfd, EV_READ | EV_PERSIST, on_ended, child);
        child->readable = event_new(supervisor->base, child->control, EV_READ | EV_PERSIST, on_readable, child);
        child->writable = event_new(supervisor->base, child->control, EV_WRITE | EV_PERSIST, on_writable, child);
        if (child->ended == NULL || child->readable == NULL || child->writable == NULL)
                return -1;
        return event_add(child->ended, NULL) == 0 && event_add(child->readable, NULL) == 0 ? 0 : -1;
}

// Before the process exists, which would otherwise be raced. What its predecessor was doing when it died is forgotten,
// but for the writer, which judges it itself; counters go on.
static void reset_vitals(struct supervisor *supervisor, struct managed *child)
{
        struct vitals *vitals = vitals_of(supervisor, child);

        atomic_store(&vitals->hang_limit_ms, 0);
        atomic_store(&vitals->connected, 0);
        atomic_store(&vitals->degraded, 0);
        atomic_store(&vitals->renewal_us, 0);
        atomic_store(&vitals->window_bytes, 0);
        if (child->policy.class != CHILD_WRITER)
                atomic_store(&vitals->job_lease, 0);
        child->heartbeat = atomic_load(&vitals->heartbeat);
        child->hang_limit_ms = 0;
        child->heartbeat_at = (mono_time){0};
}

static uint64_t next_incarnation(struct supervisor *supervisor)
{
        if (++supervisor->spawns >= 1u << SPAWN_BITS) {
                // A million starts: the next run's number space. The lock is held, so nobody else counts.
                if (state_next_run(supervisor->settings.state_directory, &supervisor->run) != 0)
                        return 0;
                supervisor->spawns = 1;
        }
        return supervisor->run << SPAWN_BITS | supervisor->spawns;
}

static void tell_kept_deaths(struct supervisor *supervisor, struct managed *writer)
{
        for (size_t i = 0; i < supervisor->deaths_count; i++) {
                const struct kept_death *death = &supervisor->deaths[i];
                children_send(
                    writer, CONTROL_DIED, death->slot, death->incarnation, &death->died, sizeof(death->died), -1);
        }
        supervisor->deaths_count = 0;
}

static int start_process(struct supervisor *supervisor, struct managed *child, int ends[2], int setup)
{
        char title[CHILD_TITLE_SIZE], argument[CHILD_TITLE_SIZE + 16], program[PATH_SIZE + 32];
        enum child_class class = child->policy.class;
        struct spawned spawned;

        snprintf(argument, sizeof(argument), "binancefeeder: %s", children_title(child, title));
        snprintf(program, sizeof(program), "%s/%s", supervisor->libexec, child_class_name(class));
        struct spawn_request request = {.program = program,
            .title = argument,
            .control = ends[1],
            .setup = setup,
            .governor = supervisor->governor_fd,
            .acks = class == CHILD_WRITER ? supervisor->acks_fd : supervisor->acks_readonly_fd};
        if (spawn_child(&request, &spawned) != 0)
                return -1;
        child->pid = spawned.pid;
        child->pidfd = spawned.pidfd;
        child->control = ends[0];
        child->spawned = mono_now();
        return 0;
}

static void forget_process(struct managed *child)
{
        struct event **events[] = {&child->ended, &child->readable, &child->writable};

        for (size_t i = 0; i < 3; i++) {
                if (*events[i] != NULL)
                        event_free(*events[i]);
                *events[i] = NULL;
        }
        outbox_clear(&child->outbox);
        if (child->pidfd >= 0)
                close(child->pidfd);
        if (child->control >= 0)
                close(child->control);
        child->pidfd = child->control = -1;
        child->pid = 0;
        child->drained = child->killed_by_us = false;
}

static void start(struct supervisor *supervisor, struct managed *child)
{
        char title[CHILD_TITLE_SIZE];
        int ends[2] = {-1, -1}, setup = -1;

        children_title(child, title);
        child->incarnation = next_incarnation(supervisor);
        if (child->incarnation != 0)
                setup = setup_file(supervisor, child);
        reset_vitals(supervisor, child);
        bool made = setup >= 0 && control_pair(ends) == 0 && start_process(supervisor, child, ends, setup) == 0;
        if (made && watch_process(supervisor, child) == 0) {
                close(ends[1]);
                close(setup);
                log_debug("%s started, pid %ld", title, (long)child->pid);
                show(supervisor, child);
                if (child->policy.class == CHILD_WRITER)
                        tell_kept_deaths(supervisor, child);
                return;
        }
        log_error("%s could not be started: %m; tried again in %lld s", title,
            (long long)supervisor->limits.spawn_failed_ms / 1000);
        if (child->pid != 0) {
                kill(child->pid, SIGKILL);
                (void)waitpid(child->pid, NULL, 0); // ends at once
        } else if (ends[0] >= 0) {
                close(ends[0]);
        }
        if (ends[1] >= 0)
                close(ends[1]);
        if (setup >= 0)
                close(setup);
        forget_process(child);
        children_event(supervisor, child, POLICY_SPAWN_FAILED);
}

// ---- what the policy wants ----

static void signal_child(struct managed *child, int number)
{
        if (child->pidfd < 0)
                return;
        // Fails only where the process has ended already, which its pidfd tells.
        (void)pidfd_send_signal(child->pidfd, number, NULL, 0);
        if (number != SIGKILL)
                (void)pidfd_send_signal(child->pidfd, SIGCONT, NULL, 0); // a stopped process takes no other signal
}

static void perform(struct supervisor *supervisor, struct managed *child, enum policy_action action)
{
        switch (action) {
        case POLICY_NONE: break;
        case POLICY_START: start(supervisor, child); break;
        case POLICY_DRAIN: children_send(child, CONTROL_DRAIN, child->slot, child->incarnation, NULL, 0, -1); break;
        case POLICY_TERM: signal_child(child, SIGTERM); break;
        case POLICY_ABORT:
                child->killed_by_us = true;
                signal_child(child, SIGABRT);
                break;
        case POLICY_KILL:
                child->killed_by_us = true;
                signal_child(child, SIGKILL);
                break;
        }
}

static void log_escalation(const struct supervisor *supervisor, const struct managed *child, enum policy_state before,
    enum policy_action action)
{
        char title[CHILD_TITLE_SIZE], span[SPAN_TEXT_SIZE], later[SPAN_TEXT_SIZE];
        mono_time since = child->heartbeat_at.us != 0 ? child->heartbeat_at : child->spawned;

        children_title(child, title);
        if (action == POLICY_ABORT)
                log_error("%s (pid %ld) hangs: no heartbeat for %s%s; it gets SIGABRT now and SIGKILL %s later", title,
                    (long)child->pid, obituary_span(mono_since_ms(mono_now(), since), span),
                    before == POLICY_STARTING ? " while starting" : "",
                    obituary_span(supervisor->limits.abort_ms, later));
        else if (action == POLICY_TERM)
                log_warn("%s (pid %ld) did not end when asked; it gets SIGTERM now and SIGKILL %s later", title,
                    (long)child->pid, obituary_span(supervisor->limits.term_ms, span));
        else if (action == POLICY_KILL)
                log_error("%s (pid %ld) gets SIGKILL", title, (long)child->pid);
}

static uint32_t random_bits(void)
{
        uint32_t bits = 0;

        // Without entropy there is no jitter, which is no disaster.
        return getrandom(&bits, sizeof(bits), GRND_NONBLOCK) == (ssize_t)sizeof(bits) ? bits : 0;
}

void children_event(struct supervisor *supervisor, struct managed *child, enum policy_event event)
{
        struct policy_input input = {.now = mono_now(),
            .random = random_bits(),
            .hang_limit_ms = child->hang_limit_ms,
            .braked = brake_holds(supervisor, child)};
        enum policy_state before = child->policy.state;
        struct policy_step step = policy_step(&supervisor->limits, &child->policy, event, &input);

        child->policy = step.child;
        log_escalation(supervisor, child, before, step.action);
        perform(supervisor, child, step.action);
        show(supervisor, child);
}

void children_event_all(struct supervisor *supervisor, enum child_class class, enum policy_event event)
{
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child != NULL && (class == CHILD_NONE || child->policy.class == class))
                        children_event(supervisor, child, event);
        }
}

// ---- death ----

static struct death describe(struct supervisor *supervisor, const struct managed *child, const siginfo_t *info)
{
        struct death death = {.class = child->policy.class,
            .name = child->name,
            .pid = child->pid,
            .code = info->si_code == CLD_EXITED ? info->si_status : -1,
            .term_signal = info->si_code == CLD_EXITED ? 0 : info->si_status,
            .core = info->si_code == CLD_DUMPED,
            .heartbeat_age_ms = -1,
            .state = child->policy.state,
            .now = mono_now(),
            .killed_by_us = child->killed_by_us};

        death.lived_ms = mono_since_ms(death.now, child->spawned);
        if (atomic_load(&vitals_of(supervisor, child)->heartbeat) != child->heartbeat)
                death.heartbeat_age_ms = 0; // since the last look
        else if (child->heartbeat_at.us != 0)
                death.heartbeat_age_ms = mono_since_ms(death.now, child->heartbeat_at);
        return death;
}

static void tell_writer(
    struct supervisor *supervisor, const struct managed *child, uint64_t incarnation, const struct death *death)
{
        struct control_died died = {.exit_code = death->code,
            .term_signal = death->term_signal,
            .crash = policy_is_own_fault(death->code, death->term_signal)};
        struct managed *writer = supervisor->writer;

        if (writer != NULL && writer->control >= 0) {
                children_send(writer, CONTROL_DIED, child->slot, incarnation, &died, sizeof(died), -1);
                return;
        }
        // The newest are kept: an old crash matters less than that a job is free again, which a new writer knows
        // anyway.
        if (supervisor->deaths_count == DEATHS_KEPT_MAX)
                memmove(supervisor->deaths, supervisor->deaths + 1,
                    --supervisor->deaths_count * sizeof(supervisor->deaths[0]));
        supervisor->deaths[supervisor->deaths_count++] = (struct kept_death){child->slot, incarnation, died};
}

static void write_obituary(struct supervisor *supervisor, const struct managed *child, struct death *death)
{
        char line[LOG_LINE_BYTES_MAX], cause[REASON_SIZE], span[SPAN_TEXT_SIZE];
        struct vitals *vitals = vitals_of(supervisor, child);

        death->after = child->policy;
        switch (obituary_write(death, line)) {
        case LOG_LEVEL_ERROR: log_error("%s", line); break;
        case LOG_LEVEL_WARN: log_warn("%s", line); break;
        default: log_info("%s", line); break;
        }
        snprintf(vitals->last_death, sizeof(vitals->last_death), "%.100s after %s", obituary_cause(death, cause),
            obituary_span(death->lived_ms, span));
        // One that a reload asked to end comes back as asked: nothing to alert anybody about.
        if (child->policy.wanted && death->state != POLICY_STOPPING)
                atomic_fetch_add(&vitals->restarts, 1);
}

static void bury(struct supervisor *supervisor, struct managed *child, const siginfo_t *info)
{
        struct death death = describe(supervisor, child, info);
        uint64_t incarnation = child->incarnation;
        enum policy_event event = policy_classify_exit(death.code);

        child->after_crash = policy_is_own_fault(death.code, death.term_signal);
        forget_process(child);
        children_event(supervisor, child, event);
        write_obituary(supervisor, child, &death);
        tell_writer(supervisor, child, incarnation, &death);
        brake_note_death(supervisor, child);
        shutdown_note_death(supervisor, child, death.code);
}

static void on_ended(evutil_socket_t fd, short events, void *context)
{
        struct managed *child = context;
        siginfo_t info = {0};

        (void)events;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
                return;
        messages_receive(child->supervisor, child); // its last words lie in the socket
        bury(child->supervisor, child, &info);
        supervisor_settle(child->supervisor);
}
