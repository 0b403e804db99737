// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/conn.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tests/exchange/server.h"
#include "tests/exchange/session.h"

static void drip_some(struct conn *conn)
{
        struct evbuffer *output = bufferevent_get_output(conn->bev);
        size_t bytes = conn->drip_left < conn->drip_bytes ? conn->drip_left : conn->drip_bytes;
        evbuffer_remove_buffer(conn->drip, output, bytes);
        conn->drip_left -= bytes;
        if (conn->drip_left > 0) {
                struct timeval pause = {conn->drip_ms / 1000, conn->drip_ms % 1000 * 1000};
                event_add(conn->drip_timer, &pause);
                return;
        }
        evbuffer_add_buffer(output, conn->drip); // what was written meanwhile need not be slow
        if (conn->close_when_sent) {
                conn_close_when_sent(conn);
        }
}

static void on_drip(evutil_socket_t fd, short what, void *arg)
{
        (void)fd;
        (void)what;
        struct conn *conn = arg;
        if (!conn->dead) {
                drip_some(conn);
        }
}

void conn_write(struct conn *conn, struct evbuffer *data)
{
        if (conn->dead) {
                evbuffer_drain(data, evbuffer_get_length(data));
        } else if (conn->drip != NULL && evbuffer_get_length(conn->drip) > 0) {
                evbuffer_add_buffer(conn->drip, data);
        } else {
                bufferevent_write_buffer(conn->bev, data);
        }
}

void conn_write_drip(struct conn *conn, struct evbuffer *data, size_t bytes, int64_t ms)
{
        if (conn->dead) {
                return;
        }
        if (conn->drip == NULL) {
                conn->drip = evbuffer_new();
                conn->drip_timer = event_new(conn->exchange->base, -1, 0, on_drip, conn);
        }
        bool idle = evbuffer_get_length(conn->drip) == 0;
        conn->drip_bytes = bytes;
        conn->drip_ms = ms;
        evbuffer_add_buffer(conn->drip, data);
        conn->drip_left = evbuffer_get_length(conn->drip);
        if (idle) {
                drip_some(conn);
        }
}

bool conn_is_alive(const struct exchange *exchange, const struct conn *conn, uint64_t serial)
{
        const struct conn *at = server_first_conn(exchange->server);
        while (at != NULL && (at != conn || at->serial != serial)) {
                at = at->next;
        }
        return at != NULL;
}

size_t conn_pending(const struct conn *conn)
{
        size_t pending = evbuffer_get_length(bufferevent_get_output(conn->bev));
        return pending + (conn->drip != NULL ? evbuffer_get_length(conn->drip) : 0);
}

void conn_close_when_sent(struct conn *conn)
{
        conn->close_when_sent = true;
        if (!conn->dead && conn_pending(conn) == 0) {
                conn_close(conn);
        }
}

static void free_later(evutil_socket_t fd, short what, void *arg)
{
        (void)fd;
        (void)what;
        struct conn *conn = arg;
        bufferevent_free(conn->bev);
        if (conn->session != NULL) {
                session_free(conn->session);
        }
        if (conn->tunnel != NULL) {
                bufferevent_free(conn->tunnel);
        }
        if (conn->drip != NULL) {
                evbuffer_free(conn->drip);
                event_free(conn->drip_timer);
        }
        free(conn->dump);
        free(conn);
}

void conn_close(struct conn *conn)
{
        if (conn->dead) {
                return;
        }
        conn->dead = true;
        server_forget(conn->exchange->server, conn);
        if (conn->session != NULL) {
                session_detach(conn->session);
        }
        bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
        SSL *ssl = conn->tls ? bufferevent_openssl_get_ssl(conn->bev) : NULL;
        if (ssl != NULL) {
                SSL_shutdown(ssl);
        }
        if (conn->drip_timer != NULL) {
                event_del(conn->drip_timer);
        }
        event_base_once(conn->exchange->base, -1, EV_TIMEOUT, free_later, conn, NULL);
}

void conn_reset(struct conn *conn)
{
        if (conn->dead) {
                return;
        }
        struct linger abort = {1, 0};
        evutil_socket_t fd = bufferevent_getfd(conn->bev);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        SSL *ssl = conn->tls ? bufferevent_openssl_get_ssl(conn->bev) : NULL;
        if (ssl != NULL) {
                SSL_set_quiet_shutdown(ssl, 1); // a close_notify would make it polite
        }
        conn_close(conn);
}
