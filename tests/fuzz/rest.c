// SPDX-License-Identifier: Apache-2.0
// LINK: workers/backfill/page.c
// LINK: workers/backfill/tickpage.c -lcjson
// CORPUS: klines trades aggtrades catalog errors
// Bytes from outside as the body of a REST answer, given to every parser that reads one: none steps beyond the body or
// keeps memory, and what the tokenizers of our own accept, a JSON library accepts too.
#include "common/answer.h"
#include "common/catalog.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/symbol.h"
#include "tests/fuzz/corpus.h"
#include "workers/backfill/page.h"
#include "workers/backfill/tickpage.h"

#include <string.h>

// The library also refuses halves of surrogate pairs; a text with such escapes proves nothing.
static bool may_be_json(const char *body, size_t length)
{
        char why[REASON_SIZE];
        cJSON *json = json_parse(body, length, why);

        cJSON_Delete(json);
        return json != NULL || memmem(body, length, "\\u", 2) != NULL;
}

static bool is_said(const char why[REASON_SIZE])
{
        return why[0] != '\0' && memchr(why, '\0', REASON_SIZE) != NULL;
}

static void read_klines(const char *body, size_t length, bool json)
{
        static struct kline rows[REST_PAGE_ROWS_MAX];
        char why[REASON_SIZE] = "";
        size_t count;

        if (page_parse(body, length, rows, REST_PAGE_ROWS_MAX, &count, why) == 0)
                REQUIRE(json && count <= REST_PAGE_ROWS_MAX);
        else
                REQUIRE(is_said(why));
}

static void read_ticks(const char *body, size_t length, bool json, enum tick_kind kind)
{
        static struct tickpage page;
        char why[REASON_SIZE] = "";

        if (tickpage_parse(body, length, kind, REST_PAGE_ROWS_MAX, &page, why) != 0) {
                REQUIRE(is_said(why));
                return;
        }
        REQUIRE(json && page.count <= page.received && page.received <= REST_PAGE_ROWS_MAX);
        for (size_t row = 1; row < page.count; row++)
                REQUIRE(page.ids[row] > page.ids[row - 1]);
}

static void read_catalog(const char *body, size_t length)
{
        struct catalog catalog;
        char why[REASON_SIZE] = "";

        if (catalog_parse(body, length, &catalog, why) != 0) {
                REQUIRE(is_said(why) && catalog.symbols == NULL);
                return;
        }
        for (size_t i = 0; i < catalog.count; i++)
                REQUIRE(symbol_is_valid(catalog.symbols[i].symbol));
        catalog_free(&catalog);
}

// The same body under each status that has a rule of its own.
static void judge(const char *body, size_t length)
{
        static const int statuses[] = {200, 400, 403, 404, 418, 429, 451, 500, 503, 999};

        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
                struct answer_input input = {.status = statuses[i],
                    .body = body,
                    .length = length,
                    .retry_after_s = i % 2 == 0 ? -1 : 7,
                    .now_ms = INT64_C(1710000000000)};
                struct answer answer;

                answer_judge(&input, &answer);
                REQUIRE(answer.verdict == ANSWER_OK || is_said(answer.text));
                REQUIRE(
                    answer.verdict != ANSWER_BAN || (answer.ban_seconds >= 1 && answer.ban_seconds <= BAN_SECONDS_MAX));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        const char *body = (const char *)bytes;
        bool json = may_be_json(body, length);

        read_klines(body, length, json);
        read_ticks(body, length, json, TICK_TRADE);
        read_ticks(body, length, json, TICK_AGG_TRADE);
        read_catalog(body, length);
        judge(body, length);
        return 0;
}
