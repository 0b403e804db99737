// SPDX-License-Identifier: Apache-2.0
// How the modules of year files and tick files refuse: errno and a message for whoever asked, who logs or prints it.
#ifndef COMMON_FAIL_H
#define COMMON_FAIL_H

#include "common/limits.h"

// Sets errno and `why`. Returns -1.
int fail_with(int error, char why[REASON_SIZE], const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
