// SPDX-License-Identifier: Apache-2.0
#include "cli/logtail.h"

#include <string.h>
#include <unistd.h>

// Log lines look like "2024-03-05T12:00:00.123Z warn  writer: text" (common/log.c).
#define LEVEL_AT 25
#define TEXT_AT 31

void logtail_begin(struct logtail *tail, int fd)
{
        off_t end = lseek(fd, 0, SEEK_END);

        tail->fd = fd;
        tail->at = end > 0 ? end : 0;
        tail->length = 0;
}

// Reads one whole line into tail->line. A line longer than the buffer is passed on in parts.
static bool next_line(struct logtail *tail)
{
        ssize_t got = pread(tail->fd, tail->line, sizeof(tail->line) - 1, tail->at);

        if (got <= 0)
                return false;
        const char *end = memchr(tail->line, '\n', (size_t)got);
        if (end == NULL && (size_t)got < sizeof(tail->line) - 1)
                return false; // still being written
        tail->length = end != NULL ? (size_t)(end - tail->line) : (size_t)got;
        tail->at += (off_t)tail->length + (end != NULL);
        tail->line[tail->length] = '\0';
        return true;
}

const char *logtail_next(struct logtail *tail, bool *is_error)
{
        while (next_line(tail)) {
                bool dated = tail->length > TEXT_AT && tail->line[10] == 'T' && tail->line[LEVEL_AT - 2] == 'Z';
                if (!dated) // a crash report, or what a library has to say
                        continue;
                *is_error = strncmp(tail->line + LEVEL_AT, "error", 5) == 0;
                if (*is_error || strncmp(tail->line + LEVEL_AT, "warn", 4) == 0)
                        return tail->line + TEXT_AT;
        }
        return NULL;
}
