// SPDX-License-Identifier: Apache-2.0
// The directories of the MarketStore tree as a reader finds them: which symbols, which buckets, which years. Names that
// could lead elsewhere (anything but A-Z a-z 0-9 . _ -) and symbolic links are no part of it. Reads only.
#ifndef GATEWAY_TREE_H
#define GATEWAY_TREE_H

#include "common/limits.h"
#include "common/yearheader.h"

#include <stddef.h>

struct names { // {0} is empty; sorted
        char **items;
        size_t count, capacity;
};
void names_add(struct names *names, const char *name);
void names_release(struct names *names);

// Symbols of the tree: directories that MarketStore sees. Returns 0, or -1 with errno.
int tree_list_symbols(const char *root, struct names *symbols);

// Adds the buckets of a symbol, `symbol/timeframe/group`. Returns 0, or -1 with errno.
int tree_list_buckets(const char *root, const char *symbol, struct names *buckets);

struct tree_bucket {
        char path[PATH_SIZE + 128]; // its directory
        char name[128];             // `symbol/timeframe/group`, for messages
        int years[YEARFILE_YEARS_MAX];
        int years_count;
        struct yearfile_schema schema; // of its newest year
};

// Looks a bucket up. Returns 0, or -1 with errno and `why`: ENOENT, there is none (or none that has a year); EINVAL,
// its newest file is no year file; else the system's.
int tree_find_bucket(const char *root, const char *symbol, const char *timeframe, const char *group,
    struct tree_bucket *bucket, char why[REASON_SIZE]);

#endif
