// SPDX-License-Identifier: Apache-2.0
// `aggregate`: how blocks are written, what is refused, and which interval is then made of which.
#include "config_text.h"

#include "config/derivation.h"

static struct settings settings;

// "5m:1m 1h:5m 1m:trade!" -- what is made, from what, "!" where it is checked.
static const char *derivations(void)
{
        static char text[512];
        struct derivation of[INTERVAL_COUNT];
        size_t used = 0;

        derivation_resolve(&settings, of);
        text[0] = '\0';
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                static const char *const ticks[] = {[AGGREGATE_TRADE] = "trade", [AGGREGATE_AGG_TRADE] = "agg_trade"};

                if (of[i].from == AGGREGATE_UNSAID)
                        continue;
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%s%s", used > 0 ? " " : "",
                    interval_name((enum interval)i),
                    of[i].from == AGGREGATE_BARS ? interval_name(of[i].interval) : ticks[of[i].from],
                    of[i].check ? "!" : "");
        }
        return text;
}

static const struct {
        const char *text, *made;
} cases[] = {
    {"timeframe: 1m", ""},
    {"aggregate: {from: 1m, to: [3m, 5m, 15m, 30m, 1h, 4h, 1d, 1w]}",
        "3m:1m 5m:1m 15m:5m 30m:15m 1h:30m 4h:1h 1d:4h 1w:1d"},
    {"aggregate: {to: [1w, 1M, 3d, 1d]}", "1d:1m 3d:1d 1w:1d 1M:1d"},
    {"aggregate: {to: [1w, 12h, 3d]}", "12h:1m 3d:12h 1w:12h"},
    {"aggregate: {to: 1h, check: true}\ntimeframe: [5m, 1h]", "1h:5m!"},
    {"aggregate: [{from: 1m, to: 5m}, {from: 5m, to: [15m, 1h], check: yes}]", "5m:1m 15m:5m! 1h:15m!"},
    // trades without klines
    {"realtime: {stream_type: trade}", "1m:trade"},
    {"realtime: {stream_type: [agg_trade, depth]}\ntimeframe: [1s, 1m, 1d]", "1s:agg_trade 1m:1s 1d:1m"},
    {"realtime: {stream_type: [agg_trade, trade]}", "1m:trade"},
    {"realtime: {stream_type: [trade, kline]}", ""},
    {"realtime: {stream_type: trade}\naggregate: {to: [1s, 1m], check: true}", "1s:trade! 1m:1s!"},
    {"realtime: {stream_type: trade}\naggregate: {from: 1m, to: [5m, 1h]}", "1m:trade 5m:1m 1h:5m"},
    {"realtime: {stream_type: [trade, kline]}\naggregate: [{from: trade, to: 1m, check: true}, {to: 5m}]",
        "1m:trade! 5m:1m"},
    {"backfill: {data: agg_trade}\naggregate: {from: agg_trade, to: 1h}", "1h:agg_trade"},
};

static void intervals_are_made_of_the_next_smaller_one(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char text[512];

                snprintf(text, sizeof(text), "symbols: BTCUSDT\n%s\n", cases[i].text);
                must_read(text, &settings);
                assert_string_equal(derivations(), cases[i].made);
                assert_int_equal(errors.warnings_count, 0);
        }
}

static void what_cannot_be_made_is_refused(void **state)
{
        (void)state;
        static const struct {
                const char *text, *messages;
        } refused[] = {
            {"aggregate: {from: 3m, to: [5m, 15m]}\ntimeframe: 3m",
                ":2:27: aggregate.to: 5m does not consist of whole bars of 3m; accepted: 15m 30m 1h 2h 4h 6h 8h 12h 1d "
                "3d 1w 1M"},
            {"aggregate: {from: 3d, to: 1w}\ntimeframe: 3d",
                ":2:27: aggregate.to: 1w does not consist of whole bars of 3d; accepted: "},
            {"aggregate: {to: 1m}", ":2:17: aggregate.to: 1m does not consist of whole bars of 1m; accepted: 3m 5m 15m "
                                    "30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"},
            {"aggregate: {from: 5m, to: 1h}", ":2:19: aggregate.from: 5m is not kept; accepted: an interval that is "
                                              "fetched or streamed (1m)"},
            {"aggregate: {from: trade, to: 1h}", ":2:19: aggregate.from: trade is not kept; accepted: with trade in "
                                                 "stream_type or backfill.data, or 1m"},
            {"aggregate: {to: 1h}\nrealtime: {stream_type: depth}",
                ":2:17: aggregate.to: there is nothing to make bars "
                "from; accepted: with kline, trade or agg_trade in "
                "stream_type"},
            {"aggregate: {from: tick, to: 1h}", ":2:19: aggregate.from: tick is unknown; accepted: trade, agg_trade, "
                                                "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h "
                                                "12h 1d 3d 1w 1M"},
            {"aggregate: [{from: 1m, to: [5m, 1h]}, {from: 5m, to: 1h}]",
                ":2:54: aggregate.to: 1h is made by two blocks; accepted: each interval once"},
            {"aggregate: [{from: 1m}]", ":2:13: aggregate.to: is missing; accepted: 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h "
                                        "12h 1d 3d 1w 1M"},
            {"aggregate: [1h]", ":2:13: aggregate: is not a mapping; accepted: the keys from, to, check"},
            {"aggregate: 1h", ":2:12: aggregate: is not a mapping; accepted: the keys from, to, check"},
            {"aggregate: [{into: 1h}]", ":2:14: aggregate.into: unknown key; did you mean aggregate.to?"},
        };
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
                char text[512];

                snprintf(text, sizeof(text), "symbols: BTCUSDT\n%s\n", refused[i].text);
                must_refuse(text, strlen(text), refused[i].messages);
        }
}

static void blocks_are_bounded(void **state)
{
        (void)state;
        char text[1024] = "symbols: BTCUSDT\ntimeframe: 1s\naggregate:\n";

        for (int i = 1; i < AGGREGATES_MAX + 2; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "  - {to: %s}\n",
                    interval_name((enum interval)i));
        must_refuse(text, strlen(text), ":12:5: aggregate: too many blocks; accepted: up to 8");
}

static void blocks_read_back_as_they_are_printed(void **state)
{
        (void)state;
        static struct settings again;
        char *printed = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&printed, &size);

        must_read("symbols: BTCUSDT\naggregate: [{to: [5m, 1M]}, {from: 5m, to: 1h, check: true}]\n", &settings);
        config_print(&settings, out);
        fclose(out);
        assert_non_null(strstr(printed, "aggregate:\n    - {to: [5m, 1M], check: false}\n"
                                        "    - {from: 5m, to: 1h, check: true}\n"));
        must_read(printed, &again);
        assert_true(settings_equal(&settings, &again));
        free(printed);
}

static void a_command_line_changes_the_first_block(void **state)
{
        (void)state;
        must_read("symbols: BTCUSDT\naggregate: {to: 5m}\n", &settings);
        assert_int_equal(config_set(&settings, "aggregate.check", "true", NOW_US, &errors), 0);
        assert_int_equal(config_set(&settings, "aggregate.to", "5m 1h", NOW_US, &errors), 0);
        assert_int_equal(config_complete(&settings, &errors), 0);
        assert_string_equal(derivations(), "5m:1m! 1h:5m!");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(intervals_are_made_of_the_next_smaller_one, from_the_root),
            cmocka_unit_test_setup(what_cannot_be_made_is_refused, from_the_root),
            cmocka_unit_test_setup(blocks_are_bounded, from_the_root),
            cmocka_unit_test_setup(blocks_read_back_as_they_are_printed, from_the_root),
            cmocka_unit_test_setup(a_command_line_changes_the_first_block, from_the_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
