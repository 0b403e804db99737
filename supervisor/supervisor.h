// SPDX-License-Identifier: Apache-2.0
// The supervisor's state, shared by its modules, and the one function that settles what an event has left to do.
//
// One process, one thread, one event loop. A callback notes what happened by a policy event and ends with
// supervisor_settle(), which lets everything follow from it: free slots, job channels, the next stage of a shutdown,
// the timer. Nothing here is freed at the end: the process ends.
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "common/child.h"
#include "config/settings.h"
#include "supervisor/assign.h"
#include "supervisor/brakerule.h"
#include "supervisor/outbox.h"
#include "supervisor/policy.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// One child, from being wanted until its last process is reaped and it is not wanted any more. It keeps its slot
// for that time, through all restarts.
struct managed {
        struct supervisor *supervisor; // callbacks get one pointer
        uint16_t slot;
        char name[SYMBOL_SIZE]; // first symbol of a stream worker, "2" of the pool, "writer"
        struct policy_child policy;
        // stream: what it carries; owned
        size_t symbols_count;
        char (*symbols)[SYMBOL_SIZE];
        // the process, where there is one
        pid_t pid;
        int pidfd, control; // -1: none
        uint64_t incarnation;
        mono_time spawned;
        struct event *ended, *readable, *writable;
        struct outbox outbox;
        bool drained;      // it said that everything it sent is durable
        bool killed_by_us; // by SIGABRT or SIGKILL, for it hung or was not believed
        bool after_crash;  // its last process ended by its own fault
        // its pulse, as last seen
        uint64_t heartbeat;
        uint32_t hang_limit_ms;
        mono_time heartbeat_at; // 0: none yet
        // backfill: the incarnations of writer and worker that its job channel joins
        uint64_t channel_writer, channel_own;
};

// A death that no writer has been told of.
struct kept_death {
        uint16_t slot;
        uint64_t incarnation;
        struct control_died died;
};

enum phase {
        PHASE_RUN,
        PHASE_BACKFILL, // shutdown: the pool ends first, for it only adds work
        PHASE_STREAMS,  // then streams drain into the writer
        PHASE_WRITER,   // then the writer commits
        PHASE_OVER
};

struct supervisor {
        // start
        struct event_base *base;
        const char *config_path;
        char libexec[PATH_SIZE];
        bool one_shot;
        struct policy_limits limits;
        uint64_t run; // number of this run of an instance on this state_directory
        uint32_t spawns;
        // shared pages
        int governor_fd, governor_readonly_fd, acks_fd, acks_readonly_fd;
        struct governor_page *page;
        int64_t ban_saved_us;
        // configuration in force
        struct settings settings;
        uint32_t generation;
        struct settings parts[CHILD_CLASSES]; // what each class reads of it
        struct symbol_list followed;
        struct catalogue catalogue;
        bool workers_started;         // after the first READY of the writer
        uint32_t complete_generation; // of the configuration of which was said that its history is complete, 0: none
        // children
        struct managed *slots[SLOTS_MAX];
        uint32_t slots_end; // one above the highest slot in use
        struct managed *writer;
        struct brakerule brakes[CHILD_CLASSES];
        uint16_t probes[CHILD_CLASSES]; // slot of the class's probe while its brake is PROBING or WATCHING
        struct kept_death deaths[DEATHS_KEPT_MAX];
        size_t deaths_count;
        // end
        enum phase phase;
        mono_time phase_since, stop_since;
        int exit_code;
};

// Everything that follows from an event; at the end of every callback.
void supervisor_settle(struct supervisor *supervisor);

#endif
