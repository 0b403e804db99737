// SPDX-License-Identifier: Apache-2.0
#include "config/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Appends the parts of `path` to `out`, which has no trailing slash ("" is the root).
static int append_parts(char out[PATH_SIZE], const char *path)
{
        size_t used = strlen(out);
        while (*path != '\0') {
                path += strspn(path, "/");
                size_t length = strcspn(path, "/");
                if (length == 2 && strncmp(path, "..", 2) == 0) {
                        char *slash = strrchr(out, '/');
                        used = slash != NULL ? (size_t)(slash - out) : 0;
                } else if (length > 0 && !(length == 1 && path[0] == '.')) {
                        if (used + 1 + length >= PATH_SIZE) {
                                errno = ENAMETOOLONG;
                                return -1;
                        }
                        out[used++] = '/';
                        memcpy(out + used, path, length);
                        used += length;
                }
                out[used] = '\0';
                path += length;
        }
        return 0;
}

int path_make_absolute(const char *directory, const char *path, char absolute[PATH_SIZE])
{
        char out[PATH_SIZE] = "";
        if (path[0] != '/' && append_parts(out, directory) < 0)
                return -1;
        if (append_parts(out, path) < 0)
                return -1;
        if (out[0] == '\0')
                out[0] = '/';
        // Whole and zero-padded: equal settings are equal bytes.
        memset(absolute, 0, PATH_SIZE);
        memcpy(absolute, out, strlen(out));
        return 0;
}

bool path_is_inside(const char *path, const char *directory)
{
        size_t length = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
        return strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}
