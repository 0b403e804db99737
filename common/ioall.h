// SPDX-License-Identifier: Apache-2.0
// pread(2) and pwrite(2) until all bytes are done; interruptions are gone on from.
#ifndef COMMON_IOALL_H
#define COMMON_IOALL_H

#include <stddef.h>
#include <sys/types.h>

// Return 0, or -1 with errno; reading fails with EIO where the file ends before.
int io_read_all_at(int fd, void *data, size_t length, off_t offset);
int io_write_all_at(int fd, const void *data, size_t length, off_t offset);

#endif
