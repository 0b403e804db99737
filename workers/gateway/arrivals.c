// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/arrivals.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct arrival {
        uint64_t cookie; // the kernel's number of the socket, never used twice; 0: nothing arrives
        bool answering;
        mono_time deadline;
};

static struct arrival arrivals[GATEWAY_DESCRIPTORS_MAX]; // by descriptor

// 0: no socket.
static uint64_t cookie_of(int fd)
{
        uint64_t cookie = 0;
        socklen_t length = sizeof(cookie);

        return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

static struct arrival *find(struct bufferevent *connection)
{
        evutil_socket_t fd = bufferevent_getfd(connection);

        return fd >= 0 && fd < GATEWAY_DESCRIPTORS_MAX ? &arrivals[fd] : NULL;
}

static void begin(struct arrival *arrival, uint64_t cookie)
{
        *arrival = (struct arrival){.cookie = cookie, .deadline = mono_now()};
        arrival->deadline.us += GATEWAY_REQUEST_S * US_PER_S;
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context)
{
        struct bufferevent *connection = context;
        struct arrival *arrival = find(connection);

        (void)input;
        if (info->n_added == 0 || arrival == NULL)
                return;
        uint64_t cookie = cookie_of(bufferevent_getfd(connection));
        if (arrival->cookie != cookie)
                begin(arrival, cookie);
}

void arrivals_watch(struct bufferevent *connection)
{
        REQUIRE(evbuffer_add_cb(bufferevent_get_input(connection), on_input, connection) != NULL);
}

void arrivals_end_request(struct bufferevent *connection)
{
        struct arrival *arrival = find(connection);

        if (arrival != NULL)
                *arrival = (struct arrival){.answering = true};
}

void arrivals_end_answer(struct bufferevent *connection)
{
        struct arrival *arrival = find(connection);

        if (arrival == NULL)
                return;
        arrival->answering = false;
        if (arrival->cookie != 0)
                begin(arrival, arrival->cookie); // the next request came meanwhile
}

void arrivals_refuse_late(mono_time now)
{
        for (int fd = 0; fd < GATEWAY_DESCRIPTORS_MAX; fd++) {
                struct arrival *arrival = &arrivals[fd];

                if (arrival->cookie == 0 || arrival->answering || arrival->deadline.us > now.us)
                        continue;
                if (cookie_of(fd) == arrival->cookie) {
                        log_debug("a client did not send its request in time; its connection is closed");
                        (void)shutdown(fd, SHUT_RDWR);
                }
                *arrival = (struct arrival){0};
        }
}
