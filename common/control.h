// SPDX-License-Identifier: Apache-2.0
// Control messages: fixed binary records on SOCK_SEQPACKET sockets, one socket pair per child, one listening socket for
// the command line (run_directory/control.sock, 0600), one pair between the writer and each backfill worker. Message
// boundaries are kept, a death is an EOF, descriptors travel by SCM_RIGHTS. A message of the wrong size is EBADMSG:
// whoever sent it is not believed.
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum control_type {
        // child -> supervisor
        CONTROL_READY = 1, // start-up finished
        CONTROL_DRAINED,   // after CONTROL_DRAIN: everything sent is durable (stream), or nothing is left to do
        CONTROL_SYMBOLS,   // writer: a new catalogue; descriptor = memory file of struct catalogue_entry
        CONTROL_SUSPECT,   // writer: `slot` sent what no worker of ours would send; kill it
        CONTROL_EXHAUSTED, // writer: what is left cannot be had soon; payload struct control_result says why
                           // (error EHOSTUNREACH: the store server is away)
        CONTROL_COMPLETE,  // writer: everything wanted is covered or explained, and synced
        // supervisor -> child
        CONTROL_DRAIN = 32,  // finish in order: no new work, FIN, then exit 0
        CONTROL_SETUP,       // reload: descriptor = new struct child_setup (writer; log level for everybody)
        CONTROL_JOB_CHANNEL, // writer: descriptor = SEQPACKET pair to backfill worker `slot`; backfill: to the writer
        CONTROL_DIED,        // writer: `slot`, `incarnation` ended; payload struct control_died
        // command line -> supervisor, and the answer
        CONTROL_HELLO = 64, // answer CONTROL_PAGE
        CONTROL_PAGE,       // descriptor = governor page, read-only; payload struct control_page
        CONTROL_STOP,       // orderly shutdown; answered by EOF
        CONTROL_RELOAD,     // answer CONTROL_RESULT
        CONTROL_BACKFILL,   // payload struct control_backfill; forwarded to the writer; answer CONTROL_RESULT
        CONTROL_RESULT,     // payload struct control_result
};

struct control_header {
        uint16_t type;
        uint16_t slot;
        uint32_t length; // payload bytes
        uint64_t incarnation;
};

struct control_died {
        int32_t exit_code;   // or -1
        int32_t term_signal; // or 0
        uint32_t crash;      // 1: by its own fault (SEGV, ABRT, BUS, FPE, ILL, SYS, exit 70); a kill -9 is none
        uint32_t zero;
};

struct control_page {
        int32_t supervisor_pid;
        uint32_t version;
        char state_directory[PATH_SIZE];
        char root_directory[PATH_SIZE]; // or the store server's URL
        char config_path[PATH_SIZE];
};

// Ad-hoc history: wanted is widened for these until it is covered or explained.
struct control_backfill {
        char symbol[SYMBOL_SIZE];
        uint32_t interval;
        uint32_t zero;
        int64_t start_us, end_us; // INT64_MIN: from the first bar; INT64_MAX: up to now
};

struct control_result {
        int32_t error; // 0, or an errno
        uint32_t zero;
        char text[REASON_SIZE];
};

// A row of the catalogue as the supervisor needs it.
struct catalogue_entry {
        char symbol[SYMBOL_SIZE];
        char base[ASSET_SIZE];
        char quote[ASSET_SIZE];
        uint8_t status; // enum symbol_status
        uint8_t ended;  // 1: absent or BREAK for 24 hours in every catalogue: its stream ends
        uint8_t zero[6];
};

struct control_message {
        struct control_header header;
        unsigned char payload[CONTROL_MESSAGE_BYTES_MAX];
        int fd; // received descriptor, owned by the receiver; -1: none
};

// Both ends non-blocking and close-on-exec. Returns 0, or -1 with errno.
int control_pair(int fds[2]);
// Sends one message with a descriptor (-1: none; it stays the caller's). Length and descriptor must be what the type
// has (asserted). Returns 0, or -1 with errno (EAGAIN: full; EPIPE: the other end is gone).
int control_send(
    int fd, uint16_t type, uint16_t slot, uint64_t incarnation, const void *payload, size_t length, int passed_fd);
// Receives one. Returns 1, 0 at EOF, or -1 with errno (EAGAIN: none; EBADMSG: wrong size, unknown type, slot out of
// range, a descriptor too many or none where the type has one).
int control_receive(int fd, struct control_message *message);
// Payload bytes that a type must have (0 for most), or -1 for an unknown type.
ssize_t control_payload_bytes(uint16_t type);
bool control_carries_fd(uint16_t type); // SYMBOLS, SETUP, JOB_CHANNEL and PAGE do

#endif
