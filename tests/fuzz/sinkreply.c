// SPDX-License-Identifier: Apache-2.0
// LINK: -lmsgpackc
// CORPUS: sinkreply
// Bytes from outside as a MarketStore server's answer, given to every decoder of common/storerpc.h: none steps beyond
// them or keeps memory, rows come only with a verdict that it is fine, and every other verdict is said in words.
#include "common/log.h"
#include "common/storerpc.h"
#include "common/tickbucket.h"
#include "tests/fuzz/corpus.h"

#include <string.h>

static bool is_said(enum storerpc_verdict verdict, const char why[REASON_SIZE])
{
        return memchr(why, '\0', REASON_SIZE) != NULL && (verdict != STORERPC_GARBLED || why[0] != '\0');
}

static void read_rows(const uint8_t *bytes, size_t length, const struct yearfile_schema *schema, bool all)
{
        struct storerpc_layout layout;
        char why[REASON_SIZE] = "";
        uint8_t *rows;
        size_t count;

        storerpc_layout_make(schema, &layout);
        enum storerpc_verdict verdict =
            storerpc_decode_query(bytes, length, &layout, all ? layout.count : 2, &rows, &count, why);
        REQUIRE(is_said(verdict, why));
        REQUIRE(verdict == STORERPC_FINE ? (rows != NULL) == (count > 0) : rows == NULL && count == 0);
        for (size_t i = 0; all && i < count; i++) {
                (void)storerpc_row_epoch_s(rows + i * layout.row_bytes);
                (void)storerpc_row_nanos(&layout, rows + i * layout.row_bytes);
        }
        free(rows);
}

static void take_name(void *context, const char *name)
{
        size_t *names = context;

        REQUIRE(strlen(name) < STORERPC_KEY_SIZE);
        (*names)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        struct yearfile_schema schema;
        char why[REASON_SIZE] = "";
        size_t buckets = 0, names = 0;

        REQUIRE(is_said(storerpc_decode_write(bytes, length, why), why));
        why[0] = '\0';
        enum storerpc_verdict verdict = storerpc_decode_info(bytes, length, &schema, why);
        REQUIRE(is_said(verdict, why));
        REQUIRE(verdict != STORERPC_FINE || schema.columns_count <= YEARFILE_COLUMNS_MAX);
        why[0] = '\0';
        REQUIRE(is_said(storerpc_decode_list(bytes, length, take_name, &names, &buckets, why), why));
        REQUIRE(names == buckets);
        yearfile_bar_schema(INTERVAL_1M, false, &schema);
        read_rows(bytes, length, &schema, true);
        read_rows(bytes, length, &schema, false);
        tick_schema(TICK_TRADE, 0, &schema);
        read_rows(bytes, length, &schema, true);
        return 0;
}
