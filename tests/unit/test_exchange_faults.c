// SPDX-License-Identifier: Apache-2.0
// The simulated exchange's faults: what a description accepts, whom a fault befalls, how often, and by which chance.
// LINK: tests/exchange/faults.c tests/exchange/grid.c tests/exchange/heap.c tests/exchange/simclock.c
// LINK: tests/exchange/tape.c tests/exchange/bar.c -lcjson
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/exchange/faults.h"

static const struct fault_subject klines = {
    .endpoint = "/api/v3/klines", .symbol = "BTCUSDT", .interval = "1m", .time_ms = 1000};
static const struct fault_subject stream = {
    .endpoint = "websocket", .symbol = "BTCUSDT", .interval = "1m", .stream = "btcusdt@kline_1m", .time_ms = 60000};

static const struct fault *arm(struct faults *faults, const char *text)
{
        char error[512] = "";
        cJSON *json = cJSON_Parse(text);
        assert_non_null(json);
        const struct fault *fault = faults_arm(faults, json, error, sizeof error);
        cJSON_Delete(json);
        if (fault == NULL && *error == '\0') {
                fail_msg("refused without a reason: %s", text);
        }
        return fault;
}

static int take_all(struct faults *faults, enum fault_kind kind, const struct fault_subject *subject, int times)
{
        int taken = 0;
        for (int i = 0; i < times; i++) {
                taken += faults_take(faults, kind, subject) != NULL;
        }
        return taken;
}

static void a_fault_happens_as_often_as_it_says(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        assert_non_null(arm(faults, "{\"fault\":\"timeout\"}"));
        assert_int_equal(take_all(faults, FAULT_TIMEOUT, &klines, 10), 1);
        arm(faults, "{\"fault\":\"timeout\",\"count\":3,\"after\":2}");
        assert_null(faults_take(faults, FAULT_TIMEOUT, &klines));
        assert_null(faults_take(faults, FAULT_TIMEOUT, &klines));
        assert_int_equal(take_all(faults, FAULT_TIMEOUT, &klines, 10), 3);
        arm(faults, "{\"fault\":\"timeout\",\"count\":-1}");
        assert_int_equal(take_all(faults, FAULT_TIMEOUT, &klines, 10), 10);
        assert_null(faults_take(faults, FAULT_EMPTY_BODY, &klines));
        assert_int_equal(faults_clear(faults, 0), 3);
        assert_null(faults_take(faults, FAULT_TIMEOUT, &klines));
        faults_free(faults);
}

static void a_fault_befalls_only_what_it_names(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        arm(faults, "{\"fault\":\"timeout\",\"symbol\":\"ETHUSDT\"}");
        arm(faults, "{\"fault\":\"timeout\",\"interval\":\"1h\"}");
        arm(faults, "{\"fault\":\"timeout\",\"endpoint\":\"/api/v3/time\"}");
        assert_null(faults_take(faults, FAULT_TIMEOUT, &klines));
        arm(faults, "{\"fault\":\"bar-missed\",\"stream\":\"@kline_1m\",\"from\":60000,\"to\":60001}");
        assert_non_null(faults_take(faults, FAULT_BAR_MISSED, &stream));
        arm(faults, "{\"fault\":\"bar-missed\",\"from\":0,\"to\":60000}");
        assert_null(faults_take(faults, FAULT_BAR_MISSED, &stream));
        faults_free(faults);
}

static void a_fault_may_name_ids(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        struct fault_subject update = {.stream = "btcusdt@depth@100ms", .time_ms = 5, .first_id = 90, .last_id = 100};
        arm(faults, "{\"fault\":\"event-lost\",\"stream\":\"@depth\",\"from_id\":100,\"to_id\":101,\"count\":-1}");
        assert_non_null(faults_take(faults, FAULT_EVENT_LOST, &update));
        update.last_id = 99;
        assert_null(faults_take(faults, FAULT_EVENT_LOST, &update));
        update.first_id = 101;
        update.last_id = 140;
        assert_non_null(faults_take(faults, FAULT_EVENT_LOST, &update));
        update.first_id = 102;
        assert_null(faults_take(faults, FAULT_EVENT_LOST, &update));
        faults_clear(faults, 0);
        arm(faults, "{\"fault\":\"agg-tombstone\",\"from_id\":7}"); // until cleared, to the end
        for (int64_t id = 6; id < 10; id++) {
                const struct fault_subject agg = {.time_ms = -1, .first_id = id, .last_id = id};
                assert_int_equal(faults_take(faults, FAULT_AGG_TOMBSTONE, &agg) != NULL, id >= 7);
        }
        faults_free(faults);
}

static void a_fault_waits_for_its_time(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        arm(faults, "{\"fault\":\"timeout\",\"delay_ms\":600000}");
        assert_null(faults_take(faults, FAULT_TIMEOUT, &klines));
        faults_free(faults);
}

static void chance_follows_from_the_seed(void **state)
{
        (void)state;
        int taken[3];
        const uint64_t seeds[3] = {1, 1, 2};
        for (int i = 0; i < 3; i++) {
                struct faults *faults = faults_new(seeds[i]);
                arm(faults, "{\"fault\":\"timeout\",\"count\":-1,\"probability\":0.25}");
                taken[i] = 0;
                for (int j = 0; j < 30; j++) { // the pattern of hits, not their number
                        taken[i] = taken[i] * 2 + (faults_take(faults, FAULT_TIMEOUT, &klines) != NULL);
                }
                int more = take_all(faults, FAULT_TIMEOUT, &klines, 4000);
                assert_in_range(more, 900, 1100);
                faults_free(faults);
        }
        assert_int_equal(taken[0], taken[1]);
        assert_int_not_equal(taken[0], taken[2]);
}

static void a_description_is_read_or_refused(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        const struct fault *fault = arm(faults, "{\"fault\":\"http-status\",\"status\":429,\"retry_after\":5}");
        assert_int_equal(fault->status, 429);
        assert_string_equal(fault->retry_after, "5");
        fault = arm(faults, "{\"fault\":\"hole\",\"from\":\"2020-06-28T02:00:00\",\"to\":\"2020-06-28T04:30:00\"}");
        assert_int_equal(fault->to_ms - fault->from_ms, 9000000);
        assert_null(arm(faults, "{\"fault\":\"no-such-fault\"}"));
        assert_null(arm(faults, "{\"count\":1}"));
        assert_null(arm(faults, "{\"fault\":\"timeout\",\"cuont\":1}"));
        assert_null(arm(faults, "{\"fault\":\"timeout\",\"count\":\"many\"}"));
        assert_null(arm(faults, "{\"fault\":\"hole\",\"from\":\"yesterday\"}"));
        faults_free(faults);
}

static void every_fault_has_a_name_and_help(void **state)
{
        (void)state;
        struct faults *faults = faults_new(1);
        cJSON *json = faults_describe(faults);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "known")), FAULT_COUNT);
        cJSON_Delete(json);
        faults_free(faults);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_fault_happens_as_often_as_it_says),
            cmocka_unit_test(a_fault_befalls_only_what_it_names),
            cmocka_unit_test(a_fault_may_name_ids),
            cmocka_unit_test(a_fault_waits_for_its_time),
            cmocka_unit_test(chance_follows_from_the_seed),
            cmocka_unit_test(a_description_is_read_or_refused),
            cmocka_unit_test(every_fault_has_a_name_and_help),
        };
        return cmocka_run_group_tests_name("exchange faults", tests, NULL, NULL);
}
