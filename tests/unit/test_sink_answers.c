// SPDX-License-Identifier: Apache-2.0
// What the sink believes, reads again and gives up, with a server in the place of common/storehttp.c that acknowledges
// everything, has the rows that a test says, and gives no answer where a test says so.
// LINK: workers/writer/sink.c workers/writer/sinkmatch.c workers/writer/sinkparcel.c workers/writer/sinkread.c
// LINK: workers/writer/sinkrule.c workers/writer/sinkwrite.c
// LINK: -lmsgpackc
#include "common/clock.h"
#include "common/memory.h"
#include "common/msgpackmap.h"
#include "common/storehttp.h"
#include "workers/writer/sink.h"
#include "workers/writer/sinkrule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1709640000)
#define ROW_BYTES (8 + 8 + 4) // Epoch, TradeId, Nanoseconds
#define OTHER "ETHUSDT/1Sec/TRADE"
#define DENSE "BTCUSDT/1Sec/TRADE"

// ---- the server ----

static struct {
        int64_t first_s, last_s; // it has a row of each of these seconds; none where the last is before the first
        int seconds_min;         // a query of fewer seconds of DENSE is a panic
        int writes_dropped;      // so many writes of DENSE get no answer
        int queries_refused;     // so many queries are answered by an error
        int writes, queries, drops;
        uint64_t connection;
        msgpack_sbuffer answer;
} server;

struct storehttp {
        int unused;
};

struct storehttp *storehttp_new(const char *url)
{
        (void)url;
        return memory_zeroed(1, sizeof(struct storehttp));
}

void storehttp_free(struct storehttp *http)
{
        free(http);
}

static void put_text(msgpack_packer *packer, const char *text)
{
        msgpack_pack_str(packer, strlen(text));
        msgpack_pack_str_body(packer, text, strlen(text));
}

static int64_t number_of(const msgpack_object *request, const char *name)
{
        const msgpack_object *number = msgpack_map_find(request, name);

        return number == NULL ? 0 : number->via.i64;
}

static void put_cells(msgpack_packer *packer, int64_t first_s, int64_t count, size_t bytes)
{
        uint8_t cells[8 * 64];

        assert_true(count <= 64);
        for (int64_t i = 0; i < count; i++) {
                int64_t value = bytes == 8 ? first_s + i : 0;
                memcpy(cells + (size_t)i * bytes, &value, bytes);
        }
        msgpack_pack_bin(packer, (size_t)count * bytes);
        msgpack_pack_bin_body(packer, cells, (size_t)count * bytes);
}

static void put_rows(msgpack_packer *packer, int64_t first_s, int64_t count)
{
        static const char *const names[] = {"Epoch", "TradeId", "Nanoseconds"}, *const types[] = {"i8", "i8", "i4"};

        put_text(packer, "responses");
        msgpack_pack_array(packer, 1);
        msgpack_pack_map(packer, 1);
        put_text(packer, "result");
        msgpack_pack_map(packer, 4);
        put_text(packer, "length");
        msgpack_pack_int64(packer, count);
        put_text(packer, "names");
        msgpack_pack_array(packer, 3);
        for (int i = 0; i < 3; i++)
                put_text(packer, names[i]);
        put_text(packer, "types");
        msgpack_pack_array(packer, 3);
        for (int i = 0; i < 3; i++)
                put_text(packer, types[i]);
        put_text(packer, "data");
        msgpack_pack_array(packer, 3);
        put_cells(packer, first_s, count, 8);
        put_cells(packer, first_s, count, 8); // a trade's id is its second
        put_cells(packer, first_s, count, 4);
}

// False: a panic.
static bool query(msgpack_packer *packer, const msgpack_object *request)
{
        int64_t start_s = number_of(request, "epoch_start"), end_s = number_of(request, "epoch_end");
        int64_t limit = number_of(request, "limit_record_count");
        const msgpack_object *key = msgpack_map_find(request, "destination");

        server.queries++;
        start_s = start_s > server.first_s ? start_s : server.first_s;
        end_s = end_s < server.last_s ? end_s : server.last_s;
        int64_t count = end_s >= start_s ? end_s - start_s + 1 : 0;
        if (limit > 0 && count > limit) { // the last ones: nobody asks for others here
                start_s = end_s - limit + 1;
                count = limit;
        }
        if (count < server.seconds_min && memcmp(key->via.str.ptr, DENSE, strlen(DENSE)) == 0)
                return false;
        put_rows(packer, start_s, count);
        return true;
}

static bool respond(const msgpack_object *call, msgpack_packer *packer, const char *body, size_t length)
{
        const msgpack_object *method = msgpack_map_find(call, "method"), *params = msgpack_map_find(call, "params");

        msgpack_pack_map(packer, 1);
        if (server.queries_refused > 0 && strncmp(method->via.str.ptr, "DataService.Query", 17) == 0) {
                server.queries_refused--;
                put_text(packer, "error");
                msgpack_pack_map(packer, 1);
                put_text(packer, "message");
                put_text(packer, "snappy: corrupt input");
                return true;
        }
        put_text(packer, "result");
        msgpack_pack_map(packer, 1);
        if (strncmp(method->via.str.ptr, "DataService.List", 16) == 0) {
                put_text(packer, "Results");
                msgpack_pack_array(packer, 0);
                return true;
        }
        if (strncmp(method->via.str.ptr, "DataService.Query", 17) == 0)
                return query(packer, msgpack_map_find(params, "requests")->via.array.ptr);
        server.writes++;
        put_text(packer, "responses");
        msgpack_pack_nil(packer);
        return server.writes_dropped == 0 || memmem(body, length, DENSE, strlen(DENSE)) == NULL ||
               server.writes_dropped-- == 0;
}

int storehttp_post(
    struct storehttp *http, const void *body, size_t length, struct storehttp_answer *answer, char why[REASON_SIZE])
{
        msgpack_unpacked call;
        msgpack_packer packer;
        size_t at = 0;

        (void)http;
        msgpack_unpacked_init(&call);
        assert_int_equal(msgpack_unpack_next(&call, body, length, &at), MSGPACK_UNPACK_SUCCESS);
        msgpack_sbuffer_clear(&server.answer);
        msgpack_packer_init(&packer, &server.answer, msgpack_sbuffer_write);
        bool answered = respond(&call.data, &packer, body, length);
        msgpack_unpacked_destroy(&call);
        *answer = (struct storehttp_answer){server.answer.data, server.answer.size, server.connection};
        if (answered)
                return 0;
        server.drops++;
        server.connection++;
        (void)snprintf(why, REASON_SIZE, "it closed the connection");
        errno = EPROTO;
        return -1;
}

// ---- the sink ----

static struct {
        size_t refused, not_kept;
        bool away;
} told;

static void on_blocks(void *context, int64_t ms)
{
        (void)context;
        (void)ms;
}

static void on_away(void *context, const char *why)
{
        (void)context;
        told.away = told.away || why != NULL;
}

static void on_renewed(void *context)
{
        (void)context;
}

static void on_lost(void *context, void *owner, enum sink_loss loss, const struct sink_shape *shape,
    const uint8_t *rows, size_t count, const char *why)
{
        (void)context;
        (void)owner;
        (void)shape;
        (void)rows;
        (void)why;
        if (loss == SINK_REFUSED)
                told.refused += count;
        else
                told.not_kept += count;
}

static struct sink *begin(struct sink_shape *shape)
{
        static const char *const names[3] = {"TradeId"};
        const struct yearfile_schema schema = {
            .timeframe_ns = 1000000000, .record_type = 1, .columns_count = 1, .columns = {{"TradeId", COLUMN_I8}}};
        const struct sink_events events = {on_blocks, on_away, on_renewed, NULL};

        memset(&server, 0, sizeof(server));
        memset(&told, 0, sizeof(told));
        server.connection = 1;
        server.last_s = -1;
        msgpack_sbuffer_init(&server.answer);
        sinkmatch_shape_make(&schema, names, shape);
        assert_int_equal(shape->layout.row_bytes, ROW_BYTES);
        struct sink *sink = sink_new("http://127.0.0.1:1", &events);
        assert_non_null(sink);
        return sink;
}

static void end(struct sink *sink)
{
        sink_free(sink);
        msgpack_sbuffer_destroy(&server.answer);
}

static void put(struct sink_target *target, int64_t second)
{
        uint8_t row[ROW_BYTES] = {0};

        memcpy(row, &second, sizeof(second));
        memcpy(row + 8, &second, sizeof(second));
        assert_int_equal(sink_put(target, row, 1), 0);
}

// ---- statements ----

static void a_look_that_does_not_show_a_row_is_no_proof_of_it(void **state)
{
        struct sink_shape shape;
        struct sink *sink = begin(&shape);
        struct sink_target *target = sink_target_new(sink, DENSE, &shape, on_lost, NULL);
        mono_time sent;

        (void)state;
        put(target, SECOND);
        assert_int_equal(sink_send(target), 0);
        sent = mono_now();
        // So that the look back, on the same connection, begins late enough to prove what was written before.
        while (mono_since_ms(mono_now(), sent) <= SINK_SETTLE_MS)
                (void)usleep(10000);
        assert_int_equal(sink_confirm(sink), 0);
        assert_int_equal(server.writes, 1);
        assert_int_equal(told.not_kept, 1);
        assert_int_equal(sink_rows_kept(sink), 0);
        end(sink);
}

static void rows_at_which_a_query_panics_are_read_with_more_around_them(void **state)
{
        struct sink_shape shape;
        struct sink *sink = begin(&shape);
        const struct storerpc_range range = {.start_s = SECOND + 10, .end_s = SECOND + 11},
                                    last = {.end_s = SECOND + 1000, .limit = 1, .limit_from_end = true};
        uint8_t *rows;
        size_t count;
        char why[REASON_SIZE];

        (void)state;
        (void)sink_target_new(sink, DENSE, &shape, on_lost, NULL);
        server.first_s = SECOND;
        server.last_s = SECOND + 30;
        server.seconds_min = 4;
        assert_int_equal(sink_read(sink, DENSE, &shape.look, shape.look.count, &range, &rows, &count, why), 0);
        assert_int_equal(server.drops, 1);
        assert_int_equal(count, 2);
        assert_int_equal(storerpc_row_epoch_s(rows), SECOND + 10);
        assert_int_equal(storerpc_row_epoch_s(rows + ROW_BYTES), SECOND + 11);
        free(rows);
        // It is asked so from the beginning now.
        assert_int_equal(sink_read(sink, DENSE, &shape.look, shape.look.count, &range, &rows, &count, why), 0);
        assert_int_equal(server.drops, 1);
        free(rows);
        server.seconds_min = 20;
        assert_int_equal(sink_read(sink, DENSE, &shape.look, shape.look.count, &last, &rows, &count, why), 0);
        assert_int_equal(count, 1);
        assert_int_equal(storerpc_row_epoch_s(rows), SECOND + 30);
        free(rows);
        assert_false(told.away);
        end(sink);
}

static void a_query_that_is_refused_for_a_moment_is_asked_again(void **state)
{
        struct sink_shape shape;
        struct sink *sink = begin(&shape);
        const struct storerpc_range range = {.start_s = SECOND, .end_s = SECOND + 1};
        uint8_t *rows;
        size_t count;
        char why[REASON_SIZE];

        (void)state;
        (void)sink_target_new(sink, DENSE, &shape, on_lost, NULL);
        server.first_s = SECOND;
        server.last_s = SECOND + 1;
        server.queries_refused = 2;
        assert_int_equal(sink_read(sink, DENSE, &shape.look, shape.look.count, &range, &rows, &count, why), 0);
        assert_int_equal(count, 2);
        free(rows);
        server.queries_refused = 100;
        assert_int_equal(sink_read(sink, DENSE, &shape.look, shape.look.count, &range, &rows, &count, why), 2);
        assert_int_equal(server.queries_refused, 95);
        assert_string_equal(why, "snappy: corrupt input");
        assert_false(told.away);
        end(sink);
}

static void rows_that_no_query_brings_are_refused_and_others_go_on(void **state)
{
        struct sink_shape shape;
        struct sink *sink = begin(&shape);
        struct sink_target *dense = sink_target_new(sink, DENSE, &shape, on_lost, NULL);
        struct sink_target *other = sink_target_new(sink, OTHER, &shape, on_lost, NULL);

        (void)state;
        server.first_s = server.last_s = SECOND;
        server.seconds_min = 2;
        put(dense, SECOND);
        put(other, SECOND);
        assert_int_equal(sink_confirm(sink), 0);
        assert_int_equal(told.refused, 1);
        assert_int_equal(told.not_kept, 0);
        assert_int_equal(server.drops, 5);
        assert_int_equal(sink_rows_kept(sink), 0);
        assert_false(told.away);
        end(sink);
}

static void rows_whose_writes_get_no_answer_are_refused_and_others_go_on(void **state)
{
        struct sink_shape shape;
        struct sink *sink = begin(&shape);
        struct sink_target *dense = sink_target_new(sink, DENSE, &shape, on_lost, NULL);
        struct sink_target *other = sink_target_new(sink, OTHER, &shape, on_lost, NULL);

        (void)state;
        server.first_s = server.last_s = SECOND;
        server.writes_dropped = 100;
        put(dense, SECOND + 1);
        put(other, SECOND);
        assert_int_equal(sink_confirm(sink), 0);
        assert_int_equal(told.refused, 1);
        assert_int_equal(server.drops, 6); // together with the other bucket's, then five by itself
        assert_int_equal(sink_rows_kept(sink), 0);
        assert_false(told.away);
        end(sink);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_look_that_does_not_show_a_row_is_no_proof_of_it),
            cmocka_unit_test(rows_at_which_a_query_panics_are_read_with_more_around_them),
            cmocka_unit_test(a_query_that_is_refused_for_a_moment_is_asked_again),
            cmocka_unit_test(rows_that_no_query_brings_are_refused_and_others_go_on),
            cmocka_unit_test(rows_whose_writes_get_no_answer_are_refused_and_others_go_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
