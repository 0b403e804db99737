// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/ballast.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t ballast_disk_free(const struct ballast *ballast)
{
        struct statvfs status;

        return fstatvfs(ballast->fd, &status) == 0 ? (uint64_t)status.f_bavail * status.f_frsize : 0;
}

int ballast_open(struct ballast *ballast, const char *path, int64_t bytes)
{
        ballast->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (ballast->fd == -1)
                return -1;
        ballast->bytes = bytes;
        ballast->held = bytes == 0 || posix_fallocate(ballast->fd, 0, bytes) == 0;
        // A smaller reserve than last time gives the rest back.
        return ftruncate(ballast->fd, ballast->held ? bytes : 0);
}

void ballast_release(struct ballast *ballast)
{
        if (ftruncate(ballast->fd, 0) == 0)
                ballast->held = false;
}

bool ballast_restore(struct ballast *ballast)
{
        if (!ballast->held && ballast_disk_free(ballast) > 2 * (uint64_t)ballast->bytes)
                ballast->held = posix_fallocate(ballast->fd, 0, ballast->bytes) == 0;
        return ballast->held;
}
