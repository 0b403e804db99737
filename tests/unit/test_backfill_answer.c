// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/backoff.c
// What each kind of HTTP answer means: one table.
#include "common/answer.h"

#include "common/json.h"
#include "workers/backfill/backoff.h"

#include "tests/unit/backfill_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1659142907531)

struct row {
        const char *what;
        int status;
        const char *error, *body;
        int64_t retry_after_s;
        enum answer_verdict verdict;
        uint32_t ban_status;
        int64_t ban_seconds;
        bool malformed;
        int code;
};

static const char banned[] = "{\"code\":-1003,\"msg\":\"Way too much request weight used; IP banned until "
                             "1659146400000. Please use WebSocket\"}";
static const char over_limit[] =
    "{\"code\":-1003,\"msg\":\"Too much request weight used; current limit is 6000 request weight per 1 MINUTE.\"}";
static const char queue_full[] = "{\"code\":-1003,\"msg\":\"Too many requests queued.\"}";

static const struct row table[] = {
    {"a page", 200, NULL, "[[1]]", -1, ANSWER_OK, 0, 0, false, 0},
    {"an object", 200, NULL, " {\"serverTime\":1}", -1, ANSWER_OK, 0, 0, false, 0},
    {"an empty body", 200, NULL, "", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"blanks", 200, NULL, " \r\n", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"HTML", 200, NULL, "<html>", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"text", 200, NULL, "oops", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"an error body under 200", 200, NULL, "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}", -1, ANSWER_SYMBOL, 0, 0,
        false, -1121},
    {"a body cut short", 200, "transfer closed", "[[1", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"no answer", 0, "Could not resolve host", "", -1, ANSWER_RETRY, 0, 0, false, 0},
    {"a redirect", 302, NULL, "", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"no content", 204, NULL, "", -1, ANSWER_RETRY, 0, 0, true, 0},

    {"bad symbol", 400, NULL, "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}", -1, ANSWER_SYMBOL, 0, 0, false, -1121},
    {"bad interval", 400, NULL, "{\"code\":-1120,\"msg\":\"Invalid interval.\"}", -1, ANSWER_REFUSED, 0, 0, false,
        -1120},
    {"bad interval as it was said in 2018", 400, NULL, "{\"code\":-1121,\"msg\":\"Invalid interval.\"}", -1,
        ANSWER_REFUSED, 0, 0, false, -1121},
    {"bad parameter", 400, NULL, "{\"code\":-1104,\"msg\":\"Not all sent parameters were read\"}", -1, ANSWER_REFUSED,
        0, 0, false, -1104},
    {"unknown error", 400, NULL, "{\"code\":-1000,\"msg\":\"An unknown error\"}", -1, ANSWER_RETRY, 0, 0, false, -1000},
    {"disconnected", 400, NULL, "{\"code\":-1001,\"msg\":\"Internal error\"}", -1, ANSWER_RETRY, 0, 0, false, -1001},
    {"an error without words", 400, NULL, "{\"code\":-1121,\"msg\":\"\"}", -1, ANSWER_SYMBOL, 0, 0, false, -1121},
    {"back end", 400, NULL, "{\"code\":-1006,\"msg\":\"x\"}", -1, ANSWER_RETRY, 0, 0, false, -1006},
    {"back end time-out", 400, NULL, "{\"code\":-1007,\"msg\":\"x\"}", -1, ANSWER_RETRY, 0, 0, false, -1007},
    {"overloaded", 400, NULL, "{\"code\":-1008,\"msg\":\"x\"}", -1, ANSWER_RETRY, 0, 0, false, -1008},
    {"shutting down", 400, NULL, "{\"code\":-1016,\"msg\":\"x\"}", -1, ANSWER_RETRY, 0, 0, false, -1016},
    {"400 in HTML", 400, NULL, "<html>", -1, ANSWER_RETRY, 0, 0, true, 0},
    {"404", 404, NULL, "", -1, ANSWER_REFUSED, 0, 0, false, 0},
    {"404 in HTML", 404, NULL, "<html>", -1, ANSWER_REFUSED, 0, 0, false, 0},
    {"408", 408, NULL, "", -1, ANSWER_RETRY, 0, 0, false, 0},
    {"500", 500, NULL, "", -1, ANSWER_RETRY, 0, 0, false, 0},
    {"502 in HTML", 502, NULL, "<html>", -1, ANSWER_RETRY, 0, 0, false, 0},
    {"503 with a code", 503, NULL, "{\"code\":-1008,\"msg\":\"x\"}", -1, ANSWER_RETRY, 0, 0, false, 0},

    {"queue full", 400, NULL, queue_full, -1, ANSWER_RETRY, 0, 0, false, -1003},
    {"over the limit", 429, NULL, over_limit, 17, ANSWER_BAN, 429, 17, false, -1003},
    {"over the limit, no header", 429, NULL, over_limit, -1, ANSWER_BAN, 429, 60, false, -1003},
    {"over the limit under 400", 400, NULL, over_limit, -1, ANSWER_BAN, 429, 60, false, -1003},
    {"429, empty", 429, NULL, "", 3, ANSWER_BAN, 429, 3, false, 0},
    {"429, at once", 429, NULL, "", 0, ANSWER_BAN, 429, 1, false, 0},
    {"429, body cut", 429, "transfer closed", "", 3, ANSWER_BAN, 429, 3, false, 0},
    {"banned", 418, NULL, banned, 120, ANSWER_BAN, 418, 120, false, -1003},
    {"banned, no header: the text's end", 418, NULL, banned, -1, ANSWER_BAN, 418, 3493, false, -1003},
    {"banned under 400", 400, NULL, banned, -1, ANSWER_BAN, 418, 3493, false, -1003},
    {"banned, no header, no text", 418, NULL, "", -1, ANSWER_BAN, 418, 120, false, 0},
    {"an absurd Retry-After", 418, NULL, "", INT64_MAX, ANSWER_BAN, 418, 3 * 24 * 3600, false, 0},
    {"firewall", 403, NULL, "<html>", -1, ANSWER_BAN, 403, 300, false, 0},
    {"firewall, shorter header", 403, NULL, "<html>", 10, ANSWER_BAN, 403, 300, false, 0},
    {"firewall, longer header", 403, NULL, "", 900, ANSWER_BAN, 403, 900, false, 0},
    {"geography", 451, NULL, "{\"code\":0,\"msg\":\"Service unavailable from a restricted location\"}", -1, ANSWER_BAN,
        451, 60, false, 0},
};

static struct answer judge(const struct row *row, uint32_t restricted)
{
        struct answer answer;
        struct answer_input input = {
            .status = row->status,
            .error = row->error,
            .body = row->body,
            .length = strlen(row->body),
            .retry_after_s = row->retry_after_s,
            .now_ms = NOW_MS,
            .restricted = restricted,
        };

        answer_judge(&input, &answer);
        return answer;
}

static void each_answer_means_what_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                const struct row *row = &table[i];
                struct answer answer = judge(row, 0);

                if (answer.verdict != row->verdict || answer.ban_status != row->ban_status ||
                    answer.ban_seconds != row->ban_seconds || answer.malformed != row->malformed ||
                    answer.code != row->code)
                        fail_msg("%s: verdict %u, ban %u for %lld s, malformed %d, code %d (%s)", row->what,
                            answer.verdict, answer.ban_status, (long long)answer.ban_seconds, answer.malformed,
                            answer.code, answer.text);
                assert_true((answer.text[0] == '\0') == (row->verdict == ANSWER_OK));
        }
}

static void a_restricted_place_is_asked_for_less_and_less_often(void **state)
{
        static const int64_t seconds[] = {60, 120, 240, 480, 960, 1920, 3600, 3600};
        struct row row = {.status = 451, .body = "", .retry_after_s = -1};

        (void)state;
        for (uint32_t before = 0; before < 8; before++)
                assert_int_equal(judge(&row, before).ban_seconds, seconds[before]);
        assert_int_equal(judge(&row, UINT32_MAX).ban_seconds, 3600);
}

// Recorded error answers of the exchange: {"response":{"body":…,"status_code":…}} in a list.
static void recorded_errors_are_refused(void **state)
{
        static const char *const files[] = {"rest/get_klines_interval_err.json", "rest/get_klines_interval_error.json"};
        char why[REASON_SIZE];
        size_t length = 0;

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                char *bytes = test_data_read(files[i], &length);
                if (bytes == NULL)
                        skip();
                cJSON *json = json_parse(bytes, length, why);
                const cJSON *response = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(json, 0), "response");
                const char *body = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "body"));
                int64_t status;
                assert_non_null(body);
                assert_true(json_whole_number(response, "status_code", &status));
                struct row row = {.status = (int)status, .body = body, .retry_after_s = -1};
                struct answer answer = judge(&row, 0);
                assert_int_equal(answer.verdict, ANSWER_REFUSED);
                assert_non_null(strstr(answer.text, "Invalid interval."));
                cJSON_Delete(json);
                free(bytes);
        }
}

static void a_host_that_lacks_an_endpoint_is_no_ban(void **state)
{
        static const struct {
                int status;
                const char *may_lack, *body;
                bool public_host;
                enum answer_verdict verdict;
        } cases[] = {
            {404, "historicalTrades", "<html>", false, ANSWER_REFUSED},
            {404, "historicalTrades", "{\"code\":0,\"msg\":\"x\"}", true, ANSWER_REFUSED},
            {405, "historicalTrades", "", false, ANSWER_REFUSED},
            {403, "historicalTrades", "<html>", true, ANSWER_REFUSED},
            {403, "historicalTrades", "<html>", false, ANSWER_BAN}, // the firewall of a host that has it
            {403, NULL, "<html>", true, ANSWER_BAN},
            {429, "historicalTrades", "", true, ANSWER_BAN},
            {500, "historicalTrades", "", true, ANSWER_RETRY},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct answer answer;

                answer_judge(&(struct answer_input){.status = cases[i].status,
                                 .body = cases[i].body,
                                 .length = strlen(cases[i].body),
                                 .retry_after_s = -1,
                                 .may_lack = cases[i].may_lack,
                                 .public_host = cases[i].public_host},
                    &answer);
                assert_int_equal(answer.verdict, cases[i].verdict);
                if (answer.verdict == ANSWER_REFUSED)
                        assert_non_null(strstr(answer.text, "this host has no historicalTrades"));
        }
}

static void json_is_bounded_before_it_is_parsed(void **state)
{
        static const char text[] = "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[\"}";
        char deep[64], why[REASON_SIZE];

        (void)state;
        memset(deep, '[', 17);
        memset(deep + 17, ']', 17);
        assert_null(json_parse(deep, 34, why));
        assert_non_null(strstr(why, "deeper than 16"));
        cJSON *json = json_parse(deep + 1, 32, why);
        assert_non_null(json);
        cJSON_Delete(json);
        json = json_parse(text, strlen(text), why); // brackets in a string are text
        assert_non_null(json);
        cJSON_Delete(json);
        assert_null(json_parse("{} x", 4, why));
        assert_null(json_parse("{\"a\":", 5, why));
        assert_null(json_parse("", 0, why));
}

static void backoff_doubles_within_its_bounds(void **state)
{
        static const int64_t whole_ms[] = {500, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

        (void)state;
        for (uint32_t failures = 0; failures < 10; failures++) {
                for (uint32_t chance = 0; chance < 100000; chance += 997) {
                        int64_t ms = backoff_ms(failures, chance);
                        assert_in_range(ms, whole_ms[failures] / 2, whole_ms[failures]);
                }
        }
        assert_int_not_equal(backoff_ms(5, 1), backoff_ms(5, 2));
        assert_in_range(backoff_ms(UINT32_MAX, UINT32_MAX), 30000, 60000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(each_answer_means_what_the_table_says),
            cmocka_unit_test(a_restricted_place_is_asked_for_less_and_less_often),
            cmocka_unit_test(recorded_errors_are_refused),
            cmocka_unit_test(a_host_that_lacks_an_endpoint_is_no_ban),
            cmocka_unit_test(json_is_bounded_before_it_is_parsed),
            cmocka_unit_test(backoff_doubles_within_its_bounds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
