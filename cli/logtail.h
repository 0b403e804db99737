// SPDX-License-Identifier: Apache-2.0
// Follows the log file that the supervisor and its children write while we draw, and picks out what an operator must
// see: warnings and errors.
#ifndef CLI_LOGTAIL_H
#define CLI_LOGTAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct logtail {
        int fd; // the caller's
        off_t at;
        size_t length;
        char line[4096];
};

// From what is written from now on.
void logtail_begin(struct logtail *tail, int fd);
// The next warning or error, without its line break and date; NULL: none now. Valid until the next call.
const char *logtail_next(struct logtail *tail, bool *is_error);

#endif
