// SPDX-License-Identifier: Apache-2.0
// http: reading HTTP/1.1 requests out of a buffer and writing answers. Knows nothing of Binance. Called by server.
#ifndef BF_EXCHANGE_HTTP_H
#define BF_EXCHANGE_HTTP_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 16384 // Binance's front end takes URLs of about 8,000 characters
#define HTTP_BODY_MAX (1 << 20)
#define HTTP_PARAMS_MAX 32

struct http_param {
        const char *name, *value;
};

struct http_request {
        char *memory; // head and body; everything below points into it
        const char *method, *path, *body;
        size_t body_size;
        struct http_param params[HTTP_PARAMS_MAX];
        size_t param_count;
        const char *query; // as it came
        const char *host, *upgrade, *websocket_key, *websocket_version, *time_unit;
        bool close; // the client wants the connection closed
};

enum http_result { HTTP_MORE, HTTP_READY, HTTP_BAD };

// Takes one request out of `in`. HTTP_READY: free it with http_request_free.
enum http_result http_read_request(struct evbuffer *in, struct http_request *request);
void http_request_free(struct http_request *request);
// The value of a query parameter, or NULL.
const char *http_find_param(const struct http_request *request, const char *name);

struct http_answer {
        int status;
        const char *type;        // content type
        struct evbuffer *body;   // may be NULL
        int64_t used_weight;     // -1: no such headers
        const char *retry_after; // NULL: no such header
        const char *encoding;    // Content-Encoding, NULL: none
        int64_t promised_length; // -1: the body's own
        bool close;
};

// Head and body; the body is drained.
void http_write_answer(const struct http_answer *answer, struct evbuffer *out);

#endif
