// SPDX-License-Identifier: Apache-2.0
#include "common/http.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_BYTES_FIRST 4096
#define DNS_CACHE_S 300L

struct http {
        struct event_base *base;
        CURLM *multi;
        struct event *timer;
        struct http_options options;
        char base_url[URL_SIZE];         // a copy: what is set up once must stay what every request uses
        bool plain;                      // base_url is http://
        struct curl_slist *microseconds; // the header that asks for them
};

struct http_request {
        struct http *http;
        CURL *easy;
        http_done *done;
        void *context;
        bool running;
        char *body;
        size_t length, capacity, bytes_max;
        bool too_large;
        int64_t used_weight, retry_after_s, date_s;
        char url[URL_SIZE + REST_PATH_SIZE];
        char error[CURL_ERROR_SIZE];
};

// ---- what libcurl calls ----

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
        struct http_request *request = context;
        size_t more = size * count;

        if (more > request->bytes_max - request->length) {
                request->too_large = true;
                return 0;
        }
        if (request->length + more > request->capacity) {
                size_t capacity = request->capacity == 0 ? BODY_BYTES_FIRST : request->capacity;
                while (capacity < request->length + more)
                        capacity *= 2;
                request->body = memory_resized(request->body, capacity, 1);
                request->capacity = capacity;
        }
        memcpy(request->body + request->length, bytes, more);
        request->length += more;
        return more;
}

// The value of header `name` in `line`, blanks trimmed, or false.
static bool header_value(const char *line, size_t length, const char *name, char *value, size_t value_size)
{
        size_t name_length = strlen(name);

        if (length <= name_length || line[name_length] != ':' || strncasecmp(line, name, name_length) != 0)
                return false;
        const char *first = line + name_length + 1, *end = line + length;
        while (first < end && isspace((unsigned char)*first))
                first++;
        while (end > first && isspace((unsigned char)end[-1]))
                end--;
        if ((size_t)(end - first) >= value_size)
                return false;
        memcpy(value, first, (size_t)(end - first));
        value[end - first] = '\0';
        return true;
}

// Digits alone, or -1. More digits than fit are the largest number: an absurd Retry-After stays a long one.
static int64_t whole_number(const char *text)
{
        size_t digits = strspn(text, "0123456789");

        if (digits == 0 || text[digits] != '\0')
                return -1;
        return digits > 18 ? INT64_MAX : strtoll(text, NULL, 10);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
        struct http_request *request = context;
        size_t length = size * count;
        char value[64];

        if (header_value(line, length, "x-mbx-used-weight-1m", value, sizeof(value)))
                request->used_weight = whole_number(value);
        else if (header_value(line, length, "retry-after", value, sizeof(value)))
                request->retry_after_s = whole_number(value);
        else if (header_value(line, length, "date", value, sizeof(value)))
                request->date_s = (int64_t)curl_getdate(value, NULL);
        return length;
}

static void on_socket_ready(evutil_socket_t fd, short what, void *context);

// libcurl says which events of a socket it wants; `assigned` is our event for it.
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
        struct http *http = context;
        struct event *event = assigned;

        (void)easy;
        if (event != NULL)
                event_free(event);
        event = NULL;
        if (what != CURL_POLL_REMOVE) {
                short wanted =
                    (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
                event = event_new(http->base, fd, wanted, on_socket_ready, http);
                if (event == NULL || event_add(event, NULL) != 0)
                        log_error("cannot watch a connection to the exchange: out of memory");
        }
        curl_multi_assign(http->multi, fd, event);
        return 0;
}

// One-shot; 0 means soon. libcurl must not be called from here, so even 0 goes through the loop.
static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
        struct http *http = context;
        struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

        (void)multi;
        if (timeout_ms < 0)
                evtimer_del(http->timer);
        else
                evtimer_add(http->timer, &delay);
        return 0;
}

// ---- what the loop calls ----

static const char *error_of(const struct http_request *request, CURLcode code)
{
        if (code == CURLE_OK)
                return NULL;
        if (request->too_large)
                return "the answer is larger than any right one";
        return request->error[0] != '\0' ? request->error : curl_easy_strerror(code);
}

static bool is_tls_failure(CURLcode code)
{
        switch (code) {
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS: return true;
        default: return false;
        }
}

static void deliver(struct http_request *request, CURLcode code)
{
        long status = 0;

        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
        request->running = false;
        struct http_answer answer = {
            .status = (int)status,
            .error = error_of(request, code),
            .untrusted = is_tls_failure(code),
            .body = request->body == NULL ? "" : request->body,
            .length = request->length,
            .used_weight = request->used_weight,
            .retry_after_s = request->retry_after_s,
            .date_s = request->date_s,
        };
        request->done(request->context, &answer);
}

static void take_finished(struct http *http)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
                struct http_request *request = NULL;
                CURLcode code = message->data.result; // `message` does not survive the removal
                CURL *easy = message->easy_handle;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&request);
                curl_multi_remove_handle(http->multi, easy);
                deliver(request, code);
        }
}

static void step(struct http *http, curl_socket_t fd, int what)
{
        int running;

        curl_multi_socket_action(http->multi, fd, what, &running);
        take_finished(http);
}

static void on_socket_ready(evutil_socket_t fd, short what, void *context)
{
        step(context, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        struct http *http = context;

        (void)fd;
        (void)what;
        // A time-out during a name look-up may make libcurl wait for its resolver thread in here.
        http->options.before_blocking(http->options.context);
        step(http, CURL_SOCKET_TIMEOUT, 0);
}

// ---- lifecycle ----

struct http *http_new(struct event_base *base, const struct http_options *options)
{
        struct http *http = memory_zeroed(1, sizeof(*http));

        http->base = base;
        http->options = *options;
        snprintf(http->base_url, sizeof(http->base_url), "%s", options->base_url);
        http->plain = strncmp(options->base_url, "http://", 7) == 0;
        http->timer = evtimer_new(base, on_timer, http);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
                http->multi = curl_multi_init();
        http->microseconds = curl_slist_append(NULL, "X-MBX-TIME-UNIT: MICROSECOND");
        if (http->timer == NULL || http->multi == NULL || http->microseconds == NULL ||
            curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) != CURLM_OK ||
            curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
            curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
            curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) != CURLM_OK ||
            curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)REST_REQUESTS_IN_FLIGHT + 1) != CURLM_OK) {
                log_error("libcurl cannot be set up");
                http_free(http);
                return NULL;
        }
        return http;
}

void http_free(struct http *http)
{
        if (http == NULL)
                return;
        if (http->multi != NULL) {
                http->options.before_blocking(http->options.context);
                curl_multi_cleanup(http->multi);
        }
        if (http->timer != NULL)
                event_free(http->timer);
        curl_slist_free_all(http->microseconds);
        free(http);
        curl_global_cleanup();
}

static bool set_connection(CURL *easy, const struct http *http)
{
        const struct http_options *o = &http->options;
        bool proxied = o->proxy[0] != '\0';

        // An empty CURLOPT_PROXY and NOPROXY "*" keep the environment's http_proxy and no_proxy out.
        return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, http->plain ? "http" : "https") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
               (o->ca_file[0] == '\0' || curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file) == CURLE_OK) &&
               curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_NOPROXY, proxied ? "" : "*") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, o->connect_only ? 1L : 0L) == CURLE_OK &&
               // Streams go through a tunnel even where they are not encrypted.
               curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, o->connect_only ? 1L : 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S) == CURLE_OK;
}

static bool set_bounds(CURL *easy)
{
        // QUICK_EXIT: where a look-up hangs, its thread is left behind rather than waited for.
        return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS_MAX) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)HTTP_ANSWER_MS_MAX) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_SLOW_BYTES_PER_S) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_SLOW_S) == CURLE_OK;
}

static bool set_callbacks(CURL *easy, struct http_request *request)
{
        return curl_easy_setopt(easy, CURLOPT_PRIVATE, request) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEDATA, request) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERDATA, request) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK && // bytes_max counts decoded bytes
               curl_easy_setopt(easy, CURLOPT_USERAGENT, "binancefeeder/" BF_VERSION) == CURLE_OK;
}

struct http_request *http_request_new(struct http *http, http_done *done, void *context)
{
        struct http_request *request = memory_zeroed(1, sizeof(*request));

        request->http = http;
        request->done = done;
        request->context = context;
        request->easy = curl_easy_init();
        if (request->easy == NULL || !set_connection(request->easy, http) || !set_bounds(request->easy) ||
            !set_callbacks(request->easy, request)) {
                log_error("libcurl does not take an option that every request needs");
                http_request_free(request);
                return NULL;
        }
        return request;
}

void http_request_free(struct http_request *request)
{
        if (request == NULL)
                return;
        http_request_cancel(request);
        if (request->easy != NULL)
                curl_easy_cleanup(request->easy);
        free(request->body);
        free(request);
}

int http_request_start(struct http_request *request, const char *path, bool microseconds, size_t body_bytes_max)
{
        struct http *http = request->http;

        REQUIRE(!request->running);
        int length = snprintf(request->url, sizeof(request->url), "%s%s", http->base_url, path);
        REQUIRE(length > 0 && (size_t)length < sizeof(request->url));
        request->length = 0;
        request->bytes_max = body_bytes_max;
        request->too_large = false;
        request->used_weight = request->retry_after_s = request->date_s = -1;
        request->error[0] = '\0';
        if (curl_easy_setopt(request->easy, CURLOPT_URL, request->url) != CURLE_OK ||
            curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, microseconds ? http->microseconds : NULL) != CURLE_OK ||
            curl_easy_setopt(request->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)body_bytes_max) != CURLE_OK ||
            curl_multi_add_handle(http->multi, request->easy) != CURLM_OK) {
                errno = ENOMEM;
                return -1;
        }
        request->running = true;
        return 0;
}

void http_request_cancel(struct http_request *request)
{
        if (!request->running)
                return;
        request->running = false;
        request->http->options.before_blocking(request->http->options.context);
        curl_multi_remove_handle(request->http->multi, request->easy);
}
