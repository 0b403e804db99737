// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/page.c workers/backfill/pager.c workers/backfill/listing.c
// Pages of klines: the exchange's own bytes become bars digit for digit, and nothing else becomes any.
#include "workers/backfill/page.h"

#include "common/clock.h"
#include "tests/unit/backfill_files.h"
#include "workers/backfill/listing.h"
#include "workers/backfill/pager.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define CORPUS "tests/corpus/klines"
#define ROW_BYTES_MAX 512

static const char row_text[] =
    "[1639496580000,\"5.14000000\",\"5.15000000\",\"5.13000000\",\"5.14100000\",\"26.40000000\","
    "1639496639999,\"135.69600000\",12,\"1.50000000\",\"7.71000000\",\"0\"]";

static struct kline rows[REST_PAGE_ROWS_MAX];

static int parse(const char *body, size_t length, size_t *count, char why[REASON_SIZE])
{
        return page_parse(body, length, rows, REST_PAGE_ROWS_MAX, count, why);
}

static void a_row_keeps_every_digit(void **state)
{
        char body[ROW_BYTES_MAX], why[REASON_SIZE], text[DECIMAL_TEXT_SIZE];
        size_t count;

        (void)state;
        snprintf(body, sizeof(body), "[%s]", row_text);
        assert_int_equal(parse(body, strlen(body), &count, why), 0);
        assert_int_equal(count, 1);
        const struct kline *k = &rows[0];
        assert_int_equal(k->open_us, INT64_C(1639496580000000));
        assert_int_equal(k->close_us, INT64_C(1639496639999000));
        assert_int_equal(k->trades, 12);
        assert_int_equal(k->received_wall_ns, 0);
        assert_int_equal(k->open, 514000000);
        assert_int_equal(k->high, 515000000);
        assert_int_equal(k->low, 513000000);
        assert_int_equal(k->close, 514100000);
        assert_int_equal(k->open_exponent, -8);
        decimal_format((struct decimal){k->volume, k->volume_exponent}, text);
        assert_string_equal(text, "26.40000000");
        decimal_format((struct decimal){k->quote_volume, k->quote_volume_exponent}, text);
        assert_string_equal(text, "135.69600000");
        decimal_format((struct decimal){k->taker_base, k->taker_base_exponent}, text);
        assert_string_equal(text, "1.50000000");
        decimal_format((struct decimal){k->taker_quote, k->taker_quote_exponent}, text);
        assert_string_equal(text, "7.71000000");
        assert_null(kline_defect(k));
}

static void microseconds_are_told_by_their_digits(void **state)
{
        static const char body[] =
            "[[1735689600000000,\"1\",\"1\",\"1\",\"1\",\"1\",1735689600999999,\"1\",1,\"0\",\"0\","
            "\"0\"]]";
        char why[REASON_SIZE];
        size_t count;

        (void)state;
        assert_int_equal(parse(body, strlen(body), &count, why), 0);
        assert_int_equal(rows[0].open_us, INT64_C(1735689600000000));
        assert_int_equal(rows[0].close_us, INT64_C(1735689600999999));
}

static void a_refusal_names_row_and_column(void **state)
{
        static const struct {
                const char *from, *to, *says;
        } cases[] = {
            {"\"5.15000000\"", "\"x\"", "row 2, column 3 (high) is not a decimal number"},
            {"1639496639999", "\"1\"", "row 2, column 7 (close time) is not a whole number"},
            {",12,", ",9999999999999999999,", "row 2, column 9 (trades) has too many digits"},
            {",12,", ",012,", "row 2, column 9 (trades) has leading zeros"},
            {"\"5.14000000\"", "\"99999999999999999999\"", "row 2, column 2 (open) is a number too large"},
            {",\"0\"]", "]", "row 2, column 11 (taker quote volume) is not followed by a comma"},
            {",\"0\"]", ",\"0\",\"0\"]", "row 2, column 12 (the unused column) does not end the row"},
            {"[16", "16", "row 2, column 1 (open time) does not begin a row"},
        };
        char body[2 * ROW_BYTES_MAX], why[REASON_SIZE];
        size_t count;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *at = strstr(row_text, cases[i].from);
                snprintf(body, sizeof(body), "[%s,%.*s%s%s]", row_text, (int)(at - row_text), row_text, cases[i].to,
                    at + strlen(cases[i].from));
                assert_int_equal(parse(body, strlen(body), &count, why), -1);
                if (strstr(why, cases[i].says) == NULL)
                        fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
        }
}

static void every_cut_of_a_page_is_refused(void **state)
{
        char body[2 * ROW_BYTES_MAX], why[REASON_SIZE];
        size_t count;

        (void)state;
        snprintf(body, sizeof(body), "[%s,%s]", row_text, row_text);
        size_t whole = strlen(body);
        assert_int_equal(parse(body, whole, &count, why), 0);
        for (size_t length = 0; length < whole; length++) {
                // A copy of exactly these bytes, so that a sanitizer sees a step beyond them.
                char *cut = malloc(length);
                memcpy(cut, body, length);
                assert_int_equal(parse(cut, length, &count, why), -1);
                free(cut);
        }
}

static void more_rows_than_asked_for_are_refused(void **state)
{
        char body[4 * ROW_BYTES_MAX], why[REASON_SIZE];
        size_t count;

        (void)state;
        snprintf(body, sizeof(body), "[%s,%s,%s]", row_text, row_text, row_text);
        assert_int_equal(page_parse(body, strlen(body), rows, 2, &count, why), -1);
        assert_string_equal(why, "more than the 2 rows asked for");
}

static void depth_costs_nothing(void **state)
{
        size_t length = 1024 * 1024, count;
        char *body = malloc(length), why[REASON_SIZE];

        (void)state;
        memset(body, '[', length);
        assert_int_equal(parse(body, length, &count, why), -1);
        free(body);
}

static void the_corpus_is_read_as_its_names_say(void **state)
{
        DIR *folder = opendir(CORPUS);
        struct dirent *entry;
        int good = 0, bad = 0;

        (void)state;
        assert_non_null(folder);
        while ((entry = readdir(folder)) != NULL) {
                char path[512], why[REASON_SIZE] = "";
                size_t length = 0, count;
                bool is_bad = strncmp(entry->d_name, "bad-", 4) == 0;

                if (!is_bad && strncmp(entry->d_name, "good-", 5) != 0)
                        continue;
                snprintf(path, sizeof(path), CORPUS "/%s", entry->d_name);
                char *body = test_file_read(path, &length);
                assert_non_null(body);
                int result = parse(body, length, &count, why);
                if (result != (is_bad ? -1 : 0))
                        fail_msg("%s: %s", path, result == 0 ? "was accepted" : why);
                free(body);
                *(is_bad ? &bad : &good) += 1;
        }
        closedir(folder);
        assert_true(good > 5 && bad > 40);
}

// ---- recorded pages ----

// The bars as JSON again, to be compared with what was recorded.
static void write_page(char *body, size_t size, size_t count)
{
        size_t at = (size_t)snprintf(body, size, "[");

        for (size_t i = 0; i < count; i++) {
                const struct kline *k = &rows[i];
                struct decimal d[] = {{wide_from_int64(k->open), k->open_exponent},
                    {wide_from_int64(k->high), k->high_exponent}, {wide_from_int64(k->low), k->low_exponent},
                    {wide_from_int64(k->close), k->close_exponent}, {k->volume, k->volume_exponent},
                    {k->quote_volume, k->quote_volume_exponent}, {k->taker_base, k->taker_base_exponent},
                    {k->taker_quote, k->taker_quote_exponent}};
                char t[8][DECIMAL_TEXT_SIZE];

                for (int j = 0; j < 8; j++)
                        decimal_format(d[j], t[j]);
                at += (size_t)snprintf(body + at, size - at,
                    "%s[%" PRId64 ",\"%s\",\"%s\",\"%s\",\"%s\",\"%s\",%" PRId64 ",\"%s\",%" PRId64
                    ",\"%s\",\"%s\",\"0\"]",
                    i == 0 ? "" : ",", k->open_us / US_PER_MS, t[0], t[1], t[2], t[3], t[4], k->close_us / US_PER_MS,
                    t[5], k->trades, t[6], t[7]);
        }
        snprintf(body + at, size - at, "]");
}

static void recorded_pages_come_back_byte_for_byte(void **state)
{
        static const struct {
                const char *name;
                enum interval interval;
                size_t count, missing;
        } files[] = {
            {"1m-1588740088000-1588743688000", INTERVAL_1M, 60, 0},
            {"5m-1577836800000-limit24", INTERVAL_5M, 24, 0},
            {"1h-1588280400000-1591880400000", INTERVAL_1H, 1000, 0},
            {"1h-1591880400000-1593572400000", INTERVAL_1H, 468, 3}, // maintenance of 2020-06-28, 02:00 to 05:00
            {"1h-1672516800000-1673146800000", INTERVAL_1H, 176, 0},
            {"1d-1546041600000-1578096000000", INTERVAL_1D, 372, 0},
        };
        char why[REASON_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char name[128];
                size_t length = 0, count;
                struct pager_answer answer;

                snprintf(name, sizeof(name), "rest/klines-BTCUSDT-%s.json", files[i].name);
                char *body = test_data_read(name, &length), *again = malloc(TEST_FILE_BYTES_MAX);
                if (body == NULL) {
                        free(again);
                        skip();
                }
                if (parse(body, length, &count, why) != 0)
                        fail_msg("%s: %s", name, why);
                if (count != files[i].count)
                        fail_msg("%s: %zu rows", name, count);
                while (length > 0 && body[length - 1] == '\n')
                        body[--length] = '\0';
                write_page(again, TEST_FILE_BYTES_MAX, count);
                assert_string_equal(again, body);
                int64_t end_us = interval_next_us(files[i].interval, rows[count - 1].open_us);
                assert_int_equal(interval_count(files[i].interval, rows[0].open_us, end_us), count + files[i].missing);
                struct pager pager;
                struct pager_request request = {rows[0].open_us, end_us, REST_PAGE_ROWS_MAX, false};
                pager_init(&pager, files[i].interval, REST_PAGE_ROWS_MAX, rows[0].open_us, end_us, end_us);
                assert_int_equal(pager_check(&pager, &request, end_us, rows, count, &answer, why), 0);
                assert_int_equal(answer.count, count);
                assert_int_equal(answer.answered_until_us, end_us);
                for (size_t j = 0; j < count; j++)
                        assert_null(kline_defect(&rows[j]));
                free(again);
                free(body);
        }
}

static void a_listing_is_the_first_bar_or_none(void **state)
{
        char body[ROW_BYTES_MAX], why[REASON_SIZE];
        struct record_listing record;

        (void)state;
        snprintf(body, sizeof(body), "[%s]", row_text);
        assert_int_equal(listing_parse(body, strlen(body), "ACMUSDT", INTERVAL_1M, &record, why), 0);
        assert_string_equal(record.symbol, "ACMUSDT");
        assert_int_equal(record.first_open_us, INT64_C(1639496580000000));
        assert_int_equal(record.interval, INTERVAL_1M);
        assert_int_equal(listing_parse("[]", 2, "ACMUSDT", INTERVAL_1M, &record, why), 0);
        assert_int_equal(record.first_open_us, -1);
        assert_int_equal(listing_parse("{}", 2, "ACMUSDT", INTERVAL_1M, &record, why), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_row_keeps_every_digit),
            cmocka_unit_test(microseconds_are_told_by_their_digits),
            cmocka_unit_test(a_refusal_names_row_and_column),
            cmocka_unit_test(every_cut_of_a_page_is_refused),
            cmocka_unit_test(more_rows_than_asked_for_are_refused),
            cmocka_unit_test(depth_costs_nothing),
            cmocka_unit_test(the_corpus_is_read_as_its_names_say),
            cmocka_unit_test(recorded_pages_come_back_byte_for_byte),
            cmocka_unit_test(a_listing_is_the_first_bar_or_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
