// SPDX-License-Identifier: Apache-2.0
#include "common/storehttp.h"

#include "common/memory.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct storehttp {
        CURL *easy;
        struct curl_slist *headers;
        char url[URL_SIZE + 8], error[CURL_ERROR_SIZE];
        const char *body; // what is still to be sent
        size_t body_left;
        char *answer;
        size_t answer_length, answer_capacity;
        bool answer_too_long;
        uint64_t connection;
        char version[STOREHTTP_VERSION_SIZE];
};

// Without a way to rewind, libcurl cannot repeat a request on its own.
static size_t on_send(char *to, size_t size, size_t count, void *context)
{
        struct storehttp *http = context;
        size_t length = size * count < http->body_left ? size * count : http->body_left;

        memcpy(to, http->body, length);
        http->body += length;
        http->body_left -= length;
        return length;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *context)
{
        struct storehttp *http = context;
        size_t length = size * count;

        if (http->answer_length + length > STORERPC_ANSWER_BYTES_MAX) {
                http->answer_too_long = true;
                return 0; // libcurl takes it for a failed write, and the request fails
        }
        if (http->answer_length + length > http->answer_capacity) {
                http->answer_capacity = 2 * (http->answer_length + length);
                http->answer = memory_resized(http->answer, http->answer_capacity, 1);
        }
        memcpy(http->answer + http->answer_length, bytes, length);
        http->answer_length += length;
        return length;
}

// The server names its version in a header, whatever it answers.
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
        static const char name[] = "Marketstore-Version:";
        struct storehttp *http = context;
        size_t length = size * count, used = 0;

        if (length < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
                return length;
        for (size_t i = sizeof(name) - 1; i < length && used + 1 < sizeof(http->version); i++) {
                if (isgraph((unsigned char)line[i]))
                        http->version[used++] = line[i];
        }
        http->version[used] = '\0';
        return length;
}

static bool set_options(struct storehttp *http)
{
        CURL *easy = http->easy;

        // "Expect: 100-continue" would cost a second with a server that does not know it.
        http->headers = curl_slist_append(http->headers, "Content-Type: application/x-msgpack");
        http->headers = curl_slist_append(http->headers, "Expect:");
        return http->headers != NULL && curl_easy_setopt(easy, CURLOPT_URL, http->url) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && // nor the environment's http_proxy
               curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L) == CURLE_OK &&
               // A live connection is as old as the server lets it be; by default libcurl gives it up after two
               // minutes.
               curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 86400L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)STORERPC_CONNECT_MS) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)STORERPC_ANSWER_MS) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_READDATA, http) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEDATA, http) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERDATA, http) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_USERAGENT, "binancefeeder/" BF_VERSION) == CURLE_OK;
}

struct storehttp *storehttp_new(const char *url)
{
        struct storehttp *http = memory_zeroed(1, sizeof(*http));

        (void)snprintf(http->url, sizeof(http->url), "%s/rpc", url);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
                http->easy = curl_easy_init();
        if (http->easy != NULL && set_options(http))
                return http;
        storehttp_free(http);
        return NULL;
}

void storehttp_free(struct storehttp *http)
{
        if (http == NULL)
                return;
        if (http->easy != NULL)
                curl_easy_cleanup(http->easy);
        curl_slist_free_all(http->headers);
        free(http->answer);
        free(http);
        curl_global_cleanup();
}

// What a failure means to somebody who knows MarketStore, not HTTP. Returns the errno.
static int explain(const struct storehttp *http, CURLcode code, long status, char why[REASON_SIZE])
{
        const char *text = http->error[0] != '\0' ? http->error : curl_easy_strerror(code);

        switch (code) {
        case CURLE_OK:
                (void)snprintf(why, REASON_SIZE, "it answers HTTP %ld, as no MarketStore does", status);
                return EPROTO;
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_FAIL_REWIND: // on a kept connection libcurl would have tried again
                (void)snprintf(why, REASON_SIZE,
                    "it closed the connection without an answer, as a MarketStore does that panics at a request");
                return EPROTO;
        case CURLE_PARTIAL_FILE: (void)snprintf(why, REASON_SIZE, "its answer ends too early"); return EPROTO;
        case CURLE_WRITE_ERROR:
                if (http->answer_too_long) {
                        (void)snprintf(why, REASON_SIZE, "its answer is longer than %ld MiB",
                            STORERPC_ANSWER_BYTES_MAX / (1024 * 1024));
                        return EPROTO;
                }
                break;
        case CURLE_OPERATION_TIMEDOUT:
                (void)snprintf(why, REASON_SIZE, "no answer in time (%.120s)", text);
                return EHOSTUNREACH;
        default: break;
        }
        (void)snprintf(why, REASON_SIZE, "%.150s", text);
        return EHOSTUNREACH;
}

int storehttp_post(
    struct storehttp *http, const void *body, size_t length, struct storehttp_answer *answer, char why[REASON_SIZE])
{
        long status = 0, connects = 0;

        http->body = body;
        http->body_left = length;
        http->answer_length = 0;
        http->answer_too_long = false;
        http->error[0] = '\0';
        CURLcode code = curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
        if (code == CURLE_OK)
                code = curl_easy_perform(http->easy);
        (void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(http->easy, CURLINFO_NUM_CONNECTS, &connects);
        if (connects > 0)
                http->connection++;
        *answer = (struct storehttp_answer){http->answer, http->answer_length, http->connection};
        if (code == CURLE_OK && status == 200)
                return 0;
        errno = explain(http, code, status, why);
        return -1;
}

const char *storehttp_version(const struct storehttp *http)
{
        return http->version;
}
