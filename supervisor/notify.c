// SPDX-License-Identifier: Apache-2.0
#include "supervisor/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address; // sun_path empty: nobody to notify
static socklen_t address_length;
static bool watchdog;

void notify_init(void)
{
        const char *path = getenv("NOTIFY_SOCKET");

        watchdog = getenv("WATCHDOG_USEC") != NULL;
        if (path != NULL && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof(address.sun_path)) {
                address.sun_family = AF_UNIX;
                memcpy(address.sun_path, path, strlen(path) + 1);
                address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
                if (path[0] == '@')
                        address.sun_path[0] = '\0'; // an abstract name
                else
                        address_length++;
        }
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
}

void notify_send(const char *format, ...)
{
        char text[512];
        va_list arguments;

        if (address_length == 0)
                return;
        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        if (length <= 0 || (size_t)length >= sizeof(text))
                return;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return;
        (void)sendto(fd, text, (size_t)length, MSG_NOSIGNAL, (const struct sockaddr *)&address, address_length);
        close(fd);
}

bool notify_has_watchdog(void)
{
        return watchdog;
}
