// SPDX-License-Identifier: Apache-2.0
// What needs attention, and what does not.
#include "common/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct snapshot_child children[2];
static struct ledger_bucket bucket;
static struct snapshot snapshot;
static struct findings findings;

// Everything is well: one stream, one writer, one bucket whose newest bars are under way.
static int set_up(void **state)
{
        (void)state;
        memset(&snapshot, 0, sizeof(snapshot));
        children[0] = (struct snapshot_child){.class = CHILD_STREAM, .state = CHILD_READY, .connected = true};
        children[1] = (struct snapshot_child){.class = CHILD_WRITER, .state = CHILD_READY};
        bucket = (struct ledger_bucket){.symbol = "BTCUSDT",
            .interval = INTERVAL_1M,
            .followed = true,
            .live = true,
            .wanted = 1000,
            .wanted_stored = 998,
            .missing = 2};
        snapshot.running = snapshot.has_ledger = true;
        snapshot.children = children;
        snapshot.children_count = 2;
        snapshot.buckets = &bucket;
        snapshot.buckets_count = 1;
        snapshot.meta.catalogue_generation = 1;
        snapshot.disk_free_bytes = UINT64_C(1) << 40;
        snapshot.bytes_per_day = 115200;
        snapshot.growth_known = true;
        return 0;
}

static void must_say(const char *words)
{
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 1);
        if (strstr(findings.items[0].what, words) == NULL)
                fail_msg("%s", findings.items[0].what);
}

static void test_health_needs_nothing(void **state)
{
        (void)state;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0);
}

static void test_children(void **state)
{
        (void)state;
        children[0].connected = false;
        must_say("not connected");
        children[0].connected = true;
        children[0].restarts = 9;
        snprintf(children[0].last_death, sizeof(children[0].last_death), "SIGSEGV");
        must_say("started again 9 times; last: SIGSEGV");
        children[0].state = CHILD_FAILED;
        must_say("failed: SIGSEGV");
}

static void test_books(void **state)
{
        (void)state;
        children[0].books_compared = 4;
        children[0].levels_compared = children[0].levels_equal = 8000;
        children[0].quotes_late = 3; // only counted
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0);
        children[0].books_differing = 1;
        children[0].levels_equal -= 12;
        must_say("1 of 4 comparisons of its kept books with a fresh snapshot found a difference, in 12 levels");
}

static void test_exchange(void **state)
{
        (void)state;
        snapshot.facts.ban_s = 90;
        snapshot.facts.ban_status = 418;
        must_say("HTTP 418) for another 1 min 30 s");
        snapshot.facts.ban_status = 451;
        must_say("451");
        assert_non_null(strstr(findings.items[0].cure, "data-api.binance.vision"));
        snapshot.facts.ban_s = 0;
        snapshot.facts.unreachable = 2;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0); // a single lost request is no news
        snapshot.facts.unreachable = 3;
        must_say("cannot be reached");
}

static void test_disk(void **state)
{
        (void)state;
        snapshot.disk_free_bytes = 1000;
        must_say("only 1000 B left");
        snapshot.facts.disk_full = true;
        must_say("disk is full");
        snapshot.facts.disk_full = false;
        snapshot.disk_free_bytes = UINT64_MAX; // not known
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0);
}

static void test_buckets(void **state)
{
        (void)state;
        snprintf(bucket.why, sizeof(bucket.why), "no such symbol");
        must_say("BTCUSDT 1m: no such symbol");
        bucket.why[0] = '\0';
        bucket.missing = 500;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0); // it is being fetched
        snapshot.running = false;
        snapshot.children_count = 0;
        bucket.missing = 2;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0); // the newest bars of a stream that was stopped
        bucket.missing = 500;
        must_say("500 bars missing");
        bucket.followed = false;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0);
}

static void test_ticks(void **state)
{
        static struct ledger_tick tick;
        static struct ledger_trouble trouble;

        (void)state;
        tick = (struct ledger_tick){
            .symbol = "BTCUSDT", .kind = TICK_AGG_TRADE, .followed = true, .live = true, .missing = 500};
        snapshot.ticks = &tick;
        snapshot.ticks_count = 1;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0); // they are being fetched
        snprintf(tick.why, sizeof(tick.why), "not written: foreign columns");
        must_say("BTCUSDT agg_trade: not written: foreign columns");
        tick.kind = TICK_TRADE;
        trouble = (struct ledger_trouble){.symbol = "BTCUSDT", .of = "trade", .is_ticks = true};
        snprintf(trouble.text, sizeof(trouble.text), "this host has no historicalTrades");
        snapshot.troubles = &trouble;
        snapshot.troubles_count = 1;
        must_say("BTCUSDT trade: this host has no historicalTrades");
        assert_int_equal(findings.count, 1); // once
        assert_non_null(strstr(findings.items[0].cure, "endpoints.rest"));
        snapshot.troubles_count = 0;
        tick.why[0] = '\0';
        snapshot.running = false;
        snapshot.children_count = 0;
        must_say("BTCUSDT trade: 500 ids missing");
        tick.followed = false;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, 0);
}

static void test_an_exchange_that_never_answered(void **state)
{
        (void)state;
        bucket.missing = 0;
        snapshot.meta.catalogue_generation = 0;
        snapshot.running = false;
        must_say("has never answered");
}

static void test_too_many_are_counted(void **state)
{
        static struct ledger_trouble troubles[FINDINGS_MAX + 5];

        (void)state;
        snapshot.troubles = troubles;
        snapshot.troubles_count = FINDINGS_MAX + 5;
        findings_collect(&snapshot, &findings);
        assert_int_equal(findings.count, FINDINGS_MAX);
        assert_int_equal(findings.more, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_health_needs_nothing, set_up),
            cmocka_unit_test_setup(test_children, set_up),
            cmocka_unit_test_setup(test_books, set_up),
            cmocka_unit_test_setup(test_exchange, set_up),
            cmocka_unit_test_setup(test_disk, set_up),
            cmocka_unit_test_setup(test_buckets, set_up),
            cmocka_unit_test_setup(test_ticks, set_up),
            cmocka_unit_test_setup(test_an_exchange_that_never_answered, set_up),
            cmocka_unit_test_setup(test_too_many_are_counted, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
