// SPDX-License-Identifier: Apache-2.0
// Memory files: pages that several processes map, and sealed values that are handed to one. Their size is sealed, so
// that no map of them can end in SIGBUS. Used for the governor page, the acknowledgement page, child set-ups and the
// catalogue. Descriptors are close-on-exec.
#ifndef COMMON_MEMFILE_H
#define COMMON_MEMFILE_H

#include <stdbool.h>
#include <stddef.h>

// A zeroed file of `bytes` bytes that cannot change its size. Returns a descriptor, or -1 with errno.
int memfile_create(const char *name, size_t bytes);
// A file with these contents that nobody can change any more; pages of zeros take no memory. Returns a descriptor, or
// -1 with errno.
int memfile_create_sealed(const char *name, const void *contents, size_t bytes);
// The same file opened O_RDONLY: a writable map of it is refused. Returns a descriptor, or -1 with errno.
int memfile_reopen_readonly(int fd);
// Maps a file of memfile_create() that must be exactly `bytes` long. NULL with errno: EBADMSG where size or seals are
// not what they should be.
void *memfile_map(int fd, size_t bytes, bool writable);
// Maps a file of memfile_create_sealed(), read-only, at `address` (replacing what is mapped there) or anywhere (NULL).
// NULL with errno, as above; what was mapped at `address` is then still there.
const void *memfile_map_sealed(int fd, size_t bytes, void *address);
// Bytes of a sealed memory file, or -1 with errno (EBADMSG: it is none).
long long memfile_sealed_bytes(int fd);

#endif
