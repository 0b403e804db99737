// SPDX-License-Identifier: Apache-2.0
// Opening year files, of bars and of ticks alike: header and size are checked, and all years of a bucket have the same
// columns, or a stock server cannot query it. Used by common/yearfile.c and common/tickfile.c. Descriptors are the
// caller's; on failure nothing stays open and `why` names bucket and file.
#ifndef COMMON_YEAROPEN_H
#define COMMON_YEAROPEN_H

#include "common/limits.h"
#include "common/yearheader.h"

#include <stdbool.h>
#include <stdint.h>

// Opens an existing file named `.../<year>.bin`. Returns a descriptor, or -1 with errno and `why`: ENOENT; EINVAL,
// another name, a foreign header, records of the other type (0 fixed, 1 variable), or shorter than its slots.
int yearopen_file(const char *path, bool writable, int64_t record_type, int *year, struct yearfile_schema *schema,
    char why[REASON_SIZE]);

// Opens a bucket's year for writing, creating it where absent. -1 with errno and `why`: EINVAL, the file, or for a new
// year the newest of its siblings, has other columns, timeframe or record length than `schema`.
int yearopen_write(
    int directory_fd, const char *bucket, const struct yearfile_schema *schema, int year, char why[REASON_SIZE]);

// The schema of the newest year in the directory. -1 with errno and `why`: ENOENT, the directory holds no year.
int yearopen_newest_schema(int directory_fd, const char *bucket, struct yearfile_schema *schema, char why[REASON_SIZE]);

#endif
