// SPDX-License-Identifier: Apache-2.0
// Space kept for a full disk: draining the spool deletes rows, and deleting needs room for the WAL. The ballast is
// given up when a commit finds no space and taken back once there is room again.
#ifndef WRITER_BALLAST_H
#define WRITER_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

struct ballast {
        int fd;
        int64_t bytes; // wanted
        bool held;
};

// Creates the file and allocates it where there is room. Returns 0, or -1 with errno (not for ENOSPC: `held` tells).
int ballast_open(struct ballast *ballast, const char *path, int64_t bytes);
void ballast_release(struct ballast *ballast);
// Takes it back if at least as much again would stay free. Returns true when held.
bool ballast_restore(struct ballast *ballast);
// Bytes free to us on the file system of the ballast.
uint64_t ballast_disk_free(const struct ballast *ballast);

#endif
