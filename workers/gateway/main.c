// SPDX-License-Identifier: Apache-2.0
// The gateway: what the feeder keeps, over HTTP. Reads only: the store's year files, the ledger, the governor page. It
// holds nothing that matters, so it may be killed at any time.
#include "common/child.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "workers/gateway/gateway.h"
#include "workers/gateway/get.h"
#include "workers/gateway/http.h"
#include "workers/gateway/jsonrpc.h"
#include "workers/gateway/pool.h"
#include "workers/gateway/rpc.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gateway gateway;
static struct http *http;
static struct event_base *base;
static mono_time stopping_since; // 0: not

static const char *store_root(void)
{
        return gateway.child.setup->settings.root_directory;
}

struct ledgerview *gateway_ledger(struct gateway *of, char why[REASON_SIZE])
{
        if (of->view == NULL)
                of->view = ledgerview_open(of->child.setup->settings.state_directory, why);
        return of->view;
}

int64_t gateway_now_us(const struct gateway *of)
{
        int64_t now_us = governor_exchange_now_us(of->child.governor);

        return now_us >= 0 ? now_us : wall_now().ns / 1000;
}

// With a server as store its rows are not ours to answer: clients are told whom to ask. NULL where they are.
static const char *rows_elsewhere(void)
{
        const struct settings *settings = &gateway.child.setup->settings;

        return settings->store_type == STORE_SERVER ? settings->store_url : NULL;
}

// ---- routes ----

static struct work *begin_msgpack(void *context, const struct request *request)
{
        char why[REASON_SIZE];

        (void)context;
        if (rows_elsewhere() == NULL)
                return rpc_begin(store_root(), request);
        (void)snprintf(
            why, sizeof(why), "the rows are kept by the MarketStore server %.100s: ask that one", rows_elsewhere());
        return rpc_refuse(why, request);
}

static struct work *begin_rpc(void *context, const struct request *request)
{
        return jsonrpc_is_meant(request->content_type) ? jsonrpc_begin(begin_msgpack, context, request)
                                                       : begin_msgpack(context, request);
}

static struct work *begin_get(void *context, const struct request *request)
{
        if (rows_elsewhere() != NULL)
                return work_text(501,
                    "the rows are kept by the MarketStore server %s (store.type: server): ask its RPC, or "
                    "`binancefeeder query`; here are /status, /metrics, /healthz and /readyz",
                    rows_elsewhere());
        return get_begin(store_root(), gateway_now_us(context), request);
}

static const struct route routes[] = {
    {"/rpc", HTTP_POST, begin_rpc},
    {"/query", HTTP_GET, begin_get},
    {"/status", HTTP_GET, status_begin},
    {"/metrics", HTTP_GET, metrics_begin},
    {"/healthz", HTTP_GET, health_begin},
    {"/readyz", HTTP_GET, ready_begin},
};

// ---- events ----

static void begin_stop(void)
{
        if (stopping_since.us != 0)
                return;
        stopping_since = mono_now();
        http_stop(http);
}

static void on_control(evutil_socket_t fd, short events, void *context)
{
        static struct control_message message;

        (void)events;
        (void)context;
        int result = control_receive(fd, &message);
        if (result == -1 && errno == EAGAIN)
                return;
        if (result != 1) {
                log_warn("the supervisor is gone; this process ends");
                exit(EXIT_FAILED);
        }
        if (message.header.type == CONTROL_DRAIN) {
                begin_stop();
        } else if (message.header.type == CONTROL_SETUP) {
                if (child_adopt_setup(&gateway.child, message.fd) != 0)
                        log_error("a new configuration is not for this process; the old one stays");
        } else if (message.fd != -1) {
                close(message.fd);
        }
}

static void on_signal(evutil_socket_t signal_number, short events, void *context)
{
        (void)signal_number;
        (void)events;
        (void)context;
        begin_stop();
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
        (void)fd;
        (void)events;
        (void)context;
        child_heartbeat(&gateway.child);
        if (stopping_since.us != 0 &&
            (http_is_idle(http) || mono_since_ms(mono_now(), stopping_since) > GATEWAY_STOP_S * 1000))
                (void)event_base_loopbreak(base);
}

// ---- life ----

static void watch(int fd, short what, event_callback_fn callback, const struct timeval *timeout)
{
        struct event *event = event_new(base, fd, what, callback, NULL);

        REQUIRE(event != NULL && event_priority_set(event, 0) == 0 && event_add(event, timeout) == 0);
}

static void open_events(void)
{
        static const struct timeval tick = {.tv_usec = CHILD_HEARTBEAT_MS * 1000};

        base = event_base_new();
        REQUIRE(base != NULL && event_base_priority_init(base, 3) == 0);
        watch(CHILD_FD_CONTROL, EV_READ | EV_PERSIST, on_control, NULL);
        watch(-1, EV_PERSIST, on_tick, &tick);
        watch(SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, NULL);
        watch(SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, NULL);
}

int main(void)
{
        char why[REASON_SIZE];

        child_begin(CHILD_GATEWAY, &gateway.child);
        const struct settings *settings = &gateway.child.setup->settings;

        open_events();
        pool_open(pool_cores());
        child_announce_ms(&gateway.child, CHILD_HANG_RESOLVE_MS); // the address may be a name
        http = http_open(base, settings->gateway_listen, routes, sizeof(routes) / sizeof(routes[0]), &gateway, why);
        if (http == NULL) {
                log_error("%s; tried again later. Is a MarketStore server or another instance there? gateway.listen "
                          "takes another address, or off",
                    why);
                return EXIT_TRY_LATER;
        }
        child_heartbeat(&gateway.child);
        if (child_send_ready(&gateway.child) == -1)
                return EXIT_TRY_LATER;
        if (rows_elsewhere() != NULL)
                log_info("serving /status and /metrics at http://%s; rows are at the store server %s",
                    settings->gateway_listen, rows_elsewhere());
        else
                log_info(
                    "serving %s at http://%s (/rpc /query /status /metrics)", store_root(), settings->gateway_listen);
        (void)event_base_dispatch(base);
        pool_close();
        ledgerview_close(gateway.view);
        (void)child_send(&gateway.child, CONTROL_DRAINED, NULL, 0, -1);
        return EXIT_DONE;
}
