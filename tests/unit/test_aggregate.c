// SPDX-License-Identifier: Apache-2.0
// Bars made of trades and of smaller bars: the exchange's own data adds up to the exchange's own bars, in every column.
// LINK: tests/exchange/zipread.c tests/exchange/heap.c -lz
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/aggregate.h"
#include "common/clock.h"
#include "tests/exchange/zipread.h"
#include "tests/unit/backfill_files.h"

#include <cjson/cJSON.h>
#include <zlib.h>

#define DAY_BARS 1440
#define TRADES_MAX 32768

static struct decimal decimal_of(const char *text)
{
        struct decimal value;

        assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
        return value;
}

static struct level level_of(const char *price, const char *size)
{
        struct level level = {0};

        assert_int_equal(decimal64_parse(price, strlen(price), &level.price, &level.price_exponent), 0);
        assert_int_equal(decimal64_parse(size, strlen(size), &level.size, &level.size_exponent), 0);
        return level;
}

static void assert_bars_equal(const struct bar_values *made, const struct bar_values *own, int64_t open_us)
{
        char time[TIME_TEXT_SIZE];

        if (memcmp(made, own, sizeof(*made)) == 0)
                return;
        fail_msg("%s: made %.17g %.17g %.17g %.17g %.17g %.17g %lld %.17g %.17g, not %.17g %.17g %.17g %.17g %.17g "
                 "%.17g %lld %.17g %.17g",
            time_format_us(open_us, time), made->open, made->high, made->low, made->close, made->volume,
            made->quote_volume, (long long)made->trades, made->taker_base, made->taker_quote, own->open, own->high,
            own->low, own->close, own->volume, own->quote_volume, (long long)own->trades, own->taker_base,
            own->taker_quote);
}

// ---- which bars consist of which ----

static void a_larger_bar_is_a_whole_number_of_smaller_ones(void **state)
{
        (void)state;
        static const char *const parts[INTERVAL_COUNT] = {
            [INTERVAL_1S] = "",
            [INTERVAL_1M] = "1s",
            [INTERVAL_3M] = "1s 1m",
            [INTERVAL_5M] = "1s 1m",
            [INTERVAL_15M] = "1s 1m 3m 5m",
            [INTERVAL_30M] = "1s 1m 3m 5m 15m",
            [INTERVAL_1H] = "1s 1m 3m 5m 15m 30m",
            [INTERVAL_2H] = "1s 1m 3m 5m 15m 30m 1h",
            [INTERVAL_4H] = "1s 1m 3m 5m 15m 30m 1h 2h",
            [INTERVAL_6H] = "1s 1m 3m 5m 15m 30m 1h 2h",
            [INTERVAL_8H] = "1s 1m 3m 5m 15m 30m 1h 2h 4h",
            [INTERVAL_12H] = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h",
            [INTERVAL_1D] = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h",
            [INTERVAL_3D] = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d",
            [INTERVAL_1W] = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d",
            [INTERVAL_1MO] = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d",
        };
        for (int larger = 0; larger < INTERVAL_COUNT; larger++) {
                char found[128] = "";

                for (int smaller = 0; smaller < INTERVAL_COUNT; smaller++) {
                        if (!aggregate_is_multiple((enum interval)larger, (enum interval)smaller))
                                continue;
                        if (found[0] != '\0')
                                strcat(found, " ");
                        strcat(found, interval_name((enum interval)smaller));
                }
                assert_string_equal(found, parts[larger]);
        }
}

// ---- the rules ----

static struct bar_values bar(double open, double high, double low, double close, double volume, int64_t trades)
{
        return (struct bar_values){.open = open,
            .high = high,
            .low = low,
            .close = close,
            .volume = volume,
            .quote_volume = volume * 2,
            .trades = trades,
            .taker_base = volume / 2,
            .taker_quote = volume};
}

static struct bar_values join(const struct bar_values *bars, size_t count)
{
        struct aggregate aggregate = {0};
        struct bar_values values;

        for (size_t i = 0; i < count; i++)
                assert_int_equal(aggregate_add_bar(&aggregate, &bars[i]), 0);
        assert_true(aggregate_to_values(&aggregate, &values));
        return values;
}

static void a_quiet_bar_shapes_only_where_nothing_traded(void **state)
{
        (void)state;
        const struct bar_values quiet_before = bar(9, 9, 9, 9, 0, 0), traded = bar(5, 6, 4, 5.5, 2, 3),
                                quiet_between = bar(5.5, 5.5, 5.5, 5.5, 0, 0), traded_after = bar(5.2, 7, 5.2, 6, 4, 1);
        const struct bar_values mixed[] = {quiet_before, traded, quiet_between, traded_after, quiet_between};
        const struct bar_values whole = {5, 7, 4, 6, 6, 12, 4, 3, 6};
        struct bar_values made = join(mixed, 5);

        assert_bars_equal(&made, &whole, 0);
        const struct bar_values quiet[] = {quiet_before, quiet_before};
        made = join(quiet, 2);
        assert_bars_equal(&made, &quiet_before, 0);
}

static void five_columns_count_no_trades_but_volume(void **state)
{
        (void)state;
        const struct bar_values bars[] = {bar(9, 9, 9, 9, 0, 0), bar(5, 6, 4, 5.5, 2, 0)};
        struct bar_values made = join(bars, 2);

        assert_true(made.open == 5 && made.high == 6 && made.trades == 0);
}

static void nothing_makes_no_bar(void **state)
{
        (void)state;
        struct aggregate aggregate = {0};
        struct agg_trade tombstone = {.first_id = -1, .last_id = -1};
        struct bar_values values;

        assert_int_equal(aggregate_add_agg_trade(&aggregate, &tombstone), 0);
        assert_false(aggregate_to_values(&aggregate, &values));
        aggregate_quiet_values(4.5, &values);
        const struct bar_values quiet = bar(4.5, 4.5, 4.5, 4.5, 0, 0);
        assert_bars_equal(&values, &quiet, 0);
}

static void sums_are_exact_where_doubles_are_not(void **state)
{
        (void)state;
        struct bar_values bars[1000], made;

        for (int i = 0; i < 1000; i++)
                bars[i] = (struct bar_values){1, 1, 1, 1, 0.1, 12345678901.1, 1, 0.7, 0.00000001};
        made = join(bars, 1000);
        assert_true(made.volume == 100 && made.quote_volume == 12345678901100 && made.taker_base == 700 &&
                    made.taker_quote == 0.00001);
}

static void a_number_that_is_none_is_refused(void **state)
{
        (void)state;
        struct aggregate aggregate = {0};
        struct bar_values broken = bar(1, 1, 1, 1, 1, 1);

        broken.low = strtod("nan", NULL);
        assert_int_equal(aggregate_add_bar(&aggregate, &broken), -1);
}

// 0.064362 * 0.0158 = 0.0010169196; the exchange says 0.00101691, and so for each of the page.
static void a_trades_quote_volume_is_cut_to_eight_places(void **state)
{
        (void)state;
        size_t length = 0;
        char *text = test_data_read("rest/trades-ETHBTC-limit-1000.json", &length);
        if (text == NULL)
                skip();
        cJSON *page = cJSON_ParseWithLength(text, length);
        const cJSON *row;
        int rows = 0;

        cJSON_ArrayForEach(row, page)
        {
                struct aggregate aggregate = {0};
                struct trade trade = {.level = level_of(cJSON_GetObjectItemCaseSensitive(row, "price")->valuestring,
                                          cJSON_GetObjectItemCaseSensitive(row, "qty")->valuestring)};

                assert_int_equal(aggregate_add_trade(&aggregate, &trade), 0);
                struct decimal own = decimal_of(cJSON_GetObjectItemCaseSensitive(row, "quoteQty")->valuestring);
                assert_int_equal(decimal_compare(aggregate.quote_volume, own), 0);
                rows++;
        }
        assert_int_equal(rows, 1000);
        cJSON_Delete(page);
        free(text);
}

// ---- the exchange's own bars ----

static double number_of(const cJSON *row, int column)
{
        return strtod(cJSON_GetArrayItem(row, column)->valuestring, NULL);
}

static struct bar_values rest_bar(const cJSON *row)
{
        return (struct bar_values){number_of(row, 1), number_of(row, 2), number_of(row, 3), number_of(row, 4),
            number_of(row, 5), number_of(row, 7), (int64_t)cJSON_GetArrayItem(row, 8)->valuedouble, number_of(row, 9),
            number_of(row, 10)};
}

static int64_t rest_open_us(const cJSON *row)
{
        return (int64_t)cJSON_GetArrayItem(row, 0)->valuedouble * 1000;
}

// The 1m bars of a day of January 2020, by strtod() from the archive's text. False where the data is not there.
static bool read_day(int day, struct bar_values bars[DAY_BARS])
{
        char name[96];
        size_t length = 0, size;
        const char *why, *line;

        snprintf(name, sizeof(name), "archive/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2020-01-%02d.zip", day);
        char *zip = test_data_read(name, &length);
        if (zip == NULL)
                return false;
        char *text = zipread_first((const uint8_t *)zip, length, &size, &why);
        assert_non_null(text);
        line = text;
        for (int i = 0; i < DAY_BARS; i++, line = strchr(line, '\n') + 1) {
                double c[11];
                long long open_ms;

                assert_int_equal(sscanf(line, "%lld,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &open_ms, c + 1, c + 2,
                                     c + 3, c + 4, c + 5, c + 6, c + 7, c + 8, c + 9, c + 10),
                    11);
                assert_int_equal(open_ms, INT64_C(1577836800000) + (day - 1) * INT64_C(86400000) + i * 60000);
                bars[i] = (struct bar_values){c[1], c[2], c[3], c[4], c[5], c[7], (int64_t)c[8], c[9], c[10]};
        }
        free(text);
        free(zip);
        return true;
}

static struct bar_values days[2][DAY_BARS];

static void read_days(void)
{
        if (!read_day(1, days[0]) || !read_day(2, days[1]))
                skip();
}

static void minutes_add_up_to_the_exchanges_five_minutes(void **state)
{
        (void)state;
        size_t length = 0;
        read_days();
        char *text = test_data_read("rest/klines-BTCUSDT-5m-1577836800000-limit24.json", &length);
        assert_non_null(text);
        cJSON *page = cJSON_ParseWithLength(text, length);

        assert_int_equal(cJSON_GetArraySize(page), 24);
        for (int i = 0; i < 24; i++) {
                const cJSON *row = cJSON_GetArrayItem(page, i);
                struct bar_values made = join(&days[0][i * 5], 5), own = rest_bar(row);

                assert_int_equal(rest_open_us(row), INT64_C(1577836800000000) + i * 5 * US_PER_MIN);
                assert_bars_equal(&made, &own, rest_open_us(row));
        }
        cJSON_Delete(page);
        free(text);
}

// By steps, as a ladder of derived bars goes: each from the next smaller one.
static struct bar_values climb(const struct bar_values *minutes)
{
        static const size_t steps[] = {5, 3, 2, 2, 4, 6}; // 5m 15m 30m 1h 4h 1d
        static struct bar_values bars[DAY_BARS];
        size_t count = DAY_BARS;

        memcpy(bars, minutes, sizeof(bars));
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
                count /= steps[s];
                for (size_t i = 0; i < count; i++)
                        bars[i] = join(&bars[i * steps[s]], steps[s]);
        }
        assert_int_equal(count, 1);
        return bars[0];
}

static void minutes_add_up_to_the_exchanges_days(void **state)
{
        (void)state;
        size_t length = 0;
        int found = 0;
        read_days();
        char *text = test_data_read("rest/klines-BTCUSDT-1d-1546041600000-1578096000000.json", &length);
        assert_non_null(text);
        cJSON *page = cJSON_ParseWithLength(text, length);
        const cJSON *row;

        cJSON_ArrayForEach(row, page)
        {
                int64_t day = (rest_open_us(row) - INT64_C(1577836800000000)) / US_PER_DAY;

                if (day < 0 || day > 1)
                        continue;
                struct bar_values own = rest_bar(row), once = join(days[day], DAY_BARS), stepwise = climb(days[day]);
                assert_bars_equal(&once, &own, rest_open_us(row));
                assert_bars_equal(&stepwise, &own, rest_open_us(row));
                found++;
        }
        assert_int_equal(found, 2);
        cJSON_Delete(page);
        free(text);
}

static void aggregate_trades_add_up_to_the_exchanges_minutes(void **state)
{
        (void)state;
        struct aggregate minutes[7] = {0};
        size_t length = 0;
        read_days();
        char *text = test_data_read("rest/aggTrades-BTCUSDT-fromId-202790190-limit-1000.json", &length);
        assert_non_null(text);
        cJSON *page = cJSON_ParseWithLength(text, length);
        const cJSON *row;

        cJSON_ArrayForEach(row, page)
        {
                int64_t time_us = (int64_t)cJSON_GetObjectItemCaseSensitive(row, "T")->valuedouble * 1000;
                int64_t minute = (time_us - INT64_C(1577977860000000)) / US_PER_MIN; // 15:11
                struct agg_trade trade = {.first_id = (int64_t)cJSON_GetObjectItemCaseSensitive(row, "f")->valuedouble,
                    .last_id = (int64_t)cJSON_GetObjectItemCaseSensitive(row, "l")->valuedouble,
                    .level = level_of(cJSON_GetObjectItemCaseSensitive(row, "p")->valuestring,
                        cJSON_GetObjectItemCaseSensitive(row, "q")->valuestring),
                    .buyer_maker = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "m")) != 0};

                if (time_us >= INT64_C(1577977860000000) && minute < 7)
                        assert_int_equal(aggregate_add_agg_trade(&minutes[minute], &trade), 0);
        }
        for (int i = 0; i < 7; i++) {
                struct bar_values made;

                assert_true(aggregate_to_values(&minutes[i], &made));
                assert_bars_equal(&made, &days[1][15 * 60 + 11 + i], INT64_C(1577977860000000) + i * US_PER_MIN);
        }
        cJSON_Delete(page);
        free(text);
}

// ---- a recorded stream of trades, and the same bars by plain integers of 1e-8 ----

struct seen {
        int64_t time_us;
        int64_t price, size; // of 1e-8
        char price_text[24], size_text[24];
        bool buyer_maker;
};

static struct seen seen[TRADES_MAX];
static size_t seen_count;

static int64_t eighths(const char *text)
{
        int64_t value = 0;
        int places = -1;

        for (; *text != '\0'; text++) {
                if (*text == '.') {
                        places = 0;
                        continue;
                }
                value = value * 10 + (*text - '0');
                places += places >= 0;
        }
        for (places = places < 0 ? 0 : places; places < 8; places++)
                value *= 10;
        return value;
}

static bool read_capture(const char *name)
{
        const char *folder = getenv("BF_SHARED_DATA");
        static char line[1 << 20];
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", folder == NULL ? "../shared/data" : folder, name);
        gzFile file = gzopen(path, "rb");
        if (file == NULL)
                return false;
        while (gzgets(file, line, sizeof(line)) != NULL) {
                if (strstr(line, "\"stream\":\"btcusdt@trade\"") == NULL)
                        continue;
                cJSON *frame = cJSON_Parse(strchr(line, '{'));
                const cJSON *data = cJSON_GetObjectItemCaseSensitive(frame, "data");
                struct seen *one = &seen[seen_count++];
                assert_true(seen_count < TRADES_MAX);
                one->time_us = (int64_t)cJSON_GetObjectItemCaseSensitive(data, "T")->valuedouble * 1000;
                snprintf(one->price_text, sizeof(one->price_text), "%s",
                    cJSON_GetObjectItemCaseSensitive(data, "p")->valuestring);
                snprintf(one->size_text, sizeof(one->size_text), "%s",
                    cJSON_GetObjectItemCaseSensitive(data, "q")->valuestring);
                one->price = eighths(one->price_text);
                one->size = eighths(one->size_text);
                one->buyer_maker = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "m"));
                cJSON_Delete(frame);
        }
        gzclose(file);
        return true;
}

// "1234.00000678" for strtod(), which rounds once.
static double from_eighths(__int128 value)
{
        char text[64];

        snprintf(text, sizeof(text), "%lld.%08lld", (long long)(value / 100000000), (long long)(value % 100000000));
        return strtod(text, NULL);
}

static struct bar_values by_integers(size_t first, size_t end)
{
        int64_t high = 0, low = INT64_MAX;
        __int128 volume = 0, quote = 0, taker = 0, taker_quote = 0;

        for (size_t i = first; i < end; i++) {
                __int128 product = (__int128)seen[i].price * seen[i].size / 100000000;

                high = seen[i].price > high ? seen[i].price : high;
                low = seen[i].price < low ? seen[i].price : low;
                volume += seen[i].size;
                quote += product;
                taker += seen[i].buyer_maker ? 0 : seen[i].size;
                taker_quote += seen[i].buyer_maker ? 0 : product;
        }
        return (struct bar_values){from_eighths(seen[first].price), from_eighths(high), from_eighths(low),
            from_eighths(seen[end - 1].price), from_eighths(volume), from_eighths(quote), (int64_t)(end - first),
            from_eighths(taker), from_eighths(taker_quote)};
}

static size_t compare_bars(enum interval interval)
{
        size_t bars = 0;

        for (size_t first = 0, end = 0; first < seen_count; first = end) {
                int64_t open_us = interval_floor_us(interval, seen[first].time_us);
                struct aggregate aggregate = {0};
                struct bar_values made;

                for (; end < seen_count && interval_floor_us(interval, seen[end].time_us) == open_us; end++) {
                        struct trade trade = {.level = level_of(seen[end].price_text, seen[end].size_text),
                            .buyer_maker = seen[end].buyer_maker};

                        assert_int_equal(aggregate_add_trade(&aggregate, &trade), 0);
                }
                assert_true(aggregate_to_values(&aggregate, &made));
                struct bar_values own = by_integers(first, end);
                assert_bars_equal(&made, &own, open_us);
                bars++;
        }
        return bars;
}

static void recorded_trades_make_the_bars_that_integers_make(void **state)
{
        (void)state;
        seen_count = 0;
        if (!read_capture("ws/btcusdt_20240808.gz") || !read_capture("ws/btcusdt_20240809.gz"))
                skip();
        assert_int_equal(seen_count, 19904);
        assert_int_equal(compare_bars(INTERVAL_1M), 12);
        assert_true(compare_bars(INTERVAL_1S) > 500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_larger_bar_is_a_whole_number_of_smaller_ones),
            cmocka_unit_test(a_quiet_bar_shapes_only_where_nothing_traded),
            cmocka_unit_test(five_columns_count_no_trades_but_volume),
            cmocka_unit_test(nothing_makes_no_bar),
            cmocka_unit_test(sums_are_exact_where_doubles_are_not),
            cmocka_unit_test(a_number_that_is_none_is_refused),
            cmocka_unit_test(a_trades_quote_volume_is_cut_to_eight_places),
            cmocka_unit_test(minutes_add_up_to_the_exchanges_five_minutes),
            cmocka_unit_test(minutes_add_up_to_the_exchanges_days),
            cmocka_unit_test(aggregate_trades_add_up_to_the_exchanges_minutes),
            cmocka_unit_test(recorded_trades_make_the_bars_that_integers_make),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
