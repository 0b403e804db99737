// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/http.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/exchange/heap.h"

static int hex_digit(char c)
{
        return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

static void url_decode(char *text)
{
        char *to = text;
        for (const char *from = text; *from != '\0'; from++) {
                if (*from == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
                        *to++ = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
                        from += 2;
                } else {
                        *to++ = *from; // a plus stays a plus: streams are named kline_1d@+08:00
                }
        }
        *to = '\0';
}

static void split_query(struct http_request *request, char *query)
{
        char *rest = query, *part;
        while ((part = strsep(&rest, "&")) != NULL && request->param_count < HTTP_PARAMS_MAX) {
                if (*part == '\0') {
                        continue;
                }
                char *value = strchr(part, '=');
                struct http_param *param = &request->params[request->param_count++];
                param->name = part;
                param->value = value != NULL ? value + 1 : part + strlen(part);
                if (value != NULL) {
                        *value = '\0';
                        url_decode(value + 1);
                }
                url_decode(part);
        }
}

// Only the headers somebody here asks about; *content_length is -1 when the value is no number.
static void read_header(struct http_request *request, const char *name, const char *value, int64_t *content_length)
{
        const struct {
                const char *name;
                const char **to;
        } wanted[] = {
            {"host", &request->host},
            {"upgrade", &request->upgrade},
            {"sec-websocket-key", &request->websocket_key},
            {"sec-websocket-version", &request->websocket_version},
            {"x-mbx-time-unit", &request->time_unit},
        };
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
                if (strcasecmp(name, wanted[i].name) == 0) {
                        *wanted[i].to = value;
                }
        }
        if (strcasecmp(name, "content-length") == 0) {
                char *end;
                *content_length = strtoll(value, &end, 10);
                *content_length = *end == '\0' ? *content_length : -1;
        }
        if (strcasecmp(name, "connection") == 0 && strcasecmp(value, "close") == 0) {
                request->close = true;
        }
}

static bool split_request_line(struct http_request *request, char *line)
{
        char *target = strchr(line, ' ');
        char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
        if (version == NULL) {
                return false;
        }
        *target++ = '\0';
        *version++ = '\0';
        if (strncmp(version, "HTTP/1.", 7) != 0) {
                return false;
        }
        request->close = strcmp(version, "HTTP/1.0") == 0;
        request->method = line;
        request->path = target;
        char *query = strchr(target, '?');
        request->query = "";
        if (query != NULL) {
                *query++ = '\0';
                request->query = heap_string(query, strlen(query));
                split_query(request, query);
        }
        return true;
}

static bool split_head(struct http_request *request, int64_t *content_length)
{
        char *rest = request->memory, *line = strsep(&rest, "\n");
        line[strcspn(line, "\r")] = '\0';
        if (!split_request_line(request, line)) {
                return false;
        }
        while ((line = strsep(&rest, "\n")) != NULL && *line != '\r' && *line != '\0') {
                line[strcspn(line, "\r")] = '\0';
                char *value = strchr(line, ':');
                if (value == NULL) {
                        return false;
                }
                *value++ = '\0';
                read_header(request, line, value + strspn(value, " \t"), content_length);
        }
        return true;
}

enum http_result http_read_request(struct evbuffer *in, struct http_request *request)
{
        int64_t content_length = 0;
        memset(request, 0, sizeof *request);
        struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
        if (end.pos < 0) {
                return evbuffer_get_length(in) > HTTP_HEAD_MAX ? HTTP_BAD : HTTP_MORE;
        }
        size_t head_size = (size_t)end.pos + 4;
        if (head_size > HTTP_HEAD_MAX) {
                return HTTP_BAD;
        }
        request->memory = heap_string((const char *)evbuffer_pullup(in, (ev_ssize_t)head_size), head_size);
        if (!split_head(request, &content_length) || content_length < 0 || content_length > HTTP_BODY_MAX) {
                http_request_free(request);
                return HTTP_BAD;
        }
        request->body_size = (size_t)content_length;
        if (evbuffer_get_length(in) < head_size + request->body_size) {
                http_request_free(request);
                return HTTP_MORE;
        }
        evbuffer_drain(in, head_size);
        char *body = heap_zeroed(request->body_size + 1);
        evbuffer_remove(in, body, request->body_size);
        request->body = body;
        return HTTP_READY;
}

void http_request_free(struct http_request *request)
{
        if (request->query != NULL && *request->query != '\0') {
                free((char *)request->query);
        }
        free((char *)request->body);
        free(request->memory);
        memset(request, 0, sizeof *request);
}

const char *http_find_param(const struct http_request *request, const char *name)
{
        for (size_t i = 0; i < request->param_count; i++) {
                if (strcmp(request->params[i].name, name) == 0) {
                        return request->params[i].value;
                }
        }
        return NULL;
}

static const char *reason(int status)
{
        static const struct {
                int status;
                const char *reason;
        } reasons[] = {
            {101, "Switching Protocols"},
            {200, "OK"},
            {400, "Bad Request"},
            {403, "Forbidden"},
            {404, "Not Found"},
            {405, "Method Not Allowed"},
            {418, "I'm a teapot"},
            {429, "Too Many Requests"},
            {451, "Unavailable For Legal Reasons"},
            {500, "Internal Server Error"},
            {502, "Bad Gateway"},
            {503, "Service Unavailable"},
            {504, "Gateway Time-out"},
        };
        for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
                if (reasons[i].status == status) {
                        return reasons[i].reason;
                }
        }
        return "Unknown";
}

void http_write_answer(const struct http_answer *answer, struct evbuffer *out)
{
        char date[64];
        time_t now = time(NULL);
        struct tm utc;
        int64_t length = answer->body != NULL ? (int64_t)evbuffer_get_length(answer->body) : 0;
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
        evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" PRId64 "\r\nDate: %s\r\n",
            answer->status, reason(answer->status),
            answer->type != NULL ? answer->type : "application/json;charset=UTF-8",
            answer->promised_length >= 0 ? answer->promised_length : length, date);
        evbuffer_add_printf(out, "Connection: %s\r\nServer: nginx\r\n", answer->close ? "close" : "keep-alive");
        if (answer->used_weight >= 0) {
                evbuffer_add_printf(out, "X-MBX-USED-WEIGHT: %" PRId64 "\r\nX-MBX-USED-WEIGHT-1M: %" PRId64 "\r\n",
                    answer->used_weight, answer->used_weight);
        }
        if (answer->retry_after != NULL) {
                evbuffer_add_printf(out, "Retry-After: %s\r\n", answer->retry_after);
        }
        if (answer->encoding != NULL) {
                evbuffer_add_printf(out, "Content-Encoding: %s\r\n", answer->encoding);
        }
        evbuffer_add_printf(out, "Cache-Control: no-cache, no-store, must-revalidate\r\n\r\n");
        if (answer->body != NULL) {
                evbuffer_add_buffer(out, answer->body);
        }
}
