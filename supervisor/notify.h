// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) by hand: one datagram to $NOTIFY_SOCKET, so that libsystemd need not be linked. Without that variable
// nothing happens; a failure is nobody's business but the service manager's, which will notice.
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdbool.h>

// Reads NOTIFY_SOCKET and WATCHDOG_USEC and removes them from the environment.
void notify_init(void);
// "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...": one or more lines.
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));
// True where the service manager expects WATCHDOG=1 now and then.
bool notify_has_watchdog(void);

#endif
