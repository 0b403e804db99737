// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/server.h"

static void copy(struct bufferevent *from, struct bufferevent *to)
{
        bufferevent_write_buffer(to, bufferevent_get_input(from));
}

static void on_client_read(struct bufferevent *bev, void *arg)
{
        copy(bev, ((struct conn *)arg)->tunnel);
}

static void on_far_read(struct bufferevent *bev, void *arg)
{
        copy(bev, ((struct conn *)arg)->bev);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
        struct conn *conn = arg;
        if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
                if (bev == conn->tunnel) {
                        conn_close_when_sent(conn);
                } else {
                        conn_close(conn);
                }
        }
}

static void on_sent(struct bufferevent *bev, void *arg)
{
        struct conn *conn = arg;
        (void)bev;
        if (!conn->dead && conn->close_when_sent && conn_pending(conn) == 0) {
                conn_close(conn);
        }
}

static int port_for(const struct server *server, const char *target)
{
        const char *colon = strrchr(target, ':');
        long port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
        int tls = server_tls_port(server);
        return tls >= 0 && (port == 443 || port == 9443 || port == tls) ? tls : server_port(server);
}

void proxy_connect(struct conn *conn, const struct http_request *request)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct evbuffer *out = evbuffer_new();
        address.sin_port = htons((uint16_t)port_for(conn->exchange->server, request->path));
        conn->mode = CONN_TUNNEL;
        conn->tunnel = bufferevent_socket_new(conn->exchange->base, -1, BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setcb(conn->tunnel, on_far_read, NULL, on_end, conn);
        bufferevent_setcb(conn->bev, on_client_read, on_sent, on_end, conn);
        bufferevent_socket_connect(conn->tunnel, (struct sockaddr *)&address, sizeof address);
        bufferevent_enable(conn->tunnel, EV_READ | EV_WRITE);
        evbuffer_add_printf(out, "HTTP/1.1 200 Connection established\r\n\r\n");
        conn_write(conn, out);
        evbuffer_free(out);
        exchange_log(conn->exchange, "proxy tunnel to %s", request->path);
}
