// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/tickpage.c
// Pages of trades and aggregate trades: the exchange's own bytes become ticks digit for digit, and nothing else does.
#include "workers/backfill/tickpage.h"

#include "common/clock.h"
#include "common/decimal.h"
#include "tests/unit/backfill_files.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ROW_BYTES_MAX 512

static const char trade_text[] =
    "{\"id\":28457,\"price\":\"4.00000100\",\"qty\":\"12.00000000\",\"quoteQty\":\"48.000012\",\"time\":1499865549590,"
    "\"isBuyerMaker\":true,\"isBestMatch\":true}";
static const char agg_text[] =
    "{\"a\":26128,\"p\":\"0.01633102\",\"q\":\"4.70443515\",\"f\":27781,\"l\":27783,\"T\":1498793709153,\"m\":true,"
    "\"M\":true}";

static struct tickpage page;

static int parse(const char *body, size_t length, enum tick_kind kind, char why[REASON_SIZE])
{
        return tickpage_parse(body, length, kind, REST_PAGE_ROWS_MAX, &page, why);
}

static int parse_text(const char *body, enum tick_kind kind, char why[REASON_SIZE])
{
        return parse(body, strlen(body), kind, why);
}

static void a_trade_keeps_every_digit(void **state)
{
        char body[ROW_BYTES_MAX], why[REASON_SIZE];

        (void)state;
        snprintf(body, sizeof(body), "[%s]", trade_text);
        assert_int_equal(parse_text(body, TICK_TRADE, why), 0);
        assert_int_equal(page.count, 1);
        assert_int_equal(page.ids[0], 28457);
        const struct trade *t = tickpage_row(&page, 0);
        assert_int_equal(t->id, 28457);
        assert_int_equal(t->time_us, INT64_C(1499865549590000));
        assert_int_equal(tickpage_time_us(&page, 0), t->time_us);
        assert_int_equal(t->received_wall_ns, 0);
        assert_int_equal(t->level.price, 400000100);
        assert_int_equal(t->level.price_exponent, -8);
        assert_int_equal(t->level.size, 1200000000);
        assert_int_equal(t->buyer_maker, 1);
        assert_int_equal(t->microseconds, 0);
        assert_int_equal(tickpage_row_bytes(TICK_TRADE), sizeof(*t));
}

static void an_aggregate_keeps_the_trades_it_sums(void **state)
{
        char body[ROW_BYTES_MAX], why[REASON_SIZE];

        (void)state;
        snprintf(body, sizeof(body), "[%s]", agg_text);
        assert_int_equal(parse_text(body, TICK_AGG_TRADE, why), 0);
        const struct agg_trade *t = tickpage_row(&page, 0);
        assert_int_equal(t->id, 26128);
        assert_int_equal(t->first_id, 27781);
        assert_int_equal(t->last_id, 27783);
        assert_int_equal(t->time_us, INT64_C(1498793709153000));
        assert_int_equal(tickpage_time_us(&page, 0), t->time_us);
        assert_int_equal(t->level.price, 1633102);
        assert_int_equal(t->level.size, 470443515);
        assert_int_equal(t->buyer_maker, 1);
        assert_int_equal(tickpage_row_bytes(TICK_AGG_TRADE), sizeof(*t));
}

static void microseconds_are_told_by_the_digits_of_each_value(void **state)
{
        static const char body[] =
            "[{\"a\":1,\"p\":\"1\",\"q\":\"1\",\"f\":1,\"l\":1,\"T\":1735689600010866,\"m\":false,\"M\":true},"
            "{\"a\":2,\"p\":\"1\",\"q\":\"1\",\"f\":2,\"l\":2,\"T\":1735689600010,\"m\":false,\"M\":true}]";
        char why[REASON_SIZE];

        (void)state;
        assert_int_equal(parse_text(body, TICK_AGG_TRADE, why), 0);
        assert_int_equal(page.agg_trades[0].time_us, INT64_C(1735689600010866));
        assert_int_equal(page.agg_trades[0].microseconds, 1);
        assert_int_equal(page.agg_trades[1].time_us, INT64_C(1735689600010000));
        assert_int_equal(page.agg_trades[1].microseconds, 0);
        assert_int_equal(page.agg_trades[1].buyer_maker, 0);
}

static void a_tombstone_is_a_row(void **state)
{
        static const char body[] = "[{\"a\":7,\"p\":\"0\",\"q\":\"0\",\"f\":-1,\"l\":-1,\"T\":1498793709153,"
                                   "\"m\":false,\"M\":false}]";
        char why[REASON_SIZE];

        (void)state;
        assert_int_equal(parse_text(body, TICK_AGG_TRADE, why), 0);
        assert_int_equal(page.count, 1);
        assert_int_equal(page.agg_trades[0].id, 7);
        assert_int_equal(page.agg_trades[0].first_id, -1);
        assert_int_equal(page.agg_trades[0].last_id, -1);
        assert_int_equal(page.agg_trades[0].level.price, 0);
}

static void names_come_in_any_order_and_new_ones_are_passed_over(void **state)
{
        static const char body[] =
            "[ { \"isBuyerMaker\" : false , \"new\":\"a\\\"b\", \"other\":-1.5e3,\"none\":null,\"no\":false,"
            "\"time\":1499865549590, \"qty\":\"2\", \"price\":\"3\" , \"id\":5 } ]";
        char why[REASON_SIZE] = "";

        (void)state;
        if (parse_text(body, TICK_TRADE, why) != 0)
                fail_msg("%s", why);
        assert_int_equal(page.trades[0].id, 5);
        assert_int_equal(page.trades[0].level.price, 3);
        assert_int_equal(page.trades[0].level.size, 2);
}

static void a_refusal_names_row_and_name(void **state)
{
        static const struct {
                enum tick_kind kind;
                const char *from, *to, *says;
        } cases[] = {
            {TICK_TRADE, "\"4.00000100\"", "\"x\"", "row 2, \"price\" is not a decimal number"},
            {TICK_TRADE, "\"4.00000100\"", "4.0", "row 2, \"price\" is not a string"},
            {TICK_TRADE, "\"12.00000000\"", "\"99999999999999999999\"", "row 2, \"qty\" is a number too large"},
            {TICK_TRADE, "1499865549590", "\"1\"", "row 2, \"time\" is not a whole number"},
            {TICK_TRADE, "28458", "-1", "row 2, \"id\" is not a whole number"},
            {TICK_TRADE, "28458", "028458", "row 2, \"id\" has leading zeros"},
            {TICK_TRADE, "28458", "1", "row 2 comes after one with a larger id"},
            {TICK_TRADE, "28458", "28457", "row 2 has the id of the one before and other values"},
            {TICK_TRADE, "true", "1", "row 2, \"isBuyerMaker\" is neither true nor false"},
            {TICK_TRADE, "\"48.000012\"", "[]", "row 2, \"quoteQty\" is neither"},
            {TICK_TRADE, "\"quoteQty\"", "\"qty\"", "row 2, \"qty\" comes twice"},
            {TICK_TRADE, "\"time\":", "\"timed\":", "row 2 lacks a name that every row has"},
            {TICK_TRADE, "\"time\":", "\"time\"", "row 2, \"time\" is not followed by a colon"},
            {TICK_TRADE, "{", "[", "row 2 does not begin with {"},
            {TICK_AGG_TRADE, "\"f\":27781", "\"f\":-2", "row 2, \"f\" is a negative id"},
            {TICK_AGG_TRADE, "\"f\":27781", "\"f\":27784", "row 2 sums no trades"},
            {TICK_AGG_TRADE, "\"f\":27781", "\"f\":-1", "row 2 sums no trades"},
            {TICK_AGG_TRADE, "\"f\":27781,\"l\":27783", "\"f\":-1,\"l\":-1", "row 2 sums no trades and has a price"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char body[2 * ROW_BYTES_MAX], second[ROW_BYTES_MAX], why[REASON_SIZE] = "";
                const char *first = cases[i].kind == TICK_TRADE ? trade_text : agg_text;

                snprintf(second, sizeof(second), "%s", first);
                char *id = strchr(second, ':') + 5; // the last digit of the id, so that the second row's is larger
                *id += 1;
                const char *at = strstr(second, cases[i].from);
                assert_non_null(at);
                // Another size, so that an equal id is no exact repetition.
                snprintf(body, sizeof(body), "[%s,%.*s%s%s]", first, (int)(at - second), second, cases[i].to,
                    at + strlen(cases[i].from));
                if (strcmp(cases[i].to, "28457") == 0)
                        *strstr(strstr(body, "},{"), "4.00000100") = '5';
                assert_int_equal(parse_text(body, cases[i].kind, why), -1);
                if (strstr(why, cases[i].says) == NULL)
                        fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
        }
}

static void an_exact_repetition_is_dropped_and_counted_as_received(void **state)
{
        char body[3 * ROW_BYTES_MAX], why[REASON_SIZE];

        (void)state;
        snprintf(body, sizeof(body), "[%s,%s,%s]", trade_text, trade_text, trade_text);
        assert_int_equal(parse_text(body, TICK_TRADE, why), 0);
        assert_int_equal(page.count, 1);
        assert_int_equal(page.received, 3);
}

static void every_cut_of_a_page_is_refused(void **state)
{
        (void)state;
        for (int kind = TICK_TRADE; kind <= TICK_AGG_TRADE; kind++) {
                char body[2 * ROW_BYTES_MAX], why[REASON_SIZE];
                const char *row = kind == TICK_TRADE ? trade_text : agg_text;

                snprintf(body, sizeof(body), "[%s,%s]", row, row);
                size_t whole = strlen(body);
                assert_int_equal(parse(body, whole, (enum tick_kind)kind, why), 0);
                for (size_t length = 0; length < whole; length++) {
                        // A copy of exactly these bytes, so that a sanitizer sees a step beyond them.
                        char *cut = malloc(length);
                        memcpy(cut, body, length);
                        assert_int_equal(parse(cut, length, (enum tick_kind)kind, why), -1);
                        free(cut);
                }
        }
}

static void more_rows_than_asked_for_are_refused(void **state)
{
        char body[4 * ROW_BYTES_MAX], why[REASON_SIZE];

        (void)state;
        snprintf(body, sizeof(body), "[%s,%s,%s]", agg_text, agg_text, agg_text);
        assert_int_equal(tickpage_parse(body, strlen(body), TICK_AGG_TRADE, 2, &page, why), -1);
        assert_string_equal(why, "more than the 2 rows asked for");
}

static void read_corpus(const char *folder_name, enum tick_kind kind, int *good, int *bad)
{
        DIR *folder = opendir(folder_name);
        struct dirent *entry;

        assert_non_null(folder);
        while ((entry = readdir(folder)) != NULL) {
                char path[512], why[REASON_SIZE] = "";
                size_t length = 0;
                bool is_bad = strncmp(entry->d_name, "bad-", 4) == 0;

                if (!is_bad && strncmp(entry->d_name, "good-", 5) != 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", folder_name, entry->d_name);
                char *body = test_file_read(path, &length);
                assert_non_null(body);
                int result = parse(body, length, kind, why);
                if (result != (is_bad ? -1 : 0))
                        fail_msg("%s: %s", path, result == 0 ? "was accepted" : why);
                free(body);
                *(is_bad ? bad : good) += 1;
        }
        closedir(folder);
}

static void the_corpus_is_read_as_its_names_say(void **state)
{
        int good = 0, bad = 0;

        (void)state;
        read_corpus("tests/corpus/trades", TICK_TRADE, &good, &bad);
        read_corpus("tests/corpus/aggtrades", TICK_AGG_TRADE, &good, &bad);
        assert_true(good >= 8 && bad >= 40);
}

// ---- recorded pages ----

static size_t write_level(char *body, size_t size, const struct level *level, const char *format)
{
        char price[DECIMAL_TEXT_SIZE], amount[DECIMAL_TEXT_SIZE];
        size_t at = 0;

        decimal_format((struct decimal){wide_from_int64(level->price), level->price_exponent}, price);
        decimal_format((struct decimal){wide_from_int64(level->size), level->size_exponent}, amount);
        at += (size_t)snprintf(body, size,
            format[0] == 'p' ? "\"price\":\"%s\",\"qty\":\"%s\"" : "\"p\":\"%s\",\"q\":\"%s\"", price, amount);
        return at;
}

// The kept part of a row as the recorder wrote it (names sorted), to be found in the file.
static void write_row(char *text, size_t size, size_t row)
{
        const struct trade *t = &page.trades[row];
        const struct agg_trade *a = &page.agg_trades[row];
        size_t at;

        if (page.kind == TICK_TRADE) {
                at = (size_t)snprintf(text, size, "{\"id\":%" PRId64 ",\"isBestMatch\":true,\"isBuyerMaker\":%s,",
                    t->id, t->buyer_maker ? "true" : "false");
                write_level(text + at, size - at, &t->level, "p");
        } else {
                at = (size_t)snprintf(text, size,
                    "{\"M\":true,\"T\":%" PRId64 ",\"a\":%" PRId64 ",\"f\":%" PRId64 ",\"l\":%" PRId64 ",\"m\":%s,",
                    a->time_us / US_PER_MS, a->id, a->first_id, a->last_id, a->buyer_maker ? "true" : "false");
                at += write_level(text + at, size - at, &a->level, "short");
                snprintf(text + at, size - at, "}");
        }
}

static void recorded_pages_are_read_whole(void **state)
{
        static const struct {
                const char *name;
                enum tick_kind kind;
                int64_t first_id;
        } files[] = {
            {"rest/trades-ETHBTC-limit-1000.json", TICK_TRADE, 409018748},
            {"rest/aggTrades-BTCUSDT-fromId-202790190-limit-1000.json", TICK_AGG_TRADE, 202790190},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char why[REASON_SIZE] = "", text[ROW_BYTES_MAX];
                size_t length = 0;
                char *body = test_data_read(files[i].name, &length);

                if (body == NULL)
                        skip();
                if (parse(body, length, files[i].kind, why) != 0)
                        fail_msg("%s: %s", files[i].name, why);
                assert_int_equal(page.count, 1000);
                char *at = body;
                for (size_t row = 0; row < page.count; row++) {
                        assert_int_equal(page.ids[row], files[i].first_id + (int64_t)row);
                        write_row(text, sizeof(text), row);
                        at = strstr(at, text);
                        if (at == NULL)
                                fail_msg("%s: row %zu reads %s", files[i].name, row, text);
                }
                free(body);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_trade_keeps_every_digit),
            cmocka_unit_test(an_aggregate_keeps_the_trades_it_sums),
            cmocka_unit_test(microseconds_are_told_by_the_digits_of_each_value),
            cmocka_unit_test(a_tombstone_is_a_row),
            cmocka_unit_test(names_come_in_any_order_and_new_ones_are_passed_over),
            cmocka_unit_test(a_refusal_names_row_and_name),
            cmocka_unit_test(an_exact_repetition_is_dropped_and_counted_as_received),
            cmocka_unit_test(every_cut_of_a_page_is_refused),
            cmocka_unit_test(more_rows_than_asked_for_are_refused),
            cmocka_unit_test(the_corpus_is_read_as_its_names_say),
            cmocka_unit_test(recorded_pages_are_read_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
