// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/wsget.h"

#include "common/memory.h"
#include "workers/stream/wslib.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_BYTES 16384

struct ws_get {
        enum ws_kind kind; // WS_KIND_GET
        struct lws *wsi;
        void (*on_answer)(void *user, const struct ws_answer *answer);
        void *user;
        struct ws_answer answer;
        char *body;
        size_t size, max;
        char failure[REASON_SIZE];
        bool starting; // inside ws_get_start()
        bool complete, too_large;
};

static int64_t read_date(const char *text)
{
        struct tm tm = {0};

        // English names whatever the locale: this program sets none.
        return strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) != NULL ? (int64_t)timegm(&tm) : 0;
}

// The head is readable only while the library calls about it.
static void read_head(struct ws_get *get, struct lws *wsi)
{
        static const char used[] = "x-mbx-used-weight-1m:";
        struct ws_answer *answer = &get->answer;
        char text[64];

        answer->status = (int)lws_http_client_http_response(wsi);
        if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_RETRY_AFTER) > 0)
                answer->retry_after_s = strtol(text, NULL, 10);
        if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_DATE) > 0)
                answer->date_s = read_date(text);
        if (lws_hdr_custom_copy(wsi, text, sizeof(text), used, sizeof(used) - 1) > 0)
                answer->used_weight = strtol(text, NULL, 10);
}

// Returns -1 to make the library close.
static int read_body(struct ws_get *get, struct lws *wsi)
{
        char bytes[LWS_PRE + READ_BYTES], *at = bytes + LWS_PRE;
        int length = READ_BYTES;

        // It calls back with RECEIVE_CLIENT_HTTP_READ for what it has taken out.
        return lws_http_client_read(wsi, &at, &length) < 0 || get->too_large ? -1 : 0;
}

static void append(struct ws_get *get, const void *bytes, size_t length)
{
        size_t needed = get->answer.length + length;

        if (needed > get->max) {
                get->too_large = true;
                return;
        }
        if (needed > get->size) {
                get->size = needed * 2;
                get->body = memory_resized(get->body, get->size, 1);
        }
        memcpy(get->body + get->answer.length, bytes, length);
        get->answer.length = needed;
}

static void note_failure(struct ws_get *get, const char *text)
{
        if (get->failure[0] != '\0') // the certificate
                return;
        snprintf(get->failure, sizeof(get->failure), "%s", text != NULL ? ws_library_failure(text) : "no reason given");
}

void ws_get_note_certificate(struct ws_get *get, int error)
{
        snprintf(get->failure, sizeof(get->failure), "the certificate is not trusted: %s",
            X509_verify_cert_error_string(error));
}

static void finish(struct ws_get *get)
{
        struct ws_answer *answer = &get->answer;

        get->wsi = NULL;
        if (get->starting)
                return;
        answer->body = get->body;
        if (get->too_large)
                answer->failure = "the answer is too long";
        else if (!get->complete)
                answer->failure = get->failure[0] != '\0' ? get->failure : "the connection ended before the answer did";
        if (get->on_answer != NULL)
                get->on_answer(get->user, answer);
        free(get->body);
        free(get);
}

int ws_get_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
        struct ws_get *get = user;

        if (get == NULL)
                return 0;
        switch (reason) {
        case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: read_head(get, wsi); return 0;
        case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: return read_body(get, wsi);
        case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ: append(get, in, length); return get->too_large ? -1 : 0;
        case LWS_CALLBACK_COMPLETED_CLIENT_HTTP: get->complete = true; return 0;
        case LWS_CALLBACK_CLIENT_HTTP_REDIRECT: return 1; // none is expected
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: note_failure(get, in); return 0;
        case LWS_CALLBACK_WSI_DESTROY: finish(get); return 0;
        default: return 0;
        }
}

struct ws_get *ws_get_start(struct ws *ws, const struct endpoint *endpoint, const char *path, size_t body_bytes_max,
    unsigned attempt, void (*on_answer)(void *user, const struct ws_answer *answer), void *user, struct ws_end *end)
{
        struct ws_get *get = memory_zeroed(1, sizeof(*get));
        struct ws_target target = {.endpoint = endpoint, .path = path, .method = "GET", .attempt = attempt};

        *get = (struct ws_get){
            .kind = WS_KIND_GET, .on_answer = on_answer, .user = user, .max = body_bytes_max, .starting = true};
        get->answer.used_weight = -1;
        if (ws_library_connect(ws, &target, get, &get->wsi, end) != 0) {
                if (get->failure[0] != '\0')
                        snprintf(end->detail, sizeof(end->detail), "%s", get->failure);
                free(get);
                return NULL;
        }
        get->starting = false;
        return get;
}

void ws_get_cancel(struct ws_get *get)
{
        get->on_answer = NULL;
        lws_set_timeout(get->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}
