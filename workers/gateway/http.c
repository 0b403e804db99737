// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/http.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/gateway/arrivals.h"
#include "workers/gateway/pool.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define SERVER_NAME "binancefeeder/" BF_VERSION
#define TICK_MS 250
#define WORK_PRIORITY 2
#define STEPS_PER_TURN 4 // on the pool, before other large answers have their turn

// A request and its answer, from the last byte of one to the last byte of the other.
struct exchange {
        struct pool_job job; // first: the pool gives it back
        TAILQ_ENTRY(exchange) all;
        struct http *http;
        struct evhttp_request *request;
        struct evhttp_connection *connection;
        struct work *work; // NULL: done
        struct body body;  // what the pool made
        enum work_state state;
        bool away;          // its work is the pool's: nothing else looks at work, body or state
        bool gone;          // its client went meanwhile
        bool started;       // pieces have been sent
        bool ended;         // everything is handed to evhttp; the request is no longer ours
        bool closing;       // by us
        mono_time deadline; // for the client to read what it was sent; 0: none
};

TAILQ_HEAD(exchange_list, exchange);

struct http {
        struct event_base *base;
        struct evhttp *server;
        struct evconnlistener *listener;
        struct event *back, *tick;
        const struct route *routes;
        size_t routes_count;
        void *context;
        struct exchange_list all;
        bool paused, stopped;
};

// ---- life of an exchange ----

static void forget(struct exchange *exchange)
{
        struct http *http = exchange->http;

        if (exchange->away) {
                exchange->gone = true;
                return;
        }
        TAILQ_REMOVE(&http->all, exchange, all);
        if (exchange->work != NULL)
                exchange->work->release(exchange->work);
        body_release(&exchange->body);
        free(exchange);
}

// The client is gone, or we sent it away. evhttp frees a request that is complete, and one whose connection we close;
// one that still waits for its answer was taken off the connection and is ours.
static void on_close(struct evhttp_connection *connection, void *context)
{
        struct exchange *exchange = context;

        (void)connection;
        if (!exchange->ended && !exchange->closing)
                evhttp_request_free(exchange->request);
        forget(exchange);
}

static void on_complete(struct evhttp_request *request, void *context)
{
        struct exchange *exchange = context;

        (void)request;
        arrivals_end_answer(evhttp_connection_get_bufferevent(exchange->connection));
        evhttp_connection_set_closecb(exchange->connection, NULL, NULL);
        forget(exchange);
}

static void close_connection(struct exchange *exchange)
{
        exchange->closing = true;
        evhttp_connection_free(exchange->connection); // calls on_close()
}

// ---- sending ----

static void free_piece(const void *data, size_t length, void *context)
{
        struct piece *piece = context;

        (void)data;
        (void)length;
        block_release(&piece->block);
        free(piece);
}

// The pieces' memory goes to the socket as it is; small ones are copied together.
static struct evbuffer *buffer_of(struct body *body)
{
        struct evbuffer *buffer = evbuffer_new();

        REQUIRE(buffer != NULL);
        for (struct piece *piece; (piece = body_pop(body)) != NULL;) {
                size_t length = piece->block.length;
                const uint8_t *data = piece->block.data;

                if (length > 4096 && evbuffer_add_reference(buffer, data, length, free_piece, piece) == 0)
                        continue;
                if (length > 0)
                        REQUIRE(evbuffer_add(buffer, data, length) == 0);
                free_piece(data, length, piece);
        }
        return buffer;
}

static void allow_time(struct exchange *exchange, size_t bytes)
{
        exchange->deadline = mono_now();
        exchange->deadline.us +=
            GATEWAY_ANSWER_S_MIN * US_PER_S + (int64_t)(bytes / GATEWAY_READ_BYTES_PER_S) * US_PER_S;
}

static void add_header(struct evhttp_request *request, const char *name, const char *value)
{
        REQUIRE(evhttp_add_header(evhttp_request_get_output_headers(request), name, value) == 0);
}

static void add_headers(struct evhttp_request *request, const char *content_type)
{
        add_header(request, "Server", SERVER_NAME);
        add_header(request, "Marketstore-Version", SERVER_NAME); // what pymarketstore's server_version() reads
        add_header(request, "Content-Type", content_type);
        add_header(request, "Cache-Control", "no-store");
}

static void finish_work(struct exchange *exchange)
{
        exchange->work->release(exchange->work);
        exchange->work = NULL;
}

// Asks what a GET would be answered, without the body.
static bool is_head(const struct exchange *exchange)
{
        return evhttp_request_get_command(exchange->request) == EVHTTP_REQ_HEAD;
}

static void send_whole(struct exchange *exchange, struct body *body)
{
        int status = exchange->work->status;

        add_headers(exchange->request, exchange->work->content_type);
        finish_work(exchange);
        if (is_head(exchange))
                body_release(body);
        allow_time(exchange, body->length);
        exchange->ended = true;
        struct evbuffer *buffer = buffer_of(body);
        evhttp_send_reply(exchange->request, status, NULL, buffer); // may end in on_complete()
        evbuffer_free(buffer);
}

// On one of the pool's threads.
static void run_steps(struct pool_job *job)
{
        struct exchange *exchange = (struct exchange *)job;

        for (int i = 0; i < STEPS_PER_TURN; i++) {
                exchange->state = exchange->work->step(exchange->work, &exchange->body);
                if (exchange->state != WORK_MORE)
                        break;
        }
}

static void queue_turn(struct exchange *exchange)
{
        if (exchange->away || exchange->work == NULL)
                return;
        exchange->away = true;
        exchange->job.run = run_steps;
        pool_give(&exchange->job);
}

// The socket has taken the last piece: time for the next one.
static void on_drained(struct evhttp_connection *connection, void *context)
{
        (void)connection;
        queue_turn(context);
}

static void send_piece(struct exchange *exchange, struct body *body, bool last)
{
        if (!exchange->started) {
                add_headers(exchange->request, exchange->work->content_type);
                evhttp_send_reply_start(exchange->request, exchange->work->status, NULL);
                exchange->started = true;
        }
        allow_time(exchange, body->length);
        struct evbuffer *buffer = buffer_of(body);
        if (last)
                finish_work(exchange);
        if (evbuffer_get_length(buffer) > 0) {
                if (last)
                        evhttp_send_reply_chunk(exchange->request, buffer);
                else
                        evhttp_send_reply_chunk_with_cb(exchange->request, buffer, on_drained, exchange);
        } else if (!last) {
                queue_turn(exchange);
        }
        evbuffer_free(buffer);
        if (last) {
                exchange->ended = true;
                evhttp_send_reply_end(exchange->request);
        }
}

// ---- turns ----

static void refuse_overflow(struct exchange *exchange)
{
        finish_work(exchange);
        exchange->work =
            work_text(503, "too many large answers are under way; ask again later, or for a shorter range");
}

static void go_on(struct exchange *exchange)
{
        struct body body = exchange->body;
        enum work_state state = exchange->state;

        exchange->body = (struct body){0};
        if (body.overflowed) {
                body_release(&body);
                if (exchange->started) {
                        state = WORK_ABORT;
                } else {
                        refuse_overflow(exchange);
                        state = exchange->work->step(exchange->work, &body);
                }
        }
        switch (state) {
        case WORK_MORE: queue_turn(exchange); break;
        case WORK_PIECE:
                if (is_head(exchange))
                        send_whole(exchange, &body);
                else
                        send_piece(exchange, &body, false);
                break;
        case WORK_ABORT:
                body_release(&body);
                close_connection(exchange);
                break;
        case WORK_DONE:
                if (exchange->started)
                        send_piece(exchange, &body, true);
                else
                        send_whole(exchange, &body);
                break;
        }
}

// One that came back from the pool, then whatever the sockets want, for they have a higher priority.
static void on_back(evutil_socket_t fd, short events, void *context)
{
        struct exchange *exchange = (struct exchange *)pool_take();

        (void)fd;
        (void)events;
        (void)context;
        if (exchange == NULL)
                return;
        exchange->away = false;
        if (exchange->gone)
                forget(exchange);
        else
                go_on(exchange);
}

// ---- requests ----

static const struct route *find_route(const struct http *http, const char *path)
{
        for (size_t i = 0; i < http->routes_count; i++) {
                if (strcmp(http->routes[i].path, path) == 0)
                        return &http->routes[i];
        }
        return NULL;
}

static struct work *refuse_path(const struct http *http)
{
        char known[256] = "";

        for (size_t i = 0; i < http->routes_count; i++)
                snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", http->routes[i].path);
        return work_text(404, "there is nothing here; accepted:%s", known);
}

static struct work *begin_route(const struct http *http, const struct route *route, struct evhttp_request *raw)
{
        struct evbuffer *input = evhttp_request_get_input_buffer(raw);
        const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(raw));
        struct request request = {
            .content_type = evhttp_find_header(evhttp_request_get_input_headers(raw), "Content-Type")};
        struct evkeyvalq fields;
        struct evkeyval *field;

        TAILQ_INIT(&fields);
        if (query != NULL && query[0] != '\0' && evhttp_parse_query_str(query, &fields) != 0)
                return work_text(400, "the query after '?' is no list of name=value");
        struct work *work = NULL;
        TAILQ_FOREACH(field, &fields, next)
        {
                if (request.fields_count == REQUEST_FIELDS_MAX)
                        work = work_text(400, "too many parameters; accepted: up to %d", REQUEST_FIELDS_MAX);
                if (work != NULL)
                        break;
                request.fields[request.fields_count++] = (struct request_field){field->key, field->value};
        }
        request.body_length = evbuffer_get_length(input);
        request.body = evbuffer_pullup(input, -1);
        if (work == NULL)
                work = route->begin(http->context, &request);
        evhttp_clear_headers(&fields);
        return work;
}

static struct work *begin_request(const struct http *http, struct evhttp_request *raw)
{
        const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(raw);
        const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
        const struct route *route = path != NULL ? find_route(http, path) : NULL;
        enum evhttp_cmd_type command = evhttp_request_get_command(raw);

        if (route == NULL)
                return refuse_path(http);
        if (command == EVHTTP_REQ_HEAD && route->method == HTTP_POST)
                return work_text(200, "%s", SERVER_NAME); // pymarketstore asks so for the version
        if (command != EVHTTP_REQ_HEAD && command != (route->method == HTTP_POST ? EVHTTP_REQ_POST : EVHTTP_REQ_GET)) {
                const char *accepted = route->method == HTTP_POST ? "POST" : "GET";

                add_header(raw, "Allow", accepted);
                return work_text(405, "%s takes %s", path, accepted);
        }
        return begin_route(http, route, raw);
}

static void on_request(struct evhttp_request *request, void *context)
{
        struct http *http = context;
        struct exchange *exchange = memory_zeroed(1, sizeof(*exchange));

        exchange->http = http;
        exchange->request = request;
        exchange->connection = evhttp_request_get_connection(request);
        TAILQ_INSERT_TAIL(&http->all, exchange, all);
        arrivals_end_request(evhttp_connection_get_bufferevent(exchange->connection));
        evhttp_connection_set_closecb(exchange->connection, on_close, exchange);
        evhttp_request_set_on_complete_cb(request, on_complete, exchange);
        exchange->work = begin_request(http, request);
        exchange->state = exchange->work->step(exchange->work, &exchange->body);
        go_on(exchange); // small answers are complete after this first step
}

// ---- connections ----

// Descriptors are given out lowest first, so the number of the lowest free one says how many are open. evhttp tells of
// connections that come, not of those that end; this needs no count.
static bool has_room(void)
{
        int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

        if (fd >= 0)
                close(fd);
        return fd >= 0 && fd < GATEWAY_DESCRIPTORS_MAX;
}

// Called for each connection accepted. With no room for a further one, clients wait in the kernel's queue.
static struct bufferevent *on_accept(struct event_base *base, void *context)
{
        struct http *http = context;
        struct bufferevent *connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

        REQUIRE(connection != NULL && bufferevent_set_max_single_write(connection, GATEWAY_WRITE_BYTES) == 0 &&
                bufferevent_set_max_single_read(connection, GATEWAY_WRITE_BYTES) == 0);
        arrivals_watch(connection);
        if (!has_room()) {
                evconnlistener_disable(http->listener);
                http->paused = true;
        }
        return connection;
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
        struct http *http = context;
        mono_time now = mono_now();
        struct exchange *exchange, *next;

        (void)fd;
        (void)events;
        for (exchange = TAILQ_FIRST(&http->all); exchange != NULL; exchange = next) {
                next = TAILQ_NEXT(exchange, all);
                if (exchange->deadline.us != 0 && exchange->deadline.us < now.us && !exchange->away) {
                        log_debug("a client did not read its answer in time; its connection is closed");
                        close_connection(exchange);
                }
        }
        arrivals_refuse_late(now);
        block_trim();
        if (http->paused && !http->stopped && has_room()) {
                http->paused = false;
                evconnlistener_enable(http->listener);
        }
}

// ---- life ----

static int bind_address(struct http *http, const char *listen, char why[REASON_SIZE])
{
        char host[128];
        const char *colon = strrchr(listen, ':');
        size_t length = colon != NULL ? (size_t)(colon - listen) : 0;

        if (colon == NULL || length >= sizeof(host)) {
                snprintf(why, REASON_SIZE, "\"%.60s\" is not host:port", listen);
                return -1;
        }
        bool bracketed = length >= 2 && listen[0] == '[' && listen[length - 1] == ']';
        snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? length - 2 : length), listen + bracketed);
        struct evhttp_bound_socket *bound =
            evhttp_bind_socket_with_handle(http->server, host, (uint16_t)strtoul(colon + 1, NULL, 10));
        if (bound == NULL) {
                snprintf(why, REASON_SIZE, "cannot listen on %.60s: %s", listen, strerror(errno));
                return -1;
        }
        http->listener = evhttp_bound_socket_get_listener(bound);
        return 0;
}

struct http *http_open(struct event_base *base, const char *listen, const struct route *routes, size_t routes_count,
    void *context, char why[REASON_SIZE])
{
        static const struct timeval tick = {.tv_usec = TICK_MS * 1000};
        struct http *http = memory_zeroed(1, sizeof(*http));

        *http = (struct http){.base = base, .routes = routes, .routes_count = routes_count, .context = context};
        TAILQ_INIT(&http->all);
        http->server = evhttp_new(base);
        http->back = event_new(base, pool_fd(), EV_READ | EV_PERSIST, on_back, http);
        http->tick = event_new(base, -1, EV_PERSIST, on_tick, http);
        REQUIRE(http->server != NULL && http->back != NULL && http->tick != NULL);
        REQUIRE(event_priority_set(http->back, WORK_PRIORITY) == 0 && event_add(http->back, NULL) == 0 &&
                event_add(http->tick, &tick) == 0);
        evhttp_set_max_headers_size(http->server, GATEWAY_HEADER_BYTES_MAX);
        evhttp_set_max_body_size(http->server, GATEWAY_BODY_BYTES_MAX);
        evhttp_set_timeout(http->server, GATEWAY_IDLE_S);
        evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                     EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
        // A client that sends too much is told so, instead of having its connection reset while it still sends.
        REQUIRE(evhttp_set_flags(http->server, EVHTTP_SERVER_LINGERING_CLOSE) == 0);
        evhttp_set_bevcb(http->server, on_accept, http);
        evhttp_set_gencb(http->server, on_request, http);
        if (bind_address(http, listen, why) == 0)
                return http;
        event_free(http->tick);
        event_free(http->back);
        evhttp_free(http->server);
        free(http);
        return NULL;
}

void http_stop(struct http *http)
{
        http->stopped = true;
        evconnlistener_disable(http->listener);
}

bool http_is_idle(const struct http *http)
{
        return TAILQ_EMPTY(&http->all);
}
