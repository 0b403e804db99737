// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/endpoint.c workers/stream/wsend.c
#include "workers/stream/endpoint.h"

#include "workers/stream/wsend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

static void stream_urls_are_taken_apart(void **state)
{
        static const struct {
                const char *url, *host, *path;
                bool tls;
                uint16_t port;
        } cases[] = {
            {"wss://stream.binance.com:9443", "stream.binance.com", "", true, 9443},
            {"wss://data-stream.binance.vision", "data-stream.binance.vision", "", true, 443},
            {"ws://127.0.0.1:8080/", "127.0.0.1", "", false, 8080},
            {"ws://localhost/a/b//", "localhost", "/a/b", false, 80},
            {"wss://[::1]:9443/x", "::1", "/x", true, 9443},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct endpoint e;

                assert_null(endpoint_parse(cases[i].url, "wss", "ws", &e));
                assert_string_equal(e.host, cases[i].host);
                assert_string_equal(e.path, cases[i].path);
                assert_int_equal(e.tls, cases[i].tls);
                assert_int_equal(e.port, cases[i].port);
        }
}

static void bad_urls_are_refused(void **state)
{
        static const char *const urls[] = {"", "stream.binance.com", "https://stream.binance.com", "wss:/x", "wss://",
            "wss://:9443", "wss://h:", "wss://h:0", "wss://h:65536", "wss://h:12x", "wss://[::1", "wss://[::1]9443"};

        (void)state;
        for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
                struct endpoint e;

                assert_non_null(endpoint_parse(urls[i], "wss", "ws", &e));
        }
}

static void proxies_keep_their_user_apart(void **state)
{
        struct endpoint e;

        (void)state;
        assert_null(endpoint_parse("http://me:se@cret@proxy.lan:3128", NULL, "http", &e));
        assert_string_equal(e.host, "proxy.lan");
        assert_string_equal(e.authority, "me:se@cret@proxy.lan:3128");
        assert_int_equal(e.port, 3128);
        assert_non_null(endpoint_parse("socks5://proxy.lan:1080", NULL, "http", &e));
        assert_non_null(endpoint_parse("https://proxy.lan:1080", NULL, "http", &e));
}

static const char *described(struct ws_end end)
{
        static char text[512];

        return ws_end_describe(&end, "h.example", text, sizeof(text));
}

static void every_stage_has_its_own_words(void **state)
{
        static const struct ws_end ends[] = {
            {.stage = WS_STAGE_RESOLVE},
            {.stage = WS_STAGE_TCP},
            {.stage = WS_STAGE_PROXY},
            {.stage = WS_STAGE_TLS},
            {.stage = WS_STAGE_TLS, .certificate_error = X509_V_ERR_CERT_HAS_EXPIRED},
            {.stage = WS_STAGE_TLS, .certificate_error = X509_V_ERR_HOSTNAME_MISMATCH},
            {.stage = WS_STAGE_TLS, .certificate_error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
            {.stage = WS_STAGE_TLS, .certificate_error = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT},
            {.stage = WS_STAGE_HTTP},
            {.stage = WS_STAGE_HTTP, .http_status = 403},
            {.stage = WS_STAGE_HTTP, .http_status = 429},
            {.stage = WS_STAGE_HTTP, .http_status = 451},
            {.stage = WS_STAGE_HTTP, .http_status = 503},
            {.stage = WS_STAGE_OPEN, .close_code = 1008},
            {.stage = WS_STAGE_OPEN, .detail = "it was cut"},
        };
        char seen[32][512];
        size_t count = sizeof(ends) / sizeof(ends[0]);

        (void)state;
        for (size_t i = 0; i < count; i++) {
                strcpy(seen[i], described(ends[i]));
                assert_true(strlen(seen[i]) > 8);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(seen[i], seen[k]);
        }
        assert_non_null(
            strstr(described((struct ws_end){.stage = WS_STAGE_TLS, .certificate_error = X509_V_ERR_CERT_HAS_EXPIRED}),
                "h.example has expired"));
        assert_non_null(strstr(described((struct ws_end){.stage = WS_STAGE_HTTP, .http_status = 451}),
            "wss://data-stream.binance.vision"));
        assert_non_null(strstr(
            described((struct ws_end){.stage = WS_STAGE_OPEN, .close_code = 1008, .detail = "Too many requests"}),
            "1008: Too many requests"));
}

static void refusals_are_waited_out(void **state)
{
        static const struct {
                enum ws_stage stage;
                int status;
                int64_t retry_after_s, wait_ms;
        } cases[] = {
            {WS_STAGE_HTTP, 503, 0, 0},
            {WS_STAGE_HTTP, 503, 7, 7000},
            {WS_STAGE_HTTP, 429, 0, 60000},
            {WS_STAGE_HTTP, 429, 120, 120000},
            {WS_STAGE_HTTP, 418, 5, 5000},
            {WS_STAGE_HTTP, 403, 0, 300000},
            {WS_STAGE_HTTP, 451, 0, 300000},
            {WS_STAGE_HTTP, 429, INT64_MAX, INT64_C(3) * 24 * 3600 * 1000}, // an absurd one
            {WS_STAGE_HTTP, 429, -5, 60000},
            {WS_STAGE_HTTP, 302, 9, 0},
            {WS_STAGE_TCP, 0, 0, 0},
            {WS_STAGE_OPEN, 101, 0, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ws_end end = {
                    .stage = cases[i].stage, .http_status = cases[i].status, .retry_after_s = cases[i].retry_after_s};

                assert_int_equal(ws_end_wait_ms(&end), cases[i].wait_ms);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(stream_urls_are_taken_apart),
            cmocka_unit_test(bad_urls_are_refused),
            cmocka_unit_test(proxies_keep_their_user_apart),
            cmocka_unit_test(every_stage_has_its_own_words),
            cmocka_unit_test(refusals_are_waited_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
