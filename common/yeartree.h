// SPDX-License-Identifier: Apache-2.0
// The directories of a MarketStore tree: root/symbol/timeframe/group/<year>.bin and the `category_name` file in each
// directory, without which a stock server does not see what lies below. Creating is for the writer's store thread
// alone; listing years is for readers too.
#ifndef COMMON_YEARTREE_H
#define COMMON_YEARTREE_H

#include "common/bucket.h"
#include "common/yearheader.h"

#include <stddef.h>

// Opens the bucket's directory, making what is missing of it and of its category files, each synced into its directory.
// Returns a descriptor (O_DIRECTORY), or -1 with errno and `why`: EINVAL, an unsafe symbol, a category file with other
// text; ELOOP, a symbolic link below the root (a stock server ignores those); else the system's.
int yeartree_make_bucket(const char *root, const char *symbol, enum interval interval, char why[REASON_SIZE]);

// Opens the bucket's directory. -1 with errno and `why`: ENOENT, no such bucket.
int yeartree_open_bucket(const char *root, const char *symbol, enum interval interval, char why[REASON_SIZE]);

// The same two for any bucket, by the names of its directories ("1Sec", "TRADE").
int yeartree_make_group(
    const char *root, const char *symbol, const char *timeframe, const char *group, char why[REASON_SIZE]);
int yeartree_open_group(
    const char *root, const char *symbol, const char *timeframe, const char *group, char why[REASON_SIZE]);

// "2024.bin" -> 2024; 0 for any other name.
int yeartree_year_of_name(const char *name);

// Lists the years that have a file in the directory, ascending. Returns how many (at most YEARFILE_YEARS_MAX), or -1.
int yeartree_list_years(int directory_fd, int years[YEARFILE_YEARS_MAX]);

// Creates <year>.bin: header, full sparse size, synced, complete before it gets its name. Returns an O_RDWR descriptor,
// or -1 with errno: EEXIST, there is one already.
int yeartree_create_file(int directory_fd, const struct yearfile_schema *schema, int year);

#endif
