// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tests/exchange/certs.h"
#include "tests/exchange/control.h"
#include "tests/exchange/heap.h"
#include "tests/exchange/proxy.h"
#include "tests/exchange/rest.h"
#include "tests/exchange/session.h"

struct server {
        struct exchange *exchange;
        struct evconnlistener *plain, *tls;
        struct certs *certs;
        struct conn *conns;
        uint64_t last_serial;
};

static bool in_outage(const struct exchange *exchange)
{
        return exchange->outage_until_ms != 0 && simclock_real_ms() < exchange->outage_until_ms;
}

// ---- requests ----

void server_answer(struct conn *conn, const struct http_answer *answer)
{
        struct evbuffer *out = evbuffer_new();
        served_count_answer(conn->exchange->served, answer->status);
        http_write_answer(answer, out);
        conn_write(conn, out);
        evbuffer_free(out);
        if (answer->close) {
                conn_close_when_sent(conn);
        }
}

void server_answer_error(struct conn *conn, int status, int code, const char *message)
{
        struct http_answer answer = {.status = status, .body = evbuffer_new(), .promised_length = -1};
        answer.used_weight = rate_used(&conn->exchange->rate, simclock_wall_ms());
        evbuffer_add_printf(answer.body, "{\"code\":%d,\"msg\":\"%s\"}", code, message);
        server_answer(conn, &answer);
        evbuffer_free(answer.body);
}

static bool wants_websocket(const struct http_request *request)
{
        return request->upgrade != NULL && strcasecmp(request->upgrade, "websocket") == 0;
}

static void route(struct conn *conn, struct http_request *request)
{
        if (control_handle(conn, request)) {
                return;
        }
        if (in_outage(conn->exchange)) {
                conn_reset(conn);
        } else if (wants_websocket(request)) {
                session_handshake(conn, request);
        } else if (strcmp(request->method, "CONNECT") == 0 && conn->exchange->options->proxy) {
                proxy_connect(conn, request);
        } else {
                rest_handle(conn, request);
        }
}

static void read_requests(struct conn *conn)
{
        struct evbuffer *in = bufferevent_get_input(conn->bev);
        struct http_request request;
        while (!conn->dead && !conn->waiting && !conn->close_when_sent && conn->mode == CONN_HTTP) {
                enum http_result result = http_read_request(in, &request);
                if (result == HTTP_MORE) {
                        return;
                }
                if (result == HTTP_BAD) {
                        struct http_answer answer = {
                            .status = 400, .used_weight = -1, .promised_length = -1, .close = true};
                        server_answer(conn, &answer);
                        return;
                }
                exchange_log(conn->exchange, "%s %s %s", request.method, request.path, request.query);
                route(conn, &request);
                if (!conn->dead && request.close && !conn->waiting && conn->mode == CONN_HTTP) {
                        conn_close_when_sent(conn);
                }
                http_request_free(&request);
        }
}

void server_resume(struct conn *conn)
{
        conn->waiting = false;
        read_requests(conn);
}

// ---- connections ----

static void on_read(struct bufferevent *bev, void *arg)
{
        struct conn *conn = arg;
        (void)bev;
        read_requests(conn);
        if (!conn->dead && conn->mode == CONN_WEBSOCKET) {
                session_read(conn->session);
        }
        if (!conn->dead && conn->mode == CONN_SILENT) {
                evbuffer_drain(bufferevent_get_input(conn->bev), evbuffer_get_length(bufferevent_get_input(conn->bev)));
        }
}

static void on_drained(struct bufferevent *bev, void *arg)
{
        struct conn *conn = arg;
        (void)bev;
        if (conn->dead) {
                return;
        }
        if (conn->close_when_sent && conn_pending(conn) == 0) {
                conn_close(conn);
        } else if (conn->mode == CONN_WEBSOCKET) {
                session_pump(conn->session);
        } else if (conn->mode == CONN_HTTP) {
                control_drained(conn);
        }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
        (void)bev;
        if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
                conn_close(arg);
        }
}

static void add_conn(struct server *server, evutil_socket_t fd, bool tls)
{
        struct conn *conn = heap_zeroed(sizeof *conn);
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn->exchange = server->exchange;
        conn->tls = tls;
        conn->serial = ++server->last_serial;
        SSL *ssl = tls ? certs_new_ssl(server->certs, server->exchange->faults) : NULL;
        conn->bev = tls ? bufferevent_openssl_socket_new(
                              server->exchange->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
                        : bufferevent_socket_new(server->exchange->base, fd, BEV_OPT_CLOSE_ON_FREE);
        if (conn->bev == NULL) {
                close(fd);
                free(conn);
                return;
        }
        conn->next = server->conns;
        if (server->conns != NULL) {
                server->conns->previous = conn;
        }
        server->conns = conn;
        bufferevent_setcb(conn->bev, on_read, on_drained, on_event, conn);
        bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
        if (tls && in_outage(server->exchange)) {
                conn_reset(conn);
        }
}

// A connection that only says nothing needs no more than its descriptor: it goes away when the exchange ends.
static bool accept_badly(struct server *server, evutil_socket_t fd)
{
        static const struct fault_subject anything = {.time_ms = -1};
        if (faults_take(server->exchange->faults, FAULT_ACCEPT_RESET, &anything) != NULL) {
                struct linger abort = {1, 0};
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
                close(fd);
                return true;
        }
        return faults_take(server->exchange->faults, FAULT_ACCEPT_SILENT, &anything) != NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int size, void *arg)
{
        struct server *server = arg;
        (void)from;
        (void)size;
        if (!accept_badly(server, fd)) {
                add_conn(server, fd, listener == server->tls);
        }
}

void server_forget(struct server *server, struct conn *conn)
{
        if (conn->previous != NULL) {
                conn->previous->next = conn->next;
        } else {
                server->conns = conn->next;
        }
        if (conn->next != NULL) {
                conn->next->previous = conn->previous;
        }
}

void server_reset_all(struct server *server)
{
        for (struct conn *conn = server->conns, *next; conn != NULL; conn = next) {
                next = conn->next;
                if (conn->mode != CONN_HTTP) {
                        conn_reset(conn);
                }
        }
}

struct conn *server_first_conn(const struct server *server)
{
        return server->conns;
}

// ---- listening ----

static struct evconnlistener *listen_on(struct server *server, int64_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        const char *host = server->exchange->options->listen;
        if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || ntohl(address.sin_addr.s_addr) >> 24 != 127) {
                fprintf(stderr, "exchange: --listen %s: only addresses in 127.0.0.0/8 are allowed\n", host);
                return NULL;
        }
        struct evconnlistener *listener = evconnlistener_new_bind(server->exchange->base, on_accept, server,
            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC, 1024, (struct sockaddr *)&address,
            sizeof address);
        if (listener == NULL) {
                fprintf(stderr, "exchange: cannot listen on %s:%d: %s\n", host, (int)port, strerror(errno));
        }
        return listener;
}

struct server *server_new(struct exchange *exchange)
{
        struct server *server = heap_zeroed(sizeof *server);
        server->exchange = exchange;
        server->plain = listen_on(server, exchange->options->port);
        if (server->plain == NULL) {
                server_free(server);
                return NULL;
        }
        if (exchange->options->tls_port >= 0) {
                server->certs = certs_new(exchange->options->cert_dir);
                server->tls = server->certs != NULL ? listen_on(server, exchange->options->tls_port) : NULL;
                if (server->tls == NULL) {
                        server_free(server);
                        return NULL;
                }
        }
        return server;
}

void server_free(struct server *server)
{
        while (server->conns != NULL) {
                conn_close(server->conns);
        }
        if (server->plain != NULL) {
                evconnlistener_free(server->plain);
        }
        if (server->tls != NULL) {
                evconnlistener_free(server->tls);
        }
        if (server->certs != NULL) {
                certs_free(server->certs);
        }
        free(server);
}

static int port_of(struct evconnlistener *listener)
{
        struct sockaddr_in address = {0};
        socklen_t size = sizeof address;
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size);
        return ntohs(address.sin_port);
}

int server_port(const struct server *server)
{
        return port_of(server->plain);
}

int server_tls_port(const struct server *server)
{
        return server->tls != NULL ? port_of(server->tls) : -1;
}
