// SPDX-License-Identifier: Apache-2.0
// Directory names as users write them, made absolute. By their text alone: no file is looked at, and `a/..` is nothing
// even where `a` is a symbolic link. Pure functions, used inside config/.
#ifndef CONFIG_PATH_H
#define CONFIG_PATH_H

#include "common/limits.h"

#include <stdbool.h>

// `path` seen from `directory` (absolute), without ".", ".." and double slashes. Both may be `absolute` itself.
// Returns 0, or -1 with ENAMETOOLONG.
int path_make_absolute(const char *directory, const char *path, char absolute[PATH_SIZE]);

// True where `path` is `directory` or lies below it; both absolute as above.
bool path_is_inside(const char *path, const char *directory);

#endif
