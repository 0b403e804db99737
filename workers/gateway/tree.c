// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/tree.h"

#include "common/bucket.h"
#include "common/ioall.h"
#include "common/memory.h"
#include "common/yeartree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- names ----

void names_add(struct names *names, const char *name)
{
        if (names->count == names->capacity) {
                names->capacity = names->capacity > 0 ? names->capacity * 2 : 64;
                names->items = memory_resized(names->items, names->capacity, sizeof(names->items[0]));
        }
        names->items[names->count++] = memory_copied(name, strlen(name) + 1);
}

void names_release(struct names *names)
{
        for (size_t i = 0; i < names->count; i++)
                free(names->items[i]);
        free(names->items);
        *names = (struct names){0};
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct names *names)
{
        if (names->count > 0)
                qsort(names->items, names->count, sizeof(names->items[0]), compare_names);
}

// ---- directories ----

static void close_keep_errno(int fd)
{
        int saved_errno = errno;

        close(fd);
        errno = saved_errno;
}

static int open_directory(int parent_fd, const char *name)
{
        return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Names of directories below `fd`, which it takes over, sorted.
static int list_directories(int fd, struct names *names)
{
        DIR *directory = fdopendir(fd);
        struct dirent *entry;

        if (directory == NULL) {
                close_keep_errno(fd);
                return -1;
        }
        errno = 0;
        while ((entry = readdir(directory)) != NULL) {
                bool maybe = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;

                if (maybe && bucket_symbol_is_safe(entry->d_name))
                        names_add(names, entry->d_name);
        }
        int saved_errno = errno;
        closedir(directory);
        errno = saved_errno;
        sort_names(names);
        return saved_errno == 0 ? 0 : -1;
}

// A directory without this file is none of MarketStore's.
static bool has_category(int parent_fd, const char *name)
{
        char path[BUCKET_SYMBOL_SIZE + 32];

        snprintf(path, sizeof(path), "%s/category_name", name);
        return faccessat(parent_fd, path, R_OK, 0) == 0;
}

int tree_list_symbols(const char *root, struct names *symbols)
{
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct names found = {0};

        if (fd < 0)
                return errno == ENOENT ? 0 : -1; // nothing has been stored yet
        int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        int result = again >= 0 ? list_directories(again, &found) : -1;
        for (size_t i = 0; i < found.count; i++) {
                if (has_category(fd, found.items[i]))
                        names_add(symbols, found.items[i]);
        }
        names_release(&found);
        close_keep_errno(fd);
        return result;
}

// ---- buckets ----

static void list_groups(int symbol_fd, const char *symbol, const char *timeframe, struct names *buckets)
{
        int fd = open_directory(symbol_fd, timeframe), years[YEARFILE_YEARS_MAX];
        struct names groups = {0};
        char name[3 * BUCKET_SYMBOL_SIZE];

        if (fd < 0)
                return;
        int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (again >= 0)
                (void)list_directories(again, &groups); // one that is removed meanwhile is not there
        for (size_t i = 0; i < groups.count; i++) {
                int group_fd = open_directory(fd, groups.items[i]);

                if (group_fd < 0)
                        continue;
                if (yeartree_list_years(group_fd, years) > 0) {
                        snprintf(name, sizeof(name), "%s/%s/%s", symbol, timeframe, groups.items[i]);
                        names_add(buckets, name);
                }
                close(group_fd);
        }
        names_release(&groups);
        close(fd);
}

int tree_list_buckets(const char *root, const char *symbol, struct names *buckets)
{
        int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct names timeframes = {0};

        if (root_fd < 0)
                return -1;
        int fd = open_directory(root_fd, symbol);
        close_keep_errno(root_fd);
        if (fd < 0)
                return -1;
        int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        int result = again >= 0 ? list_directories(again, &timeframes) : -1;
        for (size_t i = 0; i < timeframes.count; i++)
                list_groups(fd, symbol, timeframes.items[i], buckets);
        names_release(&timeframes);
        close_keep_errno(fd);
        return result;
}

static int fail(int error, char why[REASON_SIZE], const char *what, const char *reason)
{
        snprintf(why, REASON_SIZE, "%.70s: %.80s", what, reason);
        errno = error;
        return -1;
}

static int read_schema(int directory_fd, struct tree_bucket *bucket, char why[REASON_SIZE])
{
        uint8_t header[YEARFILE_HEADER_BYTES];
        char name[32], defect[REASON_SIZE];
        int year = bucket->years[bucket->years_count - 1];

        snprintf(name, sizeof(name), "%d.bin", year);
        int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fail(errno, why, bucket->name, strerror(errno));
        int result = io_read_all_at(fd, header, sizeof(header), 0);
        close_keep_errno(fd);
        if (result != 0)
                return fail(errno == EIO ? EINVAL : errno, why, bucket->name, "its newest year has no whole header");
        if (yearheader_decode(header, year, &bucket->schema, defect) != 0)
                return fail(EINVAL, why, bucket->name, defect);
        return 0;
}

int tree_find_bucket(const char *root, const char *symbol, const char *timeframe, const char *group,
    struct tree_bucket *bucket, char why[REASON_SIZE])
{
        const char *const names[] = {symbol, timeframe, group};

        bucket->years_count = 0;
        snprintf(bucket->name, sizeof(bucket->name), "%.40s/%.40s/%.40s", symbol, timeframe, group);
        for (size_t i = 0; i < 3; i++) {
                if (!bucket_symbol_is_safe(names[i]))
                        return fail(ENOENT, why, bucket->name, "there is no such bucket");
        }
        snprintf(bucket->path, sizeof(bucket->path), "%s/%s/%s/%s", root, symbol, timeframe, group);
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < 3 && fd >= 0; i++) {
                int child_fd = open_directory(fd, names[i]);

                close_keep_errno(fd);
                fd = child_fd;
        }
        if (fd < 0) {
                bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;

                return fail(
                    absent ? ENOENT : errno, why, bucket->name, absent ? "there is no such bucket" : strerror(errno));
        }
        int count = yeartree_list_years(fd, bucket->years), result;
        bucket->years_count = count > 0 ? count : 0;
        if (count <= 0)
                result = fail(count < 0 ? errno : ENOENT, why, bucket->name, "there is no year in this bucket");
        else
                result = read_schema(fd, bucket, why);
        close_keep_errno(fd);
        return result;
}
