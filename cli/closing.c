// SPDX-License-Identifier: Apache-2.0
#include "cli/closing.h"

#include "cli/table.h"
#include "cli/tally.h"
#include "common/units.h"

#include <string.h>

#define ROWS_SHOWN_MAX 40

struct closing {
        struct table table;
        size_t shown, left_out;
        int64_t rows, settled;
        struct tally total;
};

static const char *explained_text(const struct tally *tally, char text[TALLY_TEXT_SIZE])
{
        // Without its first word: the column says it.
        tally_format_explained(tally, text);
        memmove(text, text + strlen("explained "), strlen(text + strlen("explained ")) + 1);
        return text;
}

static int add_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct closing *closing = context;
        struct tally tally;
        char text[UNITS_TEXT_SIZE], explained[TALLY_TEXT_SIZE];

        if (!bucket->followed)
                return 0;
        tally_take(bucket, &tally);
        tally_add(&closing->total, &tally);
        closing->rows += bucket->rows;
        closing->settled += bucket->settled;
        if (closing->shown == ROWS_SHOWN_MAX) {
                closing->left_out++;
                return 0;
        }
        closing->shown++;
        table_add(&closing->table, bucket->symbol);
        table_add(&closing->table, interval_name(bucket->interval));
        table_add(&closing->table, units_time_us(bucket->first_us, text));
        table_add(&closing->table, units_time_us(bucket->last_us, text));
        table_add(&closing->table, units_count(bucket->rows, text));
        table_add(&closing->table, units_count(tally.missing, text));
        table_add(&closing->table, units_share(bucket->settled, bucket->rows, text));
        table_add(&closing->table, bucket->why[0] != '\0' ? bucket->why : explained_text(&tally, explained));
        return 0;
}

void closing_print(const char *state_directory, FILE *out)
{
        static const char *const heads[] = {
            "<SYMBOL", "<BARS", "<FIRST", "<LAST", ">ROWS", ">MISSING", ">SETTLED", "<EXPLAINED", NULL};
        struct closing closing = {.total = {.known = true}};
        char why[REASON_SIZE], rows[UNITS_TEXT_SIZE], missing[UNITS_TEXT_SIZE], settled[UNITS_TEXT_SIZE];
        struct ledgerview *view = ledgerview_open(state_directory, why);

        if (view == NULL)
                return;
        table_begin(&closing.table, heads);
        int result = ledgerview_each_bucket(view, -1, add_bucket, &closing);
        ledgerview_close(view);
        if (result != 0 || closing.shown == 0) {
                table_free(&closing.table);
                return;
        }
        fputc('\n', out);
        table_print(&closing.table, "", out);
        if (closing.left_out > 0)
                fprintf(out, "and %zu more; `binancefeeder status --all` shows them\n", closing.left_out);
        fprintf(out, "%s rows in all, %s missing; %s settled: confirmed by a second answer of the exchange\n",
            units_count(closing.rows, rows), units_count(closing.total.missing, missing),
            units_share(closing.settled, closing.rows, settled));
}
