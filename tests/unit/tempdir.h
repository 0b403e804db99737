// SPDX-License-Identifier: Apache-2.0
// A directory for one test, gone afterwards.
#ifndef TESTS_UNIT_TEMPDIR_H
#define TESTS_UNIT_TEMPDIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static inline int tempdir_remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
        (void)status;
        (void)type;
        (void)walk;
        return remove(path);
}

static inline void tempdir_remove(const char *path)
{
        nftw(path, tempdir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// `path` must hold 64 bytes. Returns 0, or -1.
static inline int tempdir_make(char path[64])
{
        snprintf(path, 64, "/tmp/bf-test-XXXXXX");
        return mkdtemp(path) != NULL ? 0 : -1;
}

#endif
