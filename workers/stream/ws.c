// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/ws.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"
#include "workers/stream/wslib.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)          // frames taken out of a socket at once
#define ASSEMBLY_BYTES_KEPT (64 * 1024) // a larger buffer is given back after its frame
#define FIXED_DESCRIPTORS 8             // watches, timer, the library's own pipe
#define LIBRARY_TIMEOUT_S 30            // beyond ours (connection.h), which say what they are
#define HEADER_BYTES 4096               // of the handshake, beside the path
#define CLOSE_TEXT_MAX 123              // of a close frame (RFC 6455, 5.5)

struct ws_watch {
        struct ws *ws;
        struct lws *wsi;
        int fd; // our own duplicate: the library closes what it watches
        void (*on_readable)(void *user);
        void *user;
};

struct ws_connection {
        enum ws_kind kind; // WS_KIND_CONNECTION
        struct ws *ws;
        struct lws *wsi;
        void *user; // NULL: the owner has let go of it
        struct ws_end end;
        bool starting; // inside ws_connect()
        bool closing;  // a close frame is to be sent
        bool ping_wanted;
        unsigned char *message; // LWS_PRE bytes, then text to be sent; NULL: none
        size_t message_length;
        unsigned char *assembly; // of a frame in pieces
        size_t assembly_length, assembly_size;
        bool oversize;
};

struct ws {
        struct lws_context *context;
        struct lws_vhost *vhost;
        struct ws_handlers handlers;
        const struct endpoint *endpoint, *proxy;
        int timer_fd;
        mono_time timer_at;
        struct ws_watch *watches[FIXED_DESCRIPTORS];
        size_t watches_count;
        bool closing;
};

// No pings or hang-ups of the library's own: with its defaults it would ping every 300 s and count nothing else as a
// sign of life; liveness.c decides.
static const lws_retry_bo_t no_idle_policy = {0};

// ---- reading frames ----

static void assembly_append(struct ws_connection *connection, const void *bytes, size_t length)
{
        size_t needed = connection->assembly_length + length;

        if (connection->oversize || needed > FRAME_BYTES_MAX) {
                connection->oversize = true;
                return;
        }
        if (needed > connection->assembly_size) {
                size_t size = needed < READ_BYTES ? READ_BYTES : needed * 2;
                connection->assembly = memory_resized(connection->assembly, size, 1);
                connection->assembly_size = size;
        }
        memcpy(connection->assembly + connection->assembly_length, bytes, length);
        connection->assembly_length += length;
}

static void assembly_reset(struct ws_connection *connection)
{
        connection->assembly_length = 0;
        connection->oversize = false;
        if (connection->assembly_size > ASSEMBLY_BYTES_KEPT) {
                free(connection->assembly);
                connection->assembly = NULL;
                connection->assembly_size = 0;
        }
}

static void take_piece(struct ws_connection *connection, struct lws *wsi, const void *bytes, size_t length)
{
        const struct ws_handlers *handlers = &connection->ws->handlers;
        bool first = lws_is_first_fragment(wsi) != 0, last = lws_is_final_fragment(wsi) != 0;
        enum ws_frame kind = lws_frame_is_binary(wsi) ? WS_FRAME_BINARY : WS_FRAME_TEXT;

        if (first && last) {
                handlers->on_frame(connection->user, kind, bytes, length);
                return;
        }
        if (first)
                assembly_reset(connection);
        assembly_append(connection, bytes, length);
        if (!last)
                return;
        if (connection->oversize)
                kind = WS_FRAME_OVERSIZE;
        handlers->on_frame(connection->user, kind, (const char *)connection->assembly, connection->assembly_length);
        assembly_reset(connection);
}

// ---- how it ended ----

// The library's text, or what it means where it is a number.
const char *ws_library_failure(const char *text)
{
        static const char system_error[] = "connect SYSCALL ";
        if (strcmp(text, "Unable to connect") == 0)
                return "refused or unreachable";
        if (strncmp(text, system_error, sizeof(system_error) - 1) == 0) {
                int number = atoi(text + sizeof(system_error) - 1);
                return number != 0 ? strerror(number) : "the other side hung up";
        }
        if (strncmp(text, "connect SSL", 11) == 0) // it has emptied OpenSSL's queue of reasons
                return "the handshake failed; TLS 1.2 or newer is needed";
        return text;
}

static void note_failure(struct ws_connection *connection, struct lws *wsi, const char *text)
{
        struct ws_end *end = &connection->end;

        // What the library calls its failures; a step it does not name is the one that WSI_CREATE noted.
        static const struct {
                const char *text;
                enum ws_stage stage;
        } texts[] = {{"proxy", WS_STAGE_PROXY}, {"connect S", WS_STAGE_TLS}, {"server's cert", WS_STAGE_TLS},
            {"HS:", WS_STAGE_HTTP}, {"Peer hung up", WS_STAGE_HTTP}};

        if (text == NULL || text[0] == '\0')
                text = "no reason given";
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                if (strncmp(text, texts[i].text, strlen(texts[i].text)) == 0)
                        end->stage = texts[i].stage;
        }
        if (end->certificate_error != 0)
                end->stage = WS_STAGE_TLS;
        snprintf(end->detail, sizeof(end->detail), "%s", ws_library_failure(text));
        if (end->stage == WS_STAGE_HTTP && end->http_status == 0)
                end->http_status = (int)lws_http_client_http_response(wsi);
}

static void note_peer_close(struct ws_connection *connection, const unsigned char *payload, size_t length)
{
        struct ws_end *end = &connection->end;
        size_t text_length = length > 2 ? length - 2 : 0;

        if (length < 2)
                return;
        if (text_length > CLOSE_TEXT_MAX)
                text_length = CLOSE_TEXT_MAX;
        end->close_code = payload[0] << 8 | payload[1];
        snprintf(end->detail, sizeof(end->detail), "%.*s", (int)text_length, (const char *)payload + 2);
}

// The answer's head is readable here and nowhere later.
static void note_http_answer(struct ws_connection *connection, struct lws *wsi)
{
        char text[24];

        connection->end.stage = WS_STAGE_HTTP;
        connection->end.http_status = (int)lws_http_client_http_response(wsi);
        if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) > 0)
                connection->end.retry_after_s = strtol(text, NULL, 10);
}

static void connection_free(struct ws_connection *connection)
{
        free(connection->message);
        free(connection->assembly);
        free(connection);
}

// The library's side of it is gone.
static void finish(struct ws_connection *connection)
{
        const struct ws_handlers *handlers = &connection->ws->handlers;

        connection->wsi = NULL;
        // ws_connect() is still at work on it and returns the failure itself.
        if (connection->starting)
                return;
        if (connection->end.detail[0] == '\0')
                snprintf(connection->end.detail, sizeof(connection->end.detail), "it ended without a reason");
        if (connection->user != NULL && !connection->ws->closing)
                handlers->on_end(connection->user, &connection->end);
        connection_free(connection);
}

// ---- writing ----

// Returns -1 to make the library close.
static int write_next(struct ws_connection *connection, struct lws *wsi)
{
        unsigned char ping[LWS_PRE + 1];
        int written = 0;

        if (connection->closing) {
                lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
                return -1;
        }
        // One message per turn, as the library wants it.
        if (connection->message != NULL) {
                written = lws_write(wsi, connection->message + LWS_PRE, connection->message_length, LWS_WRITE_TEXT);
                free(connection->message);
                connection->message = NULL;
        } else if (connection->ping_wanted) {
                connection->ping_wanted = false;
                written = lws_write(wsi, ping + LWS_PRE, 0, LWS_WRITE_PING);
        }
        if (connection->message != NULL || connection->ping_wanted)
                lws_callback_on_writable(wsi);
        return written < 0 ? -1 : 0;
}

int ws_connection_send_text(struct ws_connection *connection, const char *text, size_t length)
{
        if (connection->message != NULL) {
                errno = EBUSY;
                return -1;
        }
        connection->message = memory_zeroed(1, LWS_PRE + length);
        memcpy(connection->message + LWS_PRE, text, length);
        connection->message_length = length;
        lws_callback_on_writable(connection->wsi);
        return 0;
}

int ws_connection_send_ping(struct ws_connection *connection)
{
        if (connection->ping_wanted) {
                errno = EBUSY;
                return -1;
        }
        connection->ping_wanted = true;
        lws_callback_on_writable(connection->wsi);
        return 0;
}

void ws_connection_pause(struct ws_connection *connection, bool paused)
{
        if (connection->wsi != NULL)
                lws_rx_flow_control(connection->wsi, !paused);
}

void ws_connection_close(struct ws_connection *connection)
{
        bool was_open = connection->end.stage == WS_STAGE_OPEN;

        connection->user = NULL;
        connection->closing = true;
        lws_rx_flow_control(connection->wsi, 1); // or the answer to our close frame is never read
        if (was_open)
                lws_callback_on_writable(connection->wsi);
        else
                lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// ---- callbacks of the library ----

static int verify_certificate(void *user, X509_STORE_CTX *chain, bool accepted)
{
        // The verdict is OpenSSL's; only its reason is kept, for the library's own text does not tell it.
        if (accepted || user == NULL)
                return 0;
        int error = X509_STORE_CTX_get_error(chain);
        if (*(const enum ws_kind *)user == WS_KIND_GET) {
                ws_get_note_certificate(user, error);
        } else {
                struct ws_connection *connection = user;

                if (connection->end.certificate_error == 0)
                        connection->end.certificate_error = error;
        }
        return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
        struct ws_connection *connection = user;

        if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) // `user` is OpenSSL's
                return verify_certificate(lws_wsi_user(wsi), user, length != 0);
        if (user != NULL && *(const enum ws_kind *)user == WS_KIND_GET)
                return ws_get_event(wsi, reason, user, in, length);
        if (connection == NULL)
                return 0;
        bool owned = connection->user != NULL;
        switch (reason) {
        case LWS_CALLBACK_WSI_CREATE: // the TCP connection stands
                connection->end.stage = connection->ws->proxy != NULL   ? WS_STAGE_PROXY
                                        : connection->ws->endpoint->tls ? WS_STAGE_TLS
                                                                        : WS_STAGE_HTTP;
                return 0;
        case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: note_http_answer(connection, wsi); return 0;
        case LWS_CALLBACK_CLIENT_HTTP_REDIRECT: return 1;
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
                connection->wsi = wsi;
                connection->end.stage = WS_STAGE_OPEN;
                snprintf(connection->end.detail, sizeof(connection->end.detail), "it was cut without a close frame");
                if (owned)
                        connection->ws->handlers.on_open(connection->user);
                return connection->closing ? -1 : 0;
        case LWS_CALLBACK_CLIENT_RECEIVE:
                if (owned)
                        take_piece(connection, wsi, in, length);
                return 0;
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
                if (owned)
                        connection->ws->handlers.on_pong(connection->user);
                return 0;
        case LWS_CALLBACK_CLIENT_WRITEABLE: return write_next(connection, wsi);
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: note_peer_close(connection, in, length); return 0;
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: note_failure(connection, wsi, in); return 0;
        case LWS_CALLBACK_WSI_DESTROY: finish(connection); return 0;
        default: return 0;
        }
}

static int on_descriptor(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
        struct ws_watch *watch = lws_get_opaque_user_data(wsi);

        (void)user;
        (void)in;
        (void)length;
        if (watch == NULL)
                return 0;
        if (reason == LWS_CALLBACK_RAW_RX_FILE)
                watch->on_readable(watch->user);
        else if (reason == LWS_CALLBACK_RAW_CLOSE_FILE)
                watch->wsi = NULL;
        return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "stream", .callback = on_event, .rx_buffer_size = READ_BYTES},
    {.name = "descriptor", .callback = on_descriptor},
    {.name = NULL},
};

// Its lines are for its developers; ours say what matters.
static void log_library_line(int level, const char *line)
{
        (void)level;
        log_debug("libwebsockets: %s", line);
}

// ---- life ----

static void on_timer(void *user)
{
        struct ws *ws = user;
        uint64_t count;

        if (read(ws->timer_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
                log_warn("timer: %m");
        ws->timer_at = (mono_time){INT64_MAX};
}

static int open_context(struct ws *ws, const struct ws_options *options)
{
        struct lws_context_creation_info info = {
            .port = CONTEXT_PORT_NO_LISTEN,
            .protocols = protocols,
            .gid = -1,
            .uid = -1,
            // Twice: one that we closed may wait for the answer to its close frame while its successor connects.
            .fd_limit_per_thread = FIXED_DESCRIPTORS + 2 * options->connections_max,
            .pt_serv_buf_size = READ_BYTES,
            .max_http_header_data = (unsigned short)(options->path_bytes_max + HEADER_BYTES),
            .retry_and_idle_policy = &no_idle_policy,
            .timeout_secs = LIBRARY_TIMEOUT_S,
            .connect_timeout_secs = LIBRARY_TIMEOUT_S,
            .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        };

        if (options->tls)
                info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        ws->context = lws_create_context(&info);
        if (ws->context == NULL)
                return -1;
        if (options->tls) {
                info.ssl_client_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
                if (options->ca_file[0] != '\0') {
                        info.client_ssl_ca_filepath = options->ca_file;
                        info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
                }
        }
        ws->vhost = lws_create_vhost(ws->context, &info);
        return ws->vhost != NULL ? 0 : -1;
}

struct ws *ws_open(const struct ws_options *options, const struct ws_handlers *handlers)
{
        const struct endpoint *endpoint = options->endpoint;
        struct ws *ws = memory_zeroed(1, sizeof(*ws));

        ws->handlers = *handlers;
        ws->endpoint = endpoint;
        ws->proxy = options->proxy;
        ws->timer_at = (mono_time){INT64_MAX};
        unsetenv("http_proxy"); // the library would obey it
        lws_set_log_level(LLL_ERR | LLL_WARN, log_library_line);
        ws->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (ws->timer_fd < 0 || open_context(ws, options) != 0 || ws_watch_fd(ws, ws->timer_fd, on_timer, ws) == NULL) {
                log_error("the WebSocket library could not be set up (authorities: %s): %m",
                    options->ca_file[0] != '\0' ? options->ca_file : "the system's");
                ws_close(ws);
                return NULL;
        }
        return ws;
}

void ws_close(struct ws *ws)
{
        if (ws == NULL)
                return;
        ws->closing = true;
        if (ws->context != NULL)
                lws_context_destroy(ws->context);
        for (size_t i = 0; i < ws->watches_count; i++)
                free(ws->watches[i]);
        if (ws->timer_fd >= 0)
                close(ws->timer_fd);
        free(ws);
}

int ws_service(struct ws *ws)
{
        return lws_service(ws->context, 0) < 0 ? -1 : 0;
}

// A timerfd instead of the library's own timers: those round the poll down to milliseconds and then spin.
void ws_set_timer(struct ws *ws, mono_time at)
{
        struct itimerspec spec = {0};

        if (at.us == ws->timer_at.us)
                return;
        if (at.us != INT64_MAX) {
                int64_t us = at.us > 0 ? at.us : 1; // zero would disarm it
                spec.it_value = (struct timespec){us / US_PER_S, us % US_PER_S * 1000};
        }
        if (timerfd_settime(ws->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
                log_warn("timer: %m");
        ws->timer_at = at;
}

struct ws_watch *ws_watch_fd(struct ws *ws, int fd, void (*on_readable)(void *user), void *user)
{
        if (ws->watches_count == FIXED_DESCRIPTORS) {
                errno = ENOSPC;
                return NULL;
        }
        struct ws_watch *watch = memory_zeroed(1, sizeof(*watch));
        *watch = (struct ws_watch){.ws = ws, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .on_readable = on_readable};
        watch->user = user;
        ws->watches[ws->watches_count++] = watch;
        if (watch->fd < 0)
                return NULL;
        lws_sock_file_fd_type descriptor = {.filefd = watch->fd};
        watch->wsi =
            lws_adopt_descriptor_vhost(ws->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, protocols[1].name, NULL);
        if (watch->wsi == NULL)
                return NULL;
        lws_set_opaque_user_data(watch->wsi, watch);
        return watch;
}

void ws_watch_pause(struct ws_watch *watch, bool paused)
{
        if (watch->wsi != NULL)
                lws_rx_flow_control(watch->wsi, !paused);
}

enum ws_stage ws_connection_stage(const struct ws_connection *connection)
{
        return connection->end.stage;
}

// Looks up whom we connect to, and writes the address that is this attempt's turn. Here and not in the library, because
// the library does not tell a failed look-up from a failed connection.
static int resolve(const struct endpoint *peer, unsigned attempt, char *address, size_t size, struct ws_end *end)
{
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *all, *one;
        int result = getaddrinfo(peer->host, NULL, &hints, &all);
        unsigned count = 0;

        if (result == EAI_NONAME) { // AI_ADDRCONFIG hides the loopback of a host without a network
                hints.ai_flags = 0;
                result = getaddrinfo(peer->host, NULL, &hints, &all);
        }
        end->stage = WS_STAGE_RESOLVE;
        if (result != 0) {
                snprintf(end->detail, sizeof(end->detail), "%s", gai_strerror(result));
                return -1;
        }
        for (one = all; one != NULL; one = one->ai_next)
                count++;
        one = all;
        for (unsigned skip = attempt % count; skip > 0; skip--)
                one = one->ai_next;
        result = getnameinfo(one->ai_addr, one->ai_addrlen, address, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(all);
        return result == 0 ? 0 : -1;
}

static int use_proxy(struct ws *ws, const char *address)
{
        const char *user_end = strrchr(ws->proxy->authority, '@');
        int user_length = user_end != NULL ? (int)(user_end + 1 - ws->proxy->authority) : 0;
        char proxy[URL_SIZE + NI_MAXHOST + 16];
        bool is_ipv6 = strchr(address, ':') != NULL;

        snprintf(proxy, sizeof(proxy), "%.*s%s%s%s:%u", user_length, ws->proxy->authority, is_ipv6 ? "[" : "", address,
            is_ipv6 ? "]" : "", ws->proxy->port);
        return lws_set_proxy(ws->vhost, proxy);
}

// "host[:port]" as the Host header has it. Returns `text`.
static const char *host_header(const struct endpoint *endpoint, char *text, size_t size)
{
        bool default_port = endpoint->port == (endpoint->tls ? 443 : 80), is_ipv6 = strchr(endpoint->host, ':') != NULL;
        const char *left = is_ipv6 ? "[" : "", *right = is_ipv6 ? "]" : "";

        snprintf(text, size, default_port ? "%s%s%s" : "%s%s%s:%u", left, endpoint->host, right, endpoint->port);
        return text;
}

int ws_library_connect(struct ws *ws, const struct ws_target *target, void *user, struct lws **wsi, struct ws_end *end)
{
        const struct endpoint *endpoint = target->endpoint;
        char address[NI_MAXHOST], host[URL_SIZE + 8];

        if (resolve(ws->proxy != NULL ? ws->proxy : endpoint, target->attempt, address, sizeof(address), end) != 0)
                return -1;
        end->stage = ws->proxy != NULL ? WS_STAGE_PROXY : WS_STAGE_TCP;
        if (ws->proxy != NULL && use_proxy(ws, address) != 0)
                return -1;
        struct lws_client_connect_info info = {
            .context = ws->context,
            .vhost = ws->vhost,
            // A proxy is told the name, whoever connects directly uses the address just found. The certificate is
            // checked against `host` in either case.
            .address = ws->proxy != NULL ? endpoint->host : address,
            .port = endpoint->port,
            .path = target->path,
            .host = host_header(endpoint, host, sizeof(host)),
            .method = target->method,
            .ssl_connection = (endpoint->tls ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
            .local_protocol_name = protocols[0].name,
            .alpn = "http/1.1",
            .userdata = user,
            .pwsi = wsi,
            .retry_and_idle_policy = &no_idle_policy,
        };
        errno = 0;
        if (lws_client_connect_via_info(&info) != NULL)
                return 0;
        snprintf(end->detail, sizeof(end->detail), "%s", errno != 0 ? strerror(errno) : "refused or unreachable");
        return -1;
}

struct ws_connection *ws_connect(struct ws *ws, const char *path, unsigned attempt, void *user, struct ws_end *end)
{
        struct ws_connection *connection = memory_zeroed(1, sizeof(*connection));
        struct ws_target target = {.endpoint = ws->endpoint, .path = path, .attempt = attempt};

        *end = (struct ws_end){0};
        *connection = (struct ws_connection){.ws = ws, .user = user, .starting = true};
        connection->end.stage = ws->proxy != NULL ? WS_STAGE_PROXY : WS_STAGE_TCP;
        if (ws_library_connect(ws, &target, connection, &connection->wsi, end) != 0) {
                if (connection->end.detail[0] != '\0') // a callback knew better
                        *end = connection->end;
                connection_free(connection);
                return NULL;
        }
        connection->starting = false;
        return connection;
}
