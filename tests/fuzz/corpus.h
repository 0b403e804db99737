// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the inputs that are kept, without a fuzzer: for the tests that make it part of `make test`.
// Each input lies in memory of exactly its length, so that a reader past its end is seen by a sanitizer or valgrind.
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CORPUS_FILE_BYTES_MAX (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

// Returns whether the file could be read; what is wrong with the target ends the process.
static inline int corpus_run_file(const char *path)
{
        static uint8_t bytes[CORPUS_FILE_BYTES_MAX];
        FILE *file = fopen(path, "rb");

        if (file == NULL)
                return 0;
        size_t length = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        uint8_t *exact = malloc(length > 0 ? length : 1);
        for (size_t i = 0; i < length; i++)
                exact[i] = bytes[i];
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
        return 1;
}

// Returns how many inputs there were in tests/corpus/`name`.
static inline unsigned corpus_run(const char *name)
{
        char path[512];
        unsigned count = 0;

        snprintf(path, sizeof(path), "tests/corpus/%s", name);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "tests/corpus/%s/%s", name, entry->d_name);
                count += (unsigned)corpus_run_file(path);
        }
        if (folder != NULL)
                closedir(folder);
        return count;
}

#endif
