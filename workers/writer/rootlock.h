// SPDX-License-Identifier: Apache-2.0
// Who may write below root_directory: one writer of ours, and no MarketStore server beside it. The lock is a flock on
// the directory itself, so that no file of ours lies in a MarketStore tree. Called once, by the store at its start.
#ifndef WRITER_ROOTLOCK_H
#define WRITER_ROOTLOCK_H

#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

// Makes the directory (and its parents), opens and locks it; waits `wait_ms` for an old instance to let go. Returns the
// descriptor, which is the lock, or -1 with errno and a message: EAGAIN, another instance is at work there.
int rootlock_take(const char *root, int64_t wait_ms, char why[REASON_SIZE]);

// True where a MarketStore server is at work on `root`: another process holds a WAL file there open, or `port` (0:
// none) answers HTTP on loopback without our Server header. `why` then says which, and the cure.
bool rootlock_server_is_at_work(const char *root, uint32_t port, char why[REASON_SIZE]);

#endif
