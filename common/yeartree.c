// SPDX-License-Identifier: Apache-2.0
#include "common/yeartree.h"

#include "common/fail.h"
#include "common/ioall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// As MarketStore makes them.
#define DIRECTORY_MODE 0770
#define CATEGORY_MODE 0770
#define YEARFILE_MODE 0600

#define CATEGORY_FILE "category_name"

static void close_keep_errno(int fd)
{
        int saved_errno = errno;

        close(fd);
        errno = saved_errno;
}

// Gives a complete, synced file its name; nothing that has the name already is replaced.
static int publish(int directory_fd, const char *temporary, const char *name)
{
        if (renameat2(directory_fd, temporary, directory_fd, name, RENAME_NOREPLACE) != 0) {
                if (errno != EINVAL || faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        return -1;
                // A file system without RENAME_NOREPLACE; the root's lock keeps a second writer away.
                if (renameat(directory_fd, temporary, directory_fd, name) != 0)
                        return -1;
        }
        return fsync(directory_fd);
}

// ---- category files ----

// A stock server compares the bytes and never trims: a newline at the end hides everything below.
static int write_category(int directory_fd, const char *category)
{
        static const char temporary[] = CATEGORY_FILE ".tmp";
        int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, CATEGORY_MODE);

        if (fd < 0)
                return -1;
        if (io_write_all_at(fd, category, strlen(category), 0) != 0 || fsync(fd) != 0) {
                close_keep_errno(fd);
                return -1;
        }
        if (close(fd) != 0)
                return -1;
        return publish(directory_fd, temporary, CATEGORY_FILE);
}

static int ensure_category(int directory_fd, const char *category, const char *place, char why[REASON_SIZE])
{
        char text[32];
        int fd = openat(directory_fd, CATEGORY_FILE, O_RDONLY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT) {
                if (write_category(directory_fd, category) != 0)
                        return fail_with(errno, why, "%s/" CATEGORY_FILE ": cannot write: %s", place, strerror(errno));
                return 0;
        }
        if (fd < 0)
                return fail_with(errno, why, "%s/" CATEGORY_FILE ": cannot open: %s", place, strerror(errno));
        ssize_t length = read(fd, text, sizeof(text));
        close_keep_errno(fd);
        if (length < 0)
                return fail_with(errno, why, "%s/" CATEGORY_FILE ": cannot read: %s", place, strerror(errno));
        if ((size_t)length != strlen(category) || memcmp(text, category, (size_t)length) != 0) {
                errno = EINVAL;
                return fail_with(errno, why,
                    "%s/" CATEGORY_FILE " does not hold exactly \"%s\" (no newline): not a MarketStore tree", place,
                    category);
        }
        return 0;
}

// ---- directories ----

// Below the root no symbolic links: a stock server goes by the directory entry's type and ignores them.
static int open_child(int parent_fd, const char *name)
{
        return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_child(int parent_fd, const char *name)
{
        int fd = open_child(parent_fd, name);

        if (fd >= 0 || errno != ENOENT)
                return fd;
        if (mkdirat(parent_fd, name, DIRECTORY_MODE) != 0 && errno != EEXIST)
                return -1;
        if (fsync(parent_fd) != 0)
                return -1;
        return open_child(parent_fd, name);
}

static int open_root(const char *root, bool make)
{
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0 || errno != ENOENT || !make)
                return fd;
        if (mkdir(root, DIRECTORY_MODE) != 0 && errno != EEXIST)
                return -1;
        return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// `names` are those of the root and of what lies below it, down to the level that could not be opened. The path comes
// last, for it may be longer than a reason.
static int explain_level(const char *const names[], size_t level, char why[REASON_SIZE])
{
        char name[PATH_SIZE + BUCKET_NAME_SIZE];
        int error = errno;
        size_t used = 0;

        for (size_t i = 0; i <= level && used < sizeof(name); i++)
                used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s", i > 0 ? "/" : "", names[i]);
        errno = error;
        if (errno == ELOOP || errno == ENOTDIR) {
                errno = ELOOP;
                return fail_with(
                    errno, why, "not a directory of its own (MarketStore follows no symbolic links): %s", name);
        }
        return fail_with(errno, why, "cannot open the directory (%s): %s", strerror(errno), name);
}

static int walk_to_group(
    const char *root, const char *symbol, const char *timeframe, const char *group, bool make, char why[REASON_SIZE])
{
        static const char *const categories[] = {"Symbol", "Timeframe", "AttributeGroup", "Year"};
        const char *const names[] = {root, symbol, timeframe, group};

        if (!bucket_symbol_is_safe(symbol)) {
                errno = EINVAL;
                return fail_with(errno, why, "\"%s\" cannot name a symbol's directory", symbol);
        }
        int fd = open_root(root, make);
        for (size_t level = 0; level < 4; level++) {
                if (fd < 0)
                        return explain_level(names, level, why);
                if (make && ensure_category(fd, categories[level], names[level], why) != 0) {
                        close_keep_errno(fd);
                        return -1;
                }
                if (level < 3) {
                        int child_fd = make ? make_child(fd, names[level + 1]) : open_child(fd, names[level + 1]);

                        close_keep_errno(fd);
                        fd = child_fd;
                }
        }
        return fd;
}

int yeartree_make_group(
    const char *root, const char *symbol, const char *timeframe, const char *group, char why[REASON_SIZE])
{
        return walk_to_group(root, symbol, timeframe, group, true, why);
}

int yeartree_open_group(
    const char *root, const char *symbol, const char *timeframe, const char *group, char why[REASON_SIZE])
{
        int fd = walk_to_group(root, symbol, timeframe, group, false, why);

        if (fd < 0 && errno == ENOENT)
                return fail_with(errno, why, "there is no bucket %s/%s/%s in %s", symbol, timeframe, group, root);
        return fd;
}

int yeartree_make_bucket(const char *root, const char *symbol, enum interval interval, char why[REASON_SIZE])
{
        struct bar_home home = bar_home_of(interval);

        return yeartree_make_group(root, symbol, home.timeframe, home.group, why);
}

int yeartree_open_bucket(const char *root, const char *symbol, enum interval interval, char why[REASON_SIZE])
{
        struct bar_home home = bar_home_of(interval);

        return yeartree_open_group(root, symbol, home.timeframe, home.group, why);
}

// ---- year files ----

static int compare_years(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

int yeartree_year_of_name(const char *name)
{
        if (strspn(name, "0123456789") != 4 || strcmp(name + 4, ".bin") != 0)
                return 0;
        return atoi(name);
}

int yeartree_list_years(int directory_fd, int years[YEARFILE_YEARS_MAX])
{
        int count = 0, fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

        if (directory == NULL) {
                if (fd >= 0)
                        close_keep_errno(fd);
                return -1;
        }
        errno = 0;
        for (struct dirent *entry; count < YEARFILE_YEARS_MAX && (entry = readdir(directory)) != NULL;) {
                int year = yeartree_year_of_name(entry->d_name);

                if (year > 0)
                        years[count++] = year;
        }
        int saved_errno = errno;
        closedir(directory);
        if (saved_errno != 0) {
                errno = saved_errno;
                return -1;
        }
        qsort(years, (size_t)count, sizeof(years[0]), compare_years);
        return count;
}

// Only the pages that are not zero: the header is 37,024 bytes, of which nine columns use some hundred.
static int write_header(int fd, const struct yearfile_schema *schema, int year)
{
        static const size_t page_bytes = 4096;
        static const uint8_t zeros[4096];
        uint8_t header[YEARFILE_HEADER_BYTES];

        yearheader_encode(schema, year, header);
        for (size_t at = 0; at < sizeof(header); at += page_bytes) {
                size_t length = sizeof(header) - at < page_bytes ? sizeof(header) - at : page_bytes;

                if (memcmp(header + at, zeros, length) == 0)
                        continue;
                if (io_write_all_at(fd, header + at, length, (off_t)at) != 0)
                        return -1;
        }
        return 0;
}

int yeartree_create_file(int directory_fd, const struct yearfile_schema *schema, int year)
{
        char name[32], temporary[40];

        // A stock server dies at its start of anything that ends in .bin and is no whole year file.
        snprintf(name, sizeof(name), "%d.bin", year);
        snprintf(temporary, sizeof(temporary), "%s.tmp", name);
        int fd = openat(directory_fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, YEARFILE_MODE);
        if (fd < 0)
                return -1;
        if (ftruncate(fd, yearfile_size(schema, year)) != 0 || write_header(fd, schema, year) != 0 || fsync(fd) != 0 ||
            publish(directory_fd, temporary, name) != 0) {
                int saved_errno = errno;

                unlinkat(directory_fd, temporary, 0);
                close(fd);
                errno = saved_errno;
                return -1;
        }
        return fd;
}
