// SPDX-License-Identifier: Apache-2.0
// The control socket of a running instance (run_directory/control.sock) from the other end: is one running, its
// governor page, and requests. Used by the command line and by whoever draws a snapshot. A client owns its socket and
// its map of the page; each call waits for the answer a few seconds at most, and an instance that ends meanwhile is an
// error.
#ifndef COMMON_CLIENT_H
#define COMMON_CLIENT_H

#include "common/control.h"
#include "common/governor.h"

struct client {
        int fd; // -1: not connected
        struct control_page about;
        const struct governor_page *page; // mapped read-only; stays readable after the instance has ended
};

// Connects and fetches the page. Returns 0, or -1 with errno: ENOENT or ECONNREFUSED, nothing runs there; EBADMSG, an
// instance of another build; ETIMEDOUT; EACCES, another user's.
int client_open(const char *run_directory, struct client *client);
void client_close(struct client *client);
// Asks for history. Returns 0, or -1 with result->error and text.
int client_backfill(struct client *client, const struct control_backfill *want, struct control_result *result);
// False once the instance has ended.
bool client_is_connected(struct client *client);

#endif
