// SPDX-License-Identifier: Apache-2.0
// What a child process inherits, and how it begins and ends. The supervisor starts `libexec/binancefeeder/<class>` by
// fork and exec with these descriptors and nothing else open; the environment is cleared of proxies and secrets.
#ifndef COMMON_CHILD_H
#define COMMON_CHILD_H

#include "common/ackpage.h"
#include "common/control.h"
#include "common/governor.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum child_fd {
        CHILD_FD_CONTROL = 3,  // SOCK_SEQPACKET to the supervisor
        CHILD_FD_SETUP = 4,    // sealed memory file: struct child_setup
        CHILD_FD_GOVERNOR = 5, // governor page
        CHILD_FD_ACKS = 6,     // acknowledgement page (writable for the writer only)
        CHILD_FD_END = 7,
};

#define CHILD_SETUP_MAGIC 0x50555342u

struct child_setup {
        uint32_t magic;
        uint32_t bytes; // sizeof(struct child_setup): another build's is refused
        uint32_t class; // enum child_class
        uint16_t slot;
        uint16_t one_shot; // 1: end when complete (`binancefeeder backfill`)
        uint64_t incarnation;
        uint32_t generation;  // of the configuration
        uint32_t after_crash; // 1: the slot's last incarnation crashed by its own fault (writer: quarantine counts)
        struct symbol_list symbols; // stream: those it carries; writer: all that are followed; backfill: empty
        struct settings settings;
};

struct child {
        const struct child_setup *setup; // mapped, read-only
        struct governor_page *governor;
        struct ack_page *acks;
        struct vitals *vitals; // this child's line
};

// Checks and maps what was inherited, sets PDEATHSIG, ignores SIGPIPE, names the process in its log lines. Ends the
// process with EXIT_CHILD_USAGE and a message where it was not started by the supervisor.
void child_begin(enum child_class class, struct child *child);
// One more heartbeat; resets a longer hang limit.
void child_heartbeat(struct child *child);
// Announces that the next step may take long (fsync, checkpoint, name look-up).
void child_announce_ms(struct child *child, uint32_t hang_limit_ms);
// True where endpoints.ca_file can be read, or none is configured. Else says so: the caller ends with EXIT_TRY_LATER,
// for the file may come back, and no TLS connection can be made before.
bool child_has_ca_file(const struct child *child);
int child_send_ready(const struct child *child);
int child_send(const struct child *child, enum control_type type, const void *payload, size_t length, int fd);
// Maps a setup after checking seals, size and magic. NULL with errno; the descriptor stays the caller's.
const struct child_setup *child_map_setup(int fd);
void child_unmap_setup(const struct child_setup *setup);
// Replaces the setup by that of a CONTROL_SETUP message's descriptor (which it closes), in place: pointers into it stay
// valid and show the new values. Takes over its log level. Returns 0, or -1 with errno (EBADMSG: not for this process).
int child_adopt_setup(struct child *child, int fd);

#define CHILD_HEARTBEAT_MS 500
#define CHILD_HANG_DEFAULT_MS 10000
#define CHILD_HANG_RESOLVE_MS 45000
#define CHILD_HANG_SYNC_MS 300000

#endif
