// SPDX-License-Identifier: Apache-2.0
#include "common/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)
#define ALL_SEALS (SIZE_SEALS | F_SEAL_WRITE | F_SEAL_SEAL)

static int close_and_fail(int fd)
{
        int saved_errno = errno;

        close(fd);
        errno = saved_errno;
        return -1;
}

int memfile_create(const char *name, size_t bytes)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -1;
        if (ftruncate(fd, (off_t)bytes) != 0 || fcntl(fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_SEAL) != 0)
                return close_and_fail(fd);
        return fd;
}

static bool is_zero(const unsigned char *bytes, size_t length)
{
        return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

// A set-up has room for thousands of symbols, a stream worker's holds one: zero pages stay holes, which need no memory.
static int write_sparse(int fd, const unsigned char *bytes, size_t length)
{
        if (ftruncate(fd, (off_t)length) != 0)
                return -1;
        for (size_t at = 0; at < length; at += PAGE_BYTES) {
                size_t part = length - at < PAGE_BYTES ? length - at : PAGE_BYTES;
                if (is_zero(bytes + at, part))
                        continue;
                ssize_t written = pwrite(fd, bytes + at, part, (off_t)at);
                if (written < 0)
                        return -1;
                if ((size_t)written != part) {
                        errno = ENOSPC;
                        return -1;
                }
        }
        return 0;
}

int memfile_create_sealed(const char *name, const void *contents, size_t bytes)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -1;
        if (write_sparse(fd, contents, bytes) != 0 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) != 0)
                return close_and_fail(fd);
        return fd;
}

int memfile_reopen_readonly(int fd)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return open(path, O_RDONLY | O_CLOEXEC);
}

// The file's size where it carries at least these seals, else -1 with EBADMSG.
static long long checked_size(int fd, int seals)
{
        struct stat status;
        int present = fcntl(fd, F_GET_SEALS);

        if (present < 0 || (present & seals) != seals || fstat(fd, &status) != 0) {
                if (errno != EBADF)
                        errno = EBADMSG;
                return -1;
        }
        return status.st_size;
}

static bool has_size(int fd, int seals, size_t bytes)
{
        long long size = checked_size(fd, seals);

        if (size < 0)
                return false;
        if ((unsigned long long)size != bytes) {
                errno = EBADMSG;
                return false;
        }
        return true;
}

void *memfile_map(int fd, size_t bytes, bool writable)
{
        if (!has_size(fd, SIZE_SEALS, bytes))
                return NULL;
        void *map = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
        return map == MAP_FAILED ? NULL : map;
}

const void *memfile_map_sealed(int fd, size_t bytes, void *address)
{
        if (!has_size(fd, SIZE_SEALS | F_SEAL_WRITE, bytes))
                return NULL;
        // Private: before Linux 6.7 a shared map of a write-sealed file is refused even for reading.
        void *map = mmap(address, bytes, PROT_READ, MAP_PRIVATE | (address != NULL ? MAP_FIXED : 0), fd, 0);
        return map == MAP_FAILED ? NULL : map;
}

long long memfile_sealed_bytes(int fd)
{
        return checked_size(fd, SIZE_SEALS | F_SEAL_WRITE);
}
