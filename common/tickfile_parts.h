// SPDX-License-Identifier: Apache-2.0
// What common/tickfile.c and common/tickstage.c share; nobody else includes it, but for their test.
#ifndef COMMON_TICKFILE_PARTS_H
#define COMMON_TICKFILE_PARTS_H

#include "common/tickfile.h"
#include "common/tickpending.h"

#define TICKFILE_NAME_SIZE (BUCKET_NAME_SIZE + 16)

struct tickfile {
        int fd;
        int year;
        char name[TICKFILE_NAME_SIZE];
        struct yearfile_schema schema;
        struct tick_layout layout;
        struct tick_index index;
        int64_t data_begin; // blocks lie from here …
        int64_t end;        // … to here; the next one begins here
        int64_t appended;
        struct tick_pending pending;
};

bool tickfile_is_in_year(const struct tickfile *file, int64_t second);

// The pending triple of a second of the year, else the index's. Returns 1, 0 where it has no rows, or -1 with errno and
// `why`.
int tickfile_find_triple(
    const struct tickfile *file, int64_t second, struct tick_triple *triple, char why[REASON_SIZE]);

// Reads a block as it lies in the file, not yet united. Returns 0, or -1 with errno and `why`: EBADMSG, damaged.
int tickfile_load_block(
    const struct tickfile *file, const struct tick_triple *triple, struct tick_block *block, char why[REASON_SIZE]);

#endif
