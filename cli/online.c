// SPDX-License-Identifier: Apache-2.0
#include "cli/online.h"

#include "cli/onlinejudge.h"
#include "cli/storeclient.h"
#include "common/clock.h"
#include "common/exitcode.h"
#include "common/memory.h"
#include "common/rest.h"
#include "common/servertime.h"
#include "common/units.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct online {
        const struct settings *settings;
        struct online_report report;
        struct event_base *base;
};

// An answer as it came, with a copy of its body: the one that libcurl shows lasts only for its callback.
struct reply {
        bool came;
        struct http_answer answer;
        char *body, *error;
        boot_time sent, arrived;
        int64_t sent_wall_us;
};

static char *copied(const char *bytes, size_t length)
{
        char *copy = memory_zeroed(length + 1, 1);

        memcpy(copy, bytes, length);
        return copy;
}

static void on_answer(void *context, const struct http_answer *answer)
{
        struct reply *reply = context;

        reply->arrived = boot_now();
        reply->answer = *answer;
        reply->answer.body = reply->body = copied(answer->body, answer->length);
        if (answer->error != NULL)
                reply->answer.error = reply->error = copied(answer->error, strlen(answer->error));
        reply->came = true;
}

static void reply_free(struct reply *reply)
{
        free(reply->body);
        free(reply->error);
}

// Nobody watches how long this process takes.
static void before_blocking(void *context)
{
        (void)context;
}

static struct http *open_host(const struct online *online, const char *url, bool connect_only)
{
        struct http_options options = {.base_url = url,
            .ca_file = online->settings->ca_file,
            .proxy = online->settings->proxy,
            .connect_only = connect_only,
            .before_blocking = before_blocking};

        return http_new(online->base, &options);
}

// Waits for the answer, whatever it is. Returns false where nothing could be asked, which is said; else the reply is
// to be freed.
static bool ask(
    struct online *online, struct http_request *request, const struct rest_query *query, struct reply *reply)
{
        reply->sent_wall_us = wall_now().ns / 1000;
        reply->sent = boot_now();
        bool asked = request != NULL &&
                     http_request_start(request, query->path, query->microseconds, query->body_bytes_max) == 0;
        while (asked && !reply->came)
                asked = event_base_loop(online->base, EVLOOP_ONCE) == 0;
        if (!asked)
                onlinejudge_say(&online->report, false, "this host: libcurl or libevent cannot be used");
        return asked;
}

static int64_t took_us(const struct reply *reply)
{
        return reply->arrived.us - reply->sent.us;
}

// ---- REST ----

static void tell_unreadable(
    struct online *online, const struct online_host *host, const struct rest_query *query, const char *why)
{
        onlinejudge_say(&online->report, false, "%s: %s answers %s with what cannot be right: %s", host->what,
            host->url, query->path, why);
}

// Returns whether the answer to `query` may be read; it is the caller's to free either way.
static bool ask_rest(struct online *online, const struct online_host *host, struct http *http,
    const struct rest_query *query, struct reply *reply)
{
        struct http_request *request = http_request_new(http, on_answer, reply);
        bool usable = ask(online, request, query, reply) &&
                      onlinejudge_answer(&online->report, host, &reply->answer, reply->sent_wall_us / 1000);

        http_request_free(request);
        return usable;
}

static bool check_time(struct online *online, const struct online_host *host, struct http *http)
{
        struct rest_query query;
        struct reply reply = {0};
        char why[REASON_SIZE];

        rest_query_time(&query);
        bool usable = ask_rest(online, host, http, &query, &reply);
        int64_t server_us = usable ? servertime_parse(reply.answer.body, reply.answer.length, why) : -1;
        if (usable && server_us < 0)
                tell_unreadable(online, host, &query, why);
        if (server_us >= 0) {
                onlinejudge_reached(&online->report, host, "answers", took_us(&reply));
                // The exchange read its clock somewhere between question and answer.
                onlinejudge_clock(&online->report, server_us, reply.sent_wall_us + took_us(&reply) / 2);
        }
        reply_free(&reply);
        return server_us >= 0;
}

static void check_catalogue(struct online *online, const struct online_host *host, struct http *http)
{
        struct rest_query query;
        struct reply reply = {0};
        struct catalog catalog;
        char why[REASON_SIZE];

        rest_query_exchange_info(&query);
        if (ask_rest(online, host, http, &query, &reply)) {
                if (catalog_parse(reply.answer.body, reply.answer.length, &catalog, why) == 0) {
                        onlinejudge_limit(&online->report, online->settings, catalog.weight_limit);
                        onlinejudge_symbols(&online->report, online->settings, &catalog);
                        catalog_free(&catalog);
                } else {
                        tell_unreadable(online, host, &query, why);
                }
        }
        reply_free(&reply);
}

static void check_rest(struct online *online)
{
        const struct online_host host = {"REST", online->settings->rest_url, online->settings->proxy};
        struct http *http = open_host(online, host.url, false);

        if (http == NULL) {
                online->report.wrong++; // logged
                return;
        }
        if (check_time(online, &host, http))
                check_catalogue(online, &host, http);
        http_free(http);
}

// ---- streams and store ----

static void check_stream(struct online *online)
{
        const struct online_host host = {"streams", online->settings->stream_url, online->settings->proxy};
        const struct rest_query nothing = {.path = "/", .body_bytes_max = REST_SMALL_BYTES_MAX};
        char url[URL_SIZE + 8];
        struct reply reply = {0};

        // libcurl makes the same connection for "https" as streams have for "wss".
        (void)snprintf(url, sizeof(url), "http%s", host.url + strlen("ws"));
        struct http *http = open_host(online, url, true);
        if (http == NULL) {
                online->report.wrong++; // logged
                return;
        }
        struct http_request *request = http_request_new(http, on_answer, &reply);
        if (ask(online, request, &nothing, &reply))
                onlinejudge_connection(&online->report, &host, &reply.answer, took_us(&reply));
        http_request_free(request);
        reply_free(&reply);
        http_free(http);
}

static void count_bucket(void *context, const char *name)
{
        (void)name;
        ++*(int64_t *)context;
}

static void check_store(struct online *online)
{
        char why[STORECLIENT_WHY_SIZE], count[UNITS_TEXT_SIZE];
        struct storeclient *client = storeclient_open(online->settings->store_url, why);
        int64_t buckets = 0;

        if (client != NULL && storeclient_list(client, count_bucket, &buckets, why) == 0) {
                const char *version = storeclient_version(client);
                onlinejudge_say(&online->report, true, "store: %s answers; it names %s%s and has %s buckets",
                    online->settings->store_url, version[0] != '\0' ? "its version " : "no version", version,
                    units_count(buckets, count));
        } else {
                onlinejudge_say(&online->report, false, "store: %s: start it again, or mend store.url", why);
        }
        storeclient_close(client);
}

int online_check(const struct settings *settings, FILE *out)
{
        struct online online = {.settings = settings, .report = {.out = out}, .base = event_base_new()};

        if (online.base == NULL) {
                onlinejudge_say(&online.report, false, "this host: libevent cannot be used");
                return EXIT_FAILED;
        }
        check_rest(&online);
        if (settings->realtime_enabled)
                check_stream(&online);
        if (settings->store_type == STORE_SERVER)
                check_store(&online);
        event_base_free(online.base);
        return online.report.wrong == 0 ? EXIT_DONE : EXIT_FAILED;
}
