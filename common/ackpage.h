// SPDX-License-Identifier: Apache-2.0
// The acknowledgement page: one line per slot, written by the writer alone, mapped read-only by workers. It says how
// far a slot's batches are durable (live: committed to the spool; bulk: applied by the store thread). No messages, so
// nothing to lose, and it survives kill -9 at any instruction. Polling is the price: workers look every few
// milliseconds while their window is not empty.
#ifndef COMMON_ACKPAGE_H
#define COMMON_ACKPAGE_H

#include "common/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ack_line {
        _Alignas(64) _Atomic uint64_t incarnation; // whose batches these are; 0: none yet
        _Atomic uint64_t sequence;                 // highest durable batch of that incarnation
};

struct ack_page {
        _Alignas(64) _Atomic uint64_t writer_incarnation; // changes when a new writer has restored all lines; 0: none
        struct ack_line lines[SLOTS_MAX];
};

// Creates the page's memory file (supervisor). Returns a descriptor, or -1 with errno.
int ack_page_create(void);
// The same file opened O_RDONLY: a writable map of it is refused. Returns a descriptor, or -1.
int ack_page_reopen_readonly(int fd);
struct ack_page *ack_page_map(int fd, bool writable); // NULL with errno

// Writer. OPEN: sequence 0 first, then the incarnation, so that no reader pairs the new incarnation with an old
// sequence.
void ack_line_open(struct ack_page *page, uint16_t slot, uint64_t incarnation);
void ack_line_advance(struct ack_page *page, uint16_t slot, uint64_t sequence);
void ack_line_restore(struct ack_page *page, uint16_t slot, uint64_t incarnation, uint64_t sequence);
void ack_page_publish_writer(struct ack_page *page, uint64_t writer_incarnation);

// Worker: highest durable batch of `incarnation`, 0 if the line still belongs to another.
uint64_t ack_line_durable(const struct ack_page *page, uint16_t slot, uint64_t incarnation);
uint64_t ack_page_writer(const struct ack_page *page);

#endif
