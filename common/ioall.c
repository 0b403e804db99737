// SPDX-License-Identifier: Apache-2.0
#include "common/ioall.h"

#include <errno.h>
#include <unistd.h>

int io_write_all_at(int fd, const void *data, size_t length, off_t offset)
{
        const char *p = data;

        while (length > 0) {
                ssize_t written = pwrite(fd, p, length, offset);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -1;
                p += written;
                offset += written;
                length -= (size_t)written;
        }
        return 0;
}

int io_read_all_at(int fd, void *data, size_t length, off_t offset)
{
        char *p = data;

        while (length > 0) {
                ssize_t got = pread(fd, p, length, offset);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got == 0)
                        errno = EIO;
                if (got <= 0)
                        return -1;
                p += got;
                offset += got;
                length -= (size_t)got;
        }
        return 0;
}
