// SPDX-License-Identifier: Apache-2.0
// A child for the tests of the supervisor: it begins as real children do, then does what a script says, and notes what
// happened to it. The tests link it as `writer`, `stream` and `backfill` into a directory of their own.
//
// Script: run_directory/<class>-<name> or run_directory/<class>, one word, read at each start:
//   ready          says READY, beats, and ends in order when asked (the default); a minute without a beat is no hang
//   punctual       as ready, but hangs when it does not beat for as long as real children may miss their beats
//   ready-then-exit:N   says READY, then exits with N after 50 ms
//   exit:N  abort  kill   ends at once by exit code N, SIGABRT, SIGKILL
//   at-work        as abort, in the middle of spool row 42 (once; then as ready); notes what its predecessor was at
//   silent         says READY, then beats no more and ignores SIGTERM and SIGABRT
//   mute           never says READY and never beats
//   stubborn       says READY, beats, and does not end when asked
//   liar           sends a malformed control message
//   complete       as ready, and says COMPLETE
//   complete-twice (writer) likewise, and again for each job channel and set-up
//   exhausted      as ready, and says EXHAUSTED
//   suspect        (writer) as ready; reports the newest job channel's worker as SUSPECT
//   symbols        (writer) as ready; sends the file run_directory/catalogue as a catalogue
//   ban            as ready; reports a ban of 1,000 seconds first
// Notes: run_directory/notes, a line "<milliseconds> <class> <name> <pid> <what>" for each event.
#include "common/child.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "common/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEAT_MS 20
#define FORGIVEN_MS 60000 // tests shorten it with all other times of the policy

static struct child child;
static char script[64] = "ready";
static mono_time ready_at;

static const char *class_name(void)
{
        return child_class_name(child.setup->class);
}

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
        char path[PATH_SIZE + 16], what[256], line[400];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(what, sizeof(what), format, arguments);
        va_end(arguments);
        snprintf(path, sizeof(path), "%s/notes", child.setup->settings.run_directory);
        int length = snprintf(line, sizeof(line), "%lld %s %s %ld %s\n", (long long)(mono_now().us / US_PER_MS),
            class_name(), child.vitals->name, (long)getpid(), what);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, line, (size_t)length) != length)
                abort();
        close(fd);
}

static bool read_script_of(const char *name)
{
        char path[PATH_SIZE + 64];

        snprintf(path, sizeof(path), "%s/%s", child.setup->settings.run_directory, name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
                return false;
        bool found = fscanf(file, "%63s", script) == 1;
        fclose(file);
        return found;
}

static void read_script(void)
{
        char name[64];

        snprintf(name, sizeof(name), "%s-%s", class_name(), child.vitals->name);
        if (!read_script_of(name))
                read_script_of(class_name());
}

static bool script_is(const char *word)
{
        return strcmp(script, word) == 0;
}

static void send_catalogue(void)
{
        static struct catalogue_entry entries[64];
        char path[PATH_SIZE + 16];
        size_t count = 0;
        unsigned status, ended;

        snprintf(path, sizeof(path), "%s/catalogue", child.setup->settings.run_directory);
        FILE *file = fopen(path, "re");
        if (file == NULL)
                return;
        while (count < 64 && fscanf(file, "%23s %23s %23s %u %u", entries[count].symbol, entries[count].base,
                                 entries[count].quote, &status, &ended) == 5) {
                entries[count].status = (uint8_t)status;
                entries[count++].ended = (uint8_t)ended;
        }
        fclose(file);
        int fd = memfile_create_sealed("catalogue", entries, count * sizeof(entries[0]));
        if (fd < 0 || child_send(&child, CONTROL_SYMBOLS, NULL, 0, fd) != 0)
                abort();
        close(fd);
}

static void say_complete(const char *why)
{
        if (child_send(&child, CONTROL_COMPLETE, NULL, 0, -1) != 0)
                exit(EXIT_FAILED);
        note("%s", why);
}

static void begin(void)
{
        int code;

        if (sscanf(script, "exit:%d", &code) == 1)
                exit(code);
        if (script_is("at-work") && child.setup->after_crash == 0)
                atomic_store(&child.vitals->job_lease, 42);
        if (script_is("abort") || (script_is("at-work") && child.setup->after_crash == 0))
                abort();
        if (script_is("at-work"))
                note("predecessor at %llu", (unsigned long long)atomic_load(&child.vitals->job_lease));
        if (script_is("kill"))
                kill(getpid(), SIGKILL);
        if (script_is("mute"))
                return;
        if (script_is("ban"))
                governor_ban(child.governor, 429, 1000);
        if (script_is("liar") && write(CHILD_FD_CONTROL, "nonsense", 8) != 8)
                abort();
        // Noted first, so that what follows from it is noted after it.
        note("ready %u", child.setup->generation);
        if (child_send_ready(&child) != 0)
                exit(EXIT_FAILED);
        ready_at = mono_now();
        struct control_result why = {.error = ENODATA, .text = "nothing can be had"};
        if (script_is("complete") || script_is("complete-twice"))
                say_complete("complete");
        if (script_is("exhausted") && child_send(&child, CONTROL_EXHAUSTED, &why, sizeof(why), -1) != 0)
                exit(EXIT_FAILED);
        if (script_is("symbols"))
                send_catalogue();
        if (script_is("silent")) {
                signal(SIGTERM, SIG_IGN);
                signal(SIGABRT, SIG_IGN);
        }
}

static void drain(void)
{
        note("drain");
        if (script_is("stubborn") || script_is("silent"))
                return;
        (void)child_send(&child, CONTROL_DRAINED, NULL, 0, -1);
        note("ends");
        exit(EXIT_DONE);
}

static void act(struct control_message *message)
{
        struct control_died died;
        struct control_result result = {0};

        switch (message->header.type) {
        case CONTROL_DRAIN: drain(); break;
        case CONTROL_SETUP:
                if (child_adopt_setup(&child, message->fd) != 0)
                        abort();
                message->fd = -1;
                note("setup %u level %d symbols %zu", child.setup->generation, (int)child.setup->settings.log_level,
                    child.setup->symbols.count);
                if (script_is("complete-twice"))
                        say_complete("complete after setup");
                break;
        case CONTROL_JOB_CHANNEL:
                note("channel %u", message->header.slot);
                if (script_is("complete-twice"))
                        say_complete("complete again");
                if (script_is("suspect"))
                        (void)control_send(CHILD_FD_CONTROL, CONTROL_SUSPECT, message->header.slot,
                            message->header.incarnation, NULL, 0, -1);
                break;
        case CONTROL_DIED:
                memcpy(&died, message->payload, sizeof(died));
                note("died %u code %d signal %d crash %u", message->header.slot, died.exit_code, died.term_signal,
                    died.crash);
                break;
        case CONTROL_BACKFILL:
                snprintf(result.text, sizeof(result.text), "taken");
                (void)child_send(&child, CONTROL_RESULT, &result, sizeof(result), -1);
                break;
        default: abort();
        }
}

static void receive(void)
{
        static struct control_message message;
        int result = control_receive(CHILD_FD_CONTROL, &message);

        if (result == 0) {
                note("orphan");
                exit(EXIT_FAILED);
        }
        if (result < 0)
                return;
        act(&message);
        if (message.fd >= 0)
                close(message.fd);
}

static void live(void)
{
        struct pollfd control = {.fd = CHILD_FD_CONTROL, .events = POLLIN};
        int code;

        for (;;) {
                if (poll(&control, 1, BEAT_MS) > 0)
                        receive();
                if (script_is("punctual"))
                        child_heartbeat(&child);
                else if (!script_is("silent") && !script_is("mute"))
                        child_announce_ms(&child, FORGIVEN_MS);
                if (sscanf(script, "ready-then-exit:%d", &code) == 1 && mono_since_ms(mono_now(), ready_at) >= 50)
                        exit(code);
        }
}

// The class is what the set-up says, for all programs here are this one.
static enum child_class find_class(void)
{
        uint32_t class = 0;

        if (pread(CHILD_FD_SETUP, &class, sizeof(class), offsetof(struct child_setup, class)) != sizeof(class))
                exit(EXIT_CHILD_USAGE);
        return (enum child_class) class;
}

static void note_environment(void)
{
        char open_fds[64] = "";

        for (int fd = CHILD_FD_END; fd < 64; fd++) {
                if (fcntl(fd, F_GETFD) >= 0)
                        snprintf(open_fds, sizeof(open_fds), "%d", fd);
        }
        note("inherits secret=%s proxy=%s fds=%s tz=%s", getenv("BINANCE_SECRET_KEY") != NULL ? "yes" : "no",
            getenv("https_proxy") != NULL ? "yes" : "no", open_fds, getenv("TZ"));
}

int main(void)
{
        child_begin(find_class(), &child);
        read_script();
        note("start %u symbols %zu %s", child.setup->generation, child.setup->symbols.count, script);
        note_environment();
        begin();
        live();
}
