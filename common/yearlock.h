// SPDX-License-Identifier: Apache-2.0
// Locks of byte ranges in a year file, so that nobody copies a row while it is rewritten. Open-file-description locks:
// they belong to the descriptor (threads count as strangers) and die with it. Used by common/yearfile.c, for the
// index of ticks by common/tickindex.c, and by the gateway, which copies whole runs of rows.
//
// Neither side waits for ever. The writer is patient for YEARFILE_LOCK_WAIT_MS, then writes: a stopped reader must not
// stop the writer. A reader that cannot say it held its lock for less than that copies again. What remains is a second
// reader copying the same row in the very microsecond in which the writer gives up on a first, stopped one.
#ifndef COMMON_YEARLOCK_H
#define COMMON_YEARLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// pwrite() of all bytes under an exclusive lock. Returns 0, or -1 with errno.
int yearlock_write(int fd, const void *data, size_t length, off_t offset);

// pread() of all bytes under a shared lock, released before it returns. Returns 0, or -1 with errno: EAGAIN, locked for
// YEARFILE_READ_WAIT_MS; EIO, the file ends before.
int yearlock_read(int fd, void *data, size_t length, off_t offset);

#endif
