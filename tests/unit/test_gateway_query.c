// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/block.c workers/gateway/body.c workers/gateway/columns.c workers/gateway/dataset.c
// LINK: workers/gateway/fixedreader.c workers/gateway/getinfo.c workers/gateway/listsymbols.c
// LINK: workers/gateway/message.c workers/gateway/parts.c workers/gateway/place.c workers/gateway/pool.c
// LINK: workers/gateway/query.c
// LINK: workers/gateway/reader.c workers/gateway/rpc.c workers/gateway/tickreader.c workers/gateway/tree.c
// LINK: workers/gateway/work.c -lmsgpackc
#include "common/clock.h"
#include "common/yearfile.h"
#include "common/yeartree.h"
#include "tests/unit/gateway_calls.h"
#include "workers/gateway/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/at.h"
#include "tests/unit/store_root.h"
#include "tests/unit/tick_events.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORPUS "tests/corpus/rpc"
#define SUFFIX ":Symbol/Timeframe/AttributeGroup"

static int leave_root(void **state)
{
        assert_int_equal(block_charged(), 0); // every answer has given its memory back
        return remove_root(state);
}

static int64_t second(const char *text)
{
        return at(text) / US_PER_S;
}

// Every bar of [start, end); each one's open price is its number, its trades a hundred more.
static size_t fill(const char *symbol, enum interval interval, bool full, const char *start, const char *end)
{
        size_t count = 0;
        struct yearfile *file = NULL;
        struct yearfile_schema schema;

        yearfile_bar_schema(interval, full, &schema);
        for (int64_t us = at(start); us < at(end); us = interval_next_us(interval, us)) {
                int year = yearslot_locate(schema.timeframe_ns, us).year;
                struct bar_values values = {.open = (double)count, .trades = (int64_t)count + 100};

                count++;
                if (file == NULL || yearfile_year(file) != year) {
                        yearfile_close(file);
                        file = yearfile_open_write(root, symbol, interval, &schema, year, why);
                        assert_non_null(file);
                }
                assert_int_equal(yearfile_write_bars(file, &us, &values, 1, NULL), 0);
        }
        yearfile_close(file);
        return count;
}

// ---- looking at answers ----

static const msgpack_object *dataset(const struct reply *reply, uint32_t response)
{
        const msgpack_object *responses = member(reply->result, "responses");

        if (responses == NULL)
                fail_msg("refused: %s", reply->error);
        assert_true(response < responses->via.array.size);
        return member(&responses->via.array.ptr[response], "result");
}

static int64_t rows_of(const struct reply *reply, uint32_t response)
{
        return member(dataset(reply, response), "length")->via.i64;
}

static const char *column(const struct reply *reply, uint32_t response, const char *name, uint32_t *bytes)
{
        const msgpack_object *names = member(dataset(reply, response), "names");

        for (uint32_t i = 0; i < names->via.array.size; i++) {
                const msgpack_object_str *text = &names->via.array.ptr[i].via.str;

                if (text->size == strlen(name) && memcmp(text->ptr, name, text->size) == 0) {
                        const msgpack_object *data = &member(dataset(reply, response), "data")->via.array.ptr[i];
                        assert_int_equal(data->type, MSGPACK_OBJECT_BIN);
                        *bytes = data->via.bin.size;
                        return data->via.bin.ptr;
                }
        }
        fail_msg("no column %s", name);
        return NULL;
}

static int64_t integer_at(const struct reply *reply, const char *name, int64_t row)
{
        uint32_t bytes;
        const char *data = column(reply, 0, name, &bytes);
        int64_t value;

        assert_true((size_t)(row + 1) * 8 <= bytes);
        memcpy(&value, data + row * 8, 8);
        return value;
}

static double number_at(const struct reply *reply, const char *name, int64_t row)
{
        int64_t bits = integer_at(reply, name, row);
        double value;

        memcpy(&value, &bits, 8);
        return value;
}

static void expect_key(const struct reply *reply, const char *key, int64_t start, int64_t length)
{
        const msgpack_object *begins = member(member(dataset(reply, 0), "startindex"), key);
        const msgpack_object *rows = member(member(dataset(reply, 0), "lengths"), key);

        if (begins == NULL || rows == NULL)
                fail_msg("no key %s", key);
        assert_int_equal(begins->via.i64, start);
        assert_int_equal(rows->via.i64, length);
}

static struct reply ask(const char *destination, const char *start, const char *end, int64_t limit, bool from_start)
{
        struct ask one = {.destination = destination,
            .start = start != NULL ? second(start) : -1,
            .end = end != NULL ? second(end) : -1,
            .limit = limit,
            .from_start = from_start};

        return query(root, &one, 1);
}

static void expect_rows(const char *destination, const char *start, const char *end, int64_t limit, bool from_start,
    int64_t rows, const char *first, const char *last)
{
        struct reply reply = ask(destination, start, end, limit, from_start);

        assert_int_equal(rows_of(&reply, 0), rows);
        if (rows > 0) {
                assert_int_equal(integer_at(&reply, "Epoch", 0), second(first));
                assert_int_equal(integer_at(&reply, "Epoch", rows - 1), second(last));
        }
        reply_release(&reply);
}

static void expect_refusal(const char *destination, const char *message)
{
        struct reply reply = ask(destination, NULL, NULL, 0, false);

        assert_null(reply.result);
        if (strstr(reply.error, message) == NULL)
                fail_msg("%s: \"%s\" is not in \"%s\"", destination, message, reply.error);
        assert_int_equal(reply.flat.status, 200);
        reply_release(&reply);
}

// ---- the stock server's own bytes ----

static size_t from_hex(const char *hex, uint8_t *bytes)
{
        size_t length = 0;
        unsigned value;

        for (; *hex != '\0'; hex += 2)
                if (sscanf(hex, "%2x", &value) == 1)
                        bytes[length++] = (uint8_t)value;
        return length;
}

// A year file with four-byte prices, as MarketStore's own example has.
static void make_golden_file(void)
{
        static uint8_t header[YEARFILE_HEADER_BYTES];
        static const char *const names[] = {"Open", "High", "Low", "Close", "Volume"};
        struct yearfile_schema schema = {.timeframe_ns = INT64_C(60000000000), .record_length = 32, .columns_count = 5};
        char path[128];
        uint8_t rows[64];

        for (size_t i = 0; i < 5; i++) {
                snprintf(schema.columns[i].name, sizeof(schema.columns[i].name), "%s", names[i]);
                schema.columns[i].type = i < 4 ? COLUMN_F4 : COLUMN_F8;
        }
        int directory_fd = yeartree_make_bucket(root, "BTCUSDT", INTERVAL_1M, why);
        assert_true(directory_fd >= 0);
        close(directory_fd);
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Min/OHLCV/2024.bin", root);
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        yearheader_encode(&schema, 2024, header);
        assert_int_equal(from_hex("01000000000000000000803f000000400000003f0000c03f0000000000005940"
                                  "020000000000000000000040000040400000c03f000020400000000000405940",
                             rows),
            64);
        assert_int_equal(ftruncate(fd, yearfile_size(&schema, 2024)), 0);
        assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
        assert_int_equal(pwrite(fd, rows, 64, YEARFILE_HEADER_BYTES), 64);
        close(fd);
}

static const char golden_request[] = "84a66d6574686f64b144617461536572766963652e5175657279a26964a131a76a736f6e727063a33"
                                     "22e30a6706172616d7381a872657175657374"
                                     "739183ab64657374696e6174696f6eb2425443555344542f314d696e2f4f484c4356b26c696d69745"
                                     "f7265636f72645f636f756e7402b06c696d69"
                                     "745f66726f6d5f7374617274c3";
// Up to `version`, where ours has its own.
static const char golden_answer[] = "83a76a736f6e727063a3322e30a6726573756c7483a9726573706f6e7365739181a6726573756c7486"
                                    "a5747970657396a26938a26634a26634a266"
                                    "34a26634a26638a56e616d657396a545706f6368a44f70656ea448696768a34c6f77a5436c6f7365a6"
                                    "566f6c756d65a46461746196c41080009265"
                                    "00000000bc00926500000000c4080000803f00000040c4080000004000004040c4080000003f0000c0"
                                    "3fc4080000c03f00002040c4100000000000"
                                    "0059400000000000405940a66c656e677468d30000000000000002aa7374617274696e64657881d932"
                                    "425443555344542f314d696e2f4f484c4356"
                                    "3a53796d626f6c2f54696d656672616d652f41747472696275746547726f7570d30000000000000000"
                                    "a76c656e6774687381d93242544355534454"
                                    "2f314d696e2f4f484c43563a53796d626f6c2f54696d656672616d652f41747472696275746547726f"
                                    "7570d30000000000000002a7766572736f6e"
                                    "a874696d657a6f6e65a3555443a26964a131";

static void the_stock_servers_answer_is_given_byte_for_byte(void **state)
{
        uint8_t request[512], answer[1024];
        size_t length;

        (void)state;
        make_golden_file();
        length = from_hex(golden_request, request);
        struct flat flat = call_bytes(root, request, length);
        // Up to the version, which is the server's own.
        size_t common = (size_t)(strstr(golden_answer, "a7766572736f6e") - golden_answer) / 2;
        from_hex(golden_answer, answer);
        assert_true(flat.length > common);
        assert_memory_equal(flat.bytes, answer, common);
        static const uint8_t end[] = "\xa8timezone\xa3UTC\xa2id\xa1"
                                     "1";
        assert_memory_equal(flat.bytes + flat.length - (sizeof(end) - 1), end, sizeof(end) - 1);
        free(flat.bytes);
}

// ---- ranges and limits ----

static void ends_are_inclusive_and_starts_are_floored(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2023-12-31T23:50", "2024-01-01T00:10");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 0, false, 20, "2023-12-31T23:50", "2024-01-01T00:09");
        expect_rows("BTCUSDT/1Min/OHLCV", "2023-12-31T23:58:59", "2024-01-01T00:01", 0, false, 4, "2023-12-31T23:58",
            "2024-01-01T00:01");
        expect_rows("BTCUSDT/1Min/OHLCV", "2024-01-01", "2024-01-01", 0, false, 1, "2024-01-01", "2024-01-01");
        expect_rows("BTCUSDT/1Min/OHLCV", "2024-02-01", NULL, 0, false, 0, NULL, NULL);
        expect_rows("BTCUSDT/1Min/OHLCV", "2024-01-01T00:05", "2024-01-01", 0, false, 0, NULL, NULL);
}

static void limits_count_from_the_end_unless_told_otherwise(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2023-12-31T23:50", "2024-01-01T00:10");
        fill("BTCUSDT", INTERVAL_1M, true, "2022-03-01", "2022-03-01T00:05"); // a year with a hole of months after it
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 1, false, 1, "2024-01-01T00:09", "2024-01-01T00:09");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 12, false, 12, "2023-12-31T23:58", "2024-01-01T00:09");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 22, false, 22, "2022-03-01T00:03", "2024-01-01T00:09");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 500, false, 25, "2022-03-01", "2024-01-01T00:09");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, NULL, 7, true, 7, "2022-03-01", "2023-12-31T23:51");
        expect_rows("BTCUSDT/1Min/OHLCV", NULL, "2023-06-01", 2, false, 2, "2022-03-01T00:03", "2022-03-01T00:04");
        expect_rows("BTCUSDT/1Min/OHLCV", "2023-06-01", NULL, 2, true, 2, "2023-12-31T23:50", "2023-12-31T23:51");
}

static void a_large_answer_takes_several_turns_and_is_whole(void **state)
{
        size_t count;

        (void)state;
        count = fill("BTCUSDT", INTERVAL_1M, true, "2024-01-30", "2024-03-02");
        struct reply reply = ask("BTCUSDT/1m/OHLCV", NULL, NULL, 0, false);
        assert_int_equal(rows_of(&reply, 0), count);
        assert_true(reply.flat.turns > 2);
        for (int64_t i = 0; i < (int64_t)count; i++) {
                assert_int_equal(integer_at(&reply, "Epoch", i), second("2024-01-30") + 60 * i);
                assert_true(number_at(&reply, "Open", i) == (double)i);
                assert_int_equal(integer_at(&reply, "Trades", i), i + 100);
        }
        reply_release(&reply);
}

static void new_years_day_is_found_from_every_side(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1D, true, "2022-12-25", "2025-01-05");
        expect_rows("BTCUSDT/1D/OHLCV", "2024-01-01", "2024-01-01", 0, false, 1, "2024-01-01", "2024-01-01");
        expect_rows("BTCUSDT/1D/OHLCV", "2023-12-31", "2024-01-02", 0, false, 3, "2023-12-31", "2024-01-02");
        expect_rows("BTCUSDT/1D/OHLCV", "2025-01-01", NULL, 0, false, 4, "2025-01-01", "2025-01-04");
        expect_rows("BTCUSDT/1D/OHLCV", NULL, "2024-01-01", 1, false, 1, "2024-01-01", "2024-01-01");
}

// ---- names ----

static const struct {
        const char *asked, *kept; // MarketStore's spelling; where it lies in the tree
} homes[INTERVAL_COUNT] = {{"1Sec", "1Sec/OHLCV"}, {"1Min", "1Min/OHLCV"}, {"3Min", "1Min/OHLCV_3Min"},
    {"5Min", "5Min/OHLCV"}, {"15Min", "15Min/OHLCV"}, {"30Min", "30Min/OHLCV"}, {"1H", "1H/OHLCV"}, {"2H", "2H/OHLCV"},
    {"4H", "2H/OHLCV_4H"}, {"6H", "2H/OHLCV_6H"}, {"8H", "2H/OHLCV_8H"}, {"12H", "2H/OHLCV_12H"}, {"1D", "1D/OHLCV"},
    {"3D", "1D/OHLCV_3D"}, {"1W", "1D/OHLCV_1W"}, {"1M", "1D/OHLCV_1M"}};

// By three names: Binance's, MarketStore's, and where it lies. Each is answered with its own rows and its own key.
static void each_interval_is_answered_as_asked(void **state)
{
        (void)state;
        for (int i = 0; i < INTERVAL_COUNT; i++) {
                int64_t start_us = interval_ceil_us((enum interval)i, at("2024-02-01"));
                int64_t end_us = interval_step_us((enum interval)i, start_us, 5 + i);
                char start[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];

                fill("BTCUSDT", (enum interval)i, true, time_format_us(start_us, start), time_format_us(end_us, end));
                time_format_us(interval_step_us((enum interval)i, end_us, -1), last);
                for (int form = 0; form < 3; form++) {
                        char name[96], key[160];

                        if (form == 2)
                                snprintf(name, sizeof(name), "BTCUSDT/%s", homes[i].kept);
                        else
                                snprintf(name, sizeof(name), "BTCUSDT/%s/OHLCV",
                                    form == 0 ? interval_name((enum interval)i) : homes[i].asked);
                        expect_rows(name, NULL, NULL, 0, false, 5 + i, start, last);
                        struct reply reply = ask(name, NULL, NULL, 2, false);
                        snprintf(key, sizeof(key), "%s" SUFFIX, name);
                        expect_key(&reply, key, 0, 2);
                        reply_release(&reply);
                }
        }
}

static void a_start_within_a_bar_finds_it(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1W, true, "2024-01-01", "2024-03-01");
        expect_rows("BTCUSDT/1w/OHLCV", "2024-01-17T12:00", "2024-01-22", 0, false, 2, "2024-01-15", "2024-01-22");
        // By the name that a stock server knows, the start is floored to a day, as there.
        expect_rows("BTCUSDT/1D/OHLCV_1W", "2024-01-17T12:00", "2024-01-22", 0, false, 1, "2024-01-22", "2024-01-22");
}

static void several_symbols_stand_in_one_answer(void **state)
{
        (void)state;
        fill("AUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        fill("BUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:20");
        struct reply reply = ask("BUSDT,NONE,AUSDT,BUSDT/1m/OHLCV", NULL, NULL, 12, false);
        assert_int_equal(rows_of(&reply, 0), 22);
        expect_key(&reply, "BUSDT/1m/OHLCV" SUFFIX, 0, 12);
        expect_key(&reply, "AUSDT/1m/OHLCV" SUFFIX, 12, 10);
        assert_int_equal(integer_at(&reply, "Trades", 0), 108);
        assert_int_equal(integer_at(&reply, "Trades", 12), 100);
        reply_release(&reply);
        reply = ask("*/1Min/OHLCV", NULL, NULL, 1, false);
        expect_key(&reply, "AUSDT/1Min/OHLCV" SUFFIX, 0, 1);
        expect_key(&reply, "BUSDT/1Min/OHLCV" SUFFIX, 1, 1);
        reply_release(&reply);
}

static void several_queries_are_answered_in_their_order(void **state)
{
        struct ask asks[] = {{.destination = "AUSDT/1m/OHLCV", .start = -1, .end = -1, .limit = 3},
            {.destination = "AUSDT/1m/OHLCV", .start = second("2025-01-01"), .end = -1},
            {.destination = "1Min/AUSDT/OHLCV", .category = "Timeframe/Symbol/AttributeGroup", .start = -1, .end = -1}};

        (void)state;
        fill("AUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        struct reply reply = query(root, asks, 3);
        assert_int_equal(rows_of(&reply, 0), 3);
        assert_int_equal(rows_of(&reply, 1), 0);
        assert_int_equal(rows_of(&reply, 2), 10);
        uint32_t bytes = 1;
        assert_non_null(column(&reply, 1, "Open", &bytes)); // empty, not nil
        assert_int_equal(bytes, 0);
        reply_release(&reply);
        asks[1].destination = "NONE/1m/OHLCV"; // one that does not exist fails the call, as it does with a stock server
        reply = query(root, asks, 3);
        assert_null(reply.result);
        assert_string_equal(reply.error, "no files returned from query parse");
        reply_release(&reply);
        reply = query(root, asks, 0);
        assert_int_equal(member(reply.result, "responses")->type, MSGPACK_OBJECT_NIL);
        reply_release(&reply);
}

static void expect_columns(const char *columns, const char *const *names, uint32_t count)
{
        struct ask one = {.destination = "BTCUSDT/1m/OHLCV", .start = -1, .end = -1, .columns = columns};
        struct reply reply = query(root, &one, 1);
        const msgpack_object *got = member(dataset(&reply, 0), "names");

        assert_int_equal(got->via.array.size, count);
        for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(got->via.array.ptr[i].via.str.size, strlen(names[i]));
                assert_memory_equal(got->via.array.ptr[i].via.str.ptr, names[i], strlen(names[i]));
        }
        assert_int_equal(member(dataset(&reply, 0), "data")->via.array.size, count);
        reply_release(&reply);
}

static void columns_are_chosen_and_epoch_comes_first(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        expect_columns("Close", (const char *const[]){"Epoch", "Close"}, 2);
        expect_columns("Volume,Nonsense,Open", (const char *const[]){"Epoch", "Volume", "Open"}, 3);
        expect_columns("Epoch,Open,Open", (const char *const[]){"Epoch", "Open"}, 2);
        expect_columns("Nonsense", (const char *const[]){"Epoch"}, 1);
        expect_columns(NULL,
            (const char *const[]){"Epoch", "Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades",
                "TakerBuyBase", "TakerBuyQuote"},
            10);
}

static void different_columns_do_not_stand_in_one_answer(void **state)
{
        struct ask one = {.destination = "AUSDT,BUSDT/1m/OHLCV", .start = -1, .end = -1, .columns = "Open,Close"};

        (void)state;
        fill("AUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        fill("BUSDT", INTERVAL_1M, false, "2024-03-01", "2024-03-01T00:20");
        expect_refusal("AUSDT,BUSDT/1m/OHLCV", "symbols in a query must have the same data type");
        struct reply reply = query(root, &one, 1); // by common columns they do
        assert_int_equal(rows_of(&reply, 0), 30);
        reply_release(&reply);
}

// ---- ticks ----

// Four a second.
static void fill_trades(const char *start, int64_t first, int64_t count)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        for (int64_t i = 0; i < count; i++)
                add_trade(rows, first + i, at(start) + 250000 * i);
        store_rows(root, "BTCUSDT", rows);
        tick_rows_free(rows);
}

static void ticks_have_their_nanoseconds_last(void **state)
{
        struct ask one = {.destination = "BTCUSDT/1s/TRADE",
            .start = second("2024-03-01T00:10"),
            .end = second("2024-03-01T00:10:02"),
            .columns = "TradeId"};

        (void)state;
        fill_trades("2024-03-01", 0, 14400);
        struct reply reply = query(root, &one, 1);
        assert_int_equal(rows_of(&reply, 0), 9); // the end is inclusive, to the nanosecond
        for (int64_t i = 0; i < 9; i++) {
                uint32_t bytes;
                int32_t nanoseconds;

                assert_int_equal(integer_at(&reply, "Epoch", i), second("2024-03-01T00:10") + i / 4);
                assert_int_equal(integer_at(&reply, "TradeId", i), 2400 + i);
                memcpy(&nanoseconds, column(&reply, 0, "Nanoseconds", &bytes) + 4 * i, 4);
                assert_int_equal(nanoseconds, 250000000 * (i % 4));
        }
        reply_release(&reply);
        // Many turns from either end, and as many again for counting back.
        unsigned turns[2];
        for (int from_start = 0; from_start < 2; from_start++) {
                reply = ask("BTCUSDT/1Sec/TRADE", NULL, NULL, 10001, from_start != 0);
                assert_int_equal(rows_of(&reply, 0), 10001);
                turns[from_start] = reply.flat.turns;
                for (int64_t i = 0; i < 10001; i++)
                        assert_int_equal(integer_at(&reply, "TradeId", i), (from_start ? 0 : 14400 - 10001) + i);
                reply_release(&reply);
        }
        assert_true(turns[1] > 3);
        assert_true(turns[0] >= 2 * turns[1] - 1);
        reply = ask("BTCUSDT/1Sec/TRADE", NULL, NULL, 0, false);
        assert_int_equal(rows_of(&reply, 0), 14400);
        reply_release(&reply);
}

// ---- on the pool's threads ----

struct asked {
        struct pool_job job;
        struct ask ask;
        struct reply reply;
};

static void ask_in_thread(struct pool_job *job)
{
        struct asked *asked = (struct asked *)job;

        assert_true(pool_is_here());
        asked->reply = query(root, &asked->ask, 1);
}

static struct pool_job *wait_for_job(void)
{
        struct pollfd back = {.fd = pool_fd(), .events = POLLIN};

        assert_int_equal(poll(&back, 1, 60000), 1);
        return pool_take();
}

// Several times at once, as clients do.
static void expect_the_same_of_threads(const char *destination, const char *start, const char *end)
{
        enum { TIMES = 4 };
        struct reply alone = ask(destination, start, end, 0, false);
        struct asked asked[TIMES] = {0};

        for (int i = 0; i < TIMES; i++) {
                asked[i].job.run = ask_in_thread;
                asked[i].ask = (struct ask){.destination = destination,
                    .start = start != NULL ? second(start) : -1,
                    .end = end != NULL ? second(end) : -1};
                pool_give(&asked[i].job);
        }
        for (int i = 0; i < TIMES; i++) {
                struct reply *reply = &((struct asked *)wait_for_job())->reply;

                assert_int_equal(reply->flat.length, alone.flat.length);
                assert_memory_equal(reply->flat.bytes, alone.flat.bytes, alone.flat.length);
                reply_release(reply);
        }
        reply_release(&alone);
}

static void threads_read_what_one_reads(void **state)
{
        static const struct ask_of {
                const char *destination, *start, *end;
        } asked[] = {
            {"BTCUSDT/1Min/OHLCV", NULL, NULL},
            {"BTCUSDT/1Min/OHLCV", "2023-12-15T10:20:30", "2024-02-20T01:02"},
            {"BTCUSDT/1Min/OHLCV", "2023-12-31T23:59", "2024-01-01"},
            {"BTCUSDT/1Min/OHLCV", "2024-01-20", "2024-01-10"},
            {"BTCUSDT/1Min/OHLCV", "2030-01-01", NULL},
            {"BTCUSDT/3m/OHLCV", "2023-11-30T23:01", NULL},
            {"BTCUSDT/1D/OHLCV", "2023-12-31", "2024-01-01"},
            {"BTCUSDT/1w/OHLCV", "2023-11-20T10:00", NULL},
            {"BTCUSDT,ETHUSDT/1Min/OHLCV", NULL, NULL},
            {"BTCUSDT/1Sec/TRADE", NULL, NULL},
            {"BTCUSDT/1Sec/TRADE", "2023-12-31T23:50", "2024-01-01T00:20"},
            {"BTCUSDT/1Sec/TRADE", "2024-01-01T03:00", NULL},
        };

        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2023-12-01", "2024-01-15"); // more than one part in each year
        fill("BTCUSDT", INTERVAL_1M, true, "2024-02-01T00:07", "2024-03-02");
        fill("ETHUSDT", INTERVAL_1M, true, "2024-01-01", "2024-01-02");
        fill("BTCUSDT", INTERVAL_3M, true, "2023-12-01", "2024-01-15");
        fill("BTCUSDT", INTERVAL_1D, true, "2023-11-01", "2024-01-15");
        fill("BTCUSDT", INTERVAL_1W, true, "2023-11-06", "2024-01-15");
        fill_trades("2023-12-31T23:30", 0, 4 * 1800);
        fill_trades("2024-01-01", 4 * 1800, 14400);
        pool_open(3);
        for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
                expect_the_same_of_threads(asked[i].destination, asked[i].start, asked[i].end);
        pool_close();
}

// ---- refusals ----

static void what_cannot_be_answered_is_refused(void **state)
{
        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        expect_refusal("ETHUSDT/1Min/OHLCV", "no files returned from query parse");
        expect_refusal("BTCUSDT/5Min/OHLCV", "no files returned from query parse");
        expect_refusal("BTCUSDT/1Min/TRADE", "no files returned from query parse");
        expect_refusal("../1Min/OHLCV", "no files returned from query parse");
        expect_refusal("BTCUSDT/1Min", "2 parts");
        expect_refusal("BTCUSDT", "1 part");
        expect_refusal("", "1 part");
        expect_refusal("a/b/c/d", "4 parts");
        expect_refusal("//", "is empty");
        expect_refusal("/1Min/OHLCV", "is empty");
        expect_refusal("BTCUSDT/7Min/OHLCV", "timeframe not found");
        expect_refusal("BTCUSDT/1Min,5Min/OHLCV", "one timeframe");
        expect_refusal("BTCUSDT/1Min/OHLCV::", "key category");
        expect_refusal("BTCUSDT/1Min/OHLCV:Symbol/Symbol/Timeframe", "key category");
        struct reply reply = ask("BTCUSDT/1m/OHLCV", NULL, NULL, -1, false);
        assert_non_null(strstr(reply.error, "limit_record_count is -1"));
        reply_release(&reply);
}

static void a_file_that_is_none_is_named(void **state)
{
        char path[128];

        (void)state;
        fill("BTCUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Min/OHLCV/2024.bin", root);
        assert_int_equal(truncate(path, 100), 0);
        expect_refusal("BTCUSDT/1m/OHLCV", "BTCUSDT/1Min/OHLCV");
        assert_int_equal(truncate(path, YEARFILE_HEADER_BYTES + 1000), 0);
        expect_refusal("BTCUSDT/1m/OHLCV", "BTCUSDT/1Min/OHLCV");
}

static struct reply call(const char *method, const char *name, const char *text)
{
        struct request_writer writer;

        begin_call(&writer, method);
        msgpack_pack_map(&writer.packer, name != NULL);
        if (name != NULL) {
                put_text(&writer, name);
                put_text(&writer, text);
        }
        return end_call(&writer, root);
}

static void nobody_but_the_feeder_writes(void **state)
{
        static const char *const methods[] = {"DataService.Write", "DataService.Create", "DataService.Destroy"};

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct reply reply = call(methods[i], NULL, NULL);
                assert_non_null(strstr(reply.error, "single writer"));
                reply_release(&reply);
        }
        struct reply reply = call("DataService.Nothing", NULL, NULL);
        assert_non_null(strstr(reply.error, "there is no method DataService.Nothing"));
        reply_release(&reply);
}

// ---- ListSymbols, GetInfo ----

static void expect_list(const char *format, const char *const *names, uint32_t count)
{
        struct reply reply = call("DataService.ListSymbols", format != NULL ? "format" : NULL, format);
        const msgpack_object *results = member(reply.result, "Results");

        assert_non_null(results);
        assert_int_equal(results->via.array.size, count);
        for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(results->via.array.ptr[i].via.str.size, strlen(names[i]));
                assert_memory_equal(results->via.array.ptr[i].via.str.ptr, names[i], strlen(names[i]));
        }
        reply_release(&reply);
}

static void symbols_and_buckets_are_listed_as_they_lie(void **state)
{
        char path[128];

        (void)state;
        expect_list(NULL, NULL, 0);
        fill("BTCUSDT", INTERVAL_4H, true, "2024-03-01", "2024-03-02");
        fill("BTCUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        fill("AUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        snprintf(path, sizeof(path), "%s/lost+found", root);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/nothing", root);
        assert_int_equal(mkdir(path, 0700), 0);
        expect_list(NULL, (const char *const[]){"AUSDT", "BTCUSDT"}, 2);
        expect_list("symbol", (const char *const[]){"AUSDT", "BTCUSDT"}, 2);
        expect_list("tbk", (const char *const[]){"AUSDT/1Min/OHLCV", "BTCUSDT/1Min/OHLCV", "BTCUSDT/2H/OHLCV_4H"}, 3);
}

static void a_buckets_columns_are_told(void **state)
{
        struct request_writer writer;

        (void)state;
        fill("BTCUSDT", INTERVAL_4H, false, "2024-03-01", "2024-03-02");
        begin_call(&writer, "DataService.GetInfo");
        msgpack_pack_map(&writer.packer, 1);
        put_text(&writer, "requests");
        msgpack_pack_array(&writer.packer, 2);
        for (int i = 0; i < 2; i++) {
                msgpack_pack_map(&writer.packer, 1);
                put_text(&writer, "key");
                put_text(&writer, i == 0 ? "BTCUSDT/2H/OHLCV_4H:Symbol/Timeframe/AttributeGroup" : "NONE/1Min/OHLCV");
        }
        struct reply reply = end_call(&writer, root);
        const msgpack_object *responses = member(reply.result, "responses");
        assert_int_equal(responses->via.array.size, 2);
        const msgpack_object *first = &responses->via.array.ptr[0];
        assert_int_equal(member(first, "LatestYear")->via.i64, 2024);
        assert_int_equal(member(first, "TimeFrame")->via.i64, INT64_C(7200000000000));
        assert_int_equal(member(first, "RecordType")->via.i64, 0);
        assert_int_equal(member(first, "DSV")->via.array.size, 6);
        assert_int_equal(member(&member(first, "DSV")->via.array.ptr[0], "Type")->via.i64, COLUMN_I8);
        assert_int_equal(member(&member(first, "DSV")->via.array.ptr[5], "Type")->via.i64, COLUMN_F8);
        const msgpack_object *error = member(member(&responses->via.array.ptr[1], "ServerResp"), "error");
        assert_true(error->via.str.size > 0);
        reply_release(&reply);
}

// ---- requests that are none ----

static struct flat call_file(const char *name)
{
        static uint8_t bytes[1 << 20];
        char path[512];

        snprintf(path, sizeof(path), CORPUS "/%s", name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t length = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        return call_bytes(root, bytes, length);
}

// Files named good-* are answered, refuse-* refused with a message, and every one gets an answer.
static void the_corpus_is_answered_as_its_names_say(void **state)
{
        DIR *directory = opendir(CORPUS);
        size_t count = 0;

        (void)state;
        assert_non_null(directory);
        fill("BTCUSDT", INTERVAL_1M, true, "2024-03-01", "2024-03-01T00:10");
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
                struct reply reply = {0};

                if (entry->d_name[0] == '.')
                        continue;
                reply.flat = call_file(entry->d_name);
                reply_unpack(&reply);
                bool good = strncmp(entry->d_name, "good-", 5) == 0;
                if (good && reply.result == NULL)
                        fail_msg("%s is refused: %s", entry->d_name, reply.error);
                if (strncmp(entry->d_name, "refuse-", 7) == 0 && (reply.error[0] == '\0' || reply.result != NULL))
                        fail_msg("%s is not refused", entry->d_name);
                assert_int_equal(reply.flat.status, 200);
                reply_release(&reply);
                count++;
        }
        closedir(directory);
        assert_true(count >= 20);
}

static void another_content_type_is_refused(void **state)
{
        static const char *const types[] = {NULL, "application/json", "text/plain", "application/x-msgpackage"};
        struct request request = {.body = (const uint8_t *)"", .body_length = 0};

        (void)state;
        for (size_t i = 0; i < 4; i++) {
                request.content_type = types[i];
                struct flat flat = finish_work(rpc_begin(root, &request));
                assert_int_equal(flat.status, 415);
                free(flat.bytes);
        }
        request.content_type = "Application/X-Msgpack; charset=utf-8";
        struct flat flat = finish_work(rpc_begin(root, &request));
        assert_int_equal(flat.status, 200);
        free(flat.bytes);
}

#define QUERY_TEST(test) cmocka_unit_test_setup_teardown(test, make_root, leave_root)

int main(void)
{
        const struct CMUnitTest tests[] = {
            QUERY_TEST(the_stock_servers_answer_is_given_byte_for_byte),
            QUERY_TEST(ends_are_inclusive_and_starts_are_floored),
            QUERY_TEST(limits_count_from_the_end_unless_told_otherwise),
            QUERY_TEST(a_large_answer_takes_several_turns_and_is_whole),
            QUERY_TEST(new_years_day_is_found_from_every_side),
            QUERY_TEST(each_interval_is_answered_as_asked),
            QUERY_TEST(a_start_within_a_bar_finds_it),
            QUERY_TEST(several_symbols_stand_in_one_answer),
            QUERY_TEST(several_queries_are_answered_in_their_order),
            QUERY_TEST(columns_are_chosen_and_epoch_comes_first),
            QUERY_TEST(different_columns_do_not_stand_in_one_answer),
            QUERY_TEST(ticks_have_their_nanoseconds_last),
            QUERY_TEST(threads_read_what_one_reads),
            QUERY_TEST(what_cannot_be_answered_is_refused),
            QUERY_TEST(a_file_that_is_none_is_named),
            QUERY_TEST(nobody_but_the_feeder_writes),
            QUERY_TEST(symbols_and_buckets_are_listed_as_they_lie),
            QUERY_TEST(a_buckets_columns_are_told),
            QUERY_TEST(the_corpus_is_answered_as_its_names_say),
            QUERY_TEST(another_content_type_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
