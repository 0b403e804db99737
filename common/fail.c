// SPDX-License-Identifier: Apache-2.0
#include "common/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int fail_with(int error, char why[REASON_SIZE], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(why, REASON_SIZE, format, arguments);
        va_end(arguments);
        errno = error;
        return -1;
}
