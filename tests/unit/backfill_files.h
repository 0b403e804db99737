// SPDX-License-Identifier: Apache-2.0
// Files for the backfill worker's tests: the corpus in the tree, and the real data that may stand beside the checkout.
#ifndef TESTS_UNIT_BACKFILL_FILES_H
#define TESTS_UNIT_BACKFILL_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_FILE_BYTES_MAX (16 * 1024 * 1024)

// The whole file, NUL-terminated, to be freed; NULL where it cannot be read.
static inline char *test_file_read(const char *path, size_t *length)
{
        FILE *file = fopen(path, "rb");
        if (file == NULL)
                return NULL;
        char *bytes = malloc(TEST_FILE_BYTES_MAX + 1);
        if (bytes != NULL) {
                *length = fread(bytes, 1, TEST_FILE_BYTES_MAX, file);
                bytes[*length] = '\0';
        }
        fclose(file);
        return bytes;
}

// The same for a file of the real data, by its path in there.
static inline char *test_data_read(const char *name, size_t *length)
{
        const char *folder = getenv("BF_SHARED_DATA");
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", folder == NULL ? "../shared/data" : folder, name);
        return test_file_read(path, length);
}

#endif
