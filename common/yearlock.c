// SPDX-License-Identifier: Apache-2.0
#include "common/yearlock.h"

#include "common/clock.h"
#include "common/ioall.h"
#include "common/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <time.h>

#define RETRY_NS 50000 // a reader's copy takes some 20 us

static int set_lock(int fd, short type, off_t offset, size_t length)
{
        struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = offset, .l_len = (off_t)length};

        return fcntl(fd, F_OFD_SETLK, &lock);
}

static void unlock_keep_errno(int fd, off_t offset, size_t length)
{
        int saved_errno = errno;

        // Cannot fail but for lack of memory to split a range; closing the file would then release it.
        (void)set_lock(fd, F_UNLCK, offset, length);
        errno = saved_errno;
}

// F_OFD_SETLKW has no time limit, so it is asked again and again. Returns 0 with a time not after the lock was had; -1
// with EAGAIN after wait_ms, else the system's.
static int lock_within(int fd, short type, off_t offset, size_t length, int64_t wait_ms, mono_time *not_after)
{
        const struct timespec pause = {0, RETRY_NS};
        mono_time begun = mono_now();

        *not_after = begun;
        while (set_lock(fd, type, offset, length) != 0) {
                if (errno != EAGAIN && errno != EACCES && errno != EINTR)
                        return -1;
                if (mono_since_ms(*not_after, begun) >= wait_ms) {
                        errno = EAGAIN;
                        return -1;
                }
                nanosleep(&pause, NULL);
                *not_after = mono_now();
        }
        return 0;
}

int yearlock_write(int fd, const void *data, size_t length, off_t offset)
{
        mono_time since;
        bool locked = lock_within(fd, F_WRLCK, offset, length, YEARFILE_LOCK_WAIT_MS, &since) == 0;

        if (!locked && errno != EAGAIN)
                return -1;
        int result = io_write_all_at(fd, data, length, offset);
        if (locked)
                unlock_keep_errno(fd, offset, length);
        return result;
}

int yearlock_read(int fd, void *data, size_t length, off_t offset)
{
        mono_time begun = mono_now(), since;

        do {
                if (lock_within(fd, F_RDLCK, offset, length, YEARFILE_READ_WAIT_MS, &since) != 0)
                        return -1;
                int result = io_read_all_at(fd, data, length, offset);
                int64_t held_ms = mono_since_ms(mono_now(), since);
                unlock_keep_errno(fd, offset, length);
                if (result != 0 || held_ms < YEARFILE_LOCK_WAIT_MS)
                        return result;
        } while (mono_since_ms(mono_now(), begun) < YEARFILE_READ_WAIT_MS);
        errno = EAGAIN;
        return -1;
}
