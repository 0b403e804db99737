// SPDX-License-Identifier: Apache-2.0
#include "common/governor.h"

#include "common/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR US_PER_HOUR
#define NOON (INT64_C(1735732800) * US_PER_S) // exchange time may stand anywhere

static int set_up(void **state)
{
        int fd = governor_create();
        struct governor_page *page = governor_map(fd, true);

        *state = page;
        close(fd);
        if (page == NULL)
                return -1;
        // No minute ends within a test: this one has just begun.
        atomic_store(&page->minute_phase_us, 5 * US_PER_S - (boot_now().us + page->wall_minus_boot_us) % US_PER_MIN);
        return 0;
}

static int tear_down(void **state)
{
        return munmap(*state, sizeof(struct governor_page));
}

static void a_page_is_mapped_read_only_where_it_was_reopened_so(void **state)
{
        int fd = governor_create(), readonly = governor_reopen_readonly(fd);

        (void)state;
        assert_null(governor_map(readonly, true));
        struct governor_page *page = governor_map(readonly, false);
        assert_non_null(page);
        munmap(page, sizeof(*page));
        close(readonly);
        close(fd);
}

static void another_build_s_page_is_refused(void **state)
{
        int fd = governor_create();
        struct governor_page *page = governor_map(fd, true);

        (void)state;
        page->version++;
        assert_null(governor_map(fd, true));
        assert_int_equal(errno, EBADMSG);
        munmap(page, sizeof(*page));
        close(fd);
}

static void what_is_reserved_is_counted_in_all_words(void **state)
{
        struct governor_page *page = *state;

        assert_int_equal(governor_weight_limit(page), 6000);
        assert_int_equal(governor_reserve(page, 20, BUDGET_WHOLE_PERMILLE), 0);
        assert_int_equal(governor_reserve(page, 2, 200), 0);
        assert_int_equal(governor_used(page), 22);
        assert_int_equal((uint32_t)page->raw_word, 2);
        assert_int_equal((uint32_t)page->share_word, 2);
}

static void a_refused_request_takes_nothing(void **state)
{
        struct governor_page *page = *state;

        atomic_store(&page->weight_limit, 100);
        while (governor_reserve(page, 2, BUDGET_WHOLE_PERMILLE) == 0)
                continue;
        uint32_t used = governor_used(page), raw = (uint32_t)page->raw_word;
        int64_t wait = governor_reserve(page, 50, 200);
        assert_in_range(wait, 1, 60000);
        assert_int_equal(governor_used(page), used);
        assert_int_equal((uint32_t)page->raw_word, raw);
        assert_int_equal((uint32_t)page->share_word, 0);
}

static void settling_stops_at_its_share_and_others_go_on(void **state)
{
        struct governor_page *page = *state;

        atomic_store(&page->utilization_permille, 900);
        for (unsigned i = 0; i < 10000 && governor_reserve(page, 2, 10) == 0; i++)
                continue;
        assert_true(governor_used(page) <= 54);
        assert_int_equal(governor_reserve(page, 2, BUDGET_WHOLE_PERMILLE), 0);
}

static void limits_may_be_off(void **state)
{
        struct governor_page *page = *state;

        atomic_store(&page->weight_limit, UINT32_MAX);
        for (unsigned i = 0; i < 100000; i++)
                assert_int_equal(governor_reserve(page, 100, BUDGET_WHOLE_PERMILLE), 0);
}

static void processes_together_stay_within_one_budget(void **state)
{
        struct governor_page *page = *state;
        _Atomic uint32_t *granted =
            mmap(NULL, sizeof(*granted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_ptr_not_equal(granted, MAP_FAILED);
        atomic_store(&page->utilization_permille, 900);
        uint32_t minute = governor_minute(page);
        for (unsigned i = 0; i < 4; i++) {
                if (fork() == 0) {
                        for (unsigned tries = 0; tries < 20000; tries++)
                                *granted += governor_reserve(page, 1, BUDGET_WHOLE_PERMILLE) == 0;
                        _exit(0);
                }
        }
        for (unsigned i = 0; i < 4; i++)
                assert_true(wait(NULL) > 0);
        uint32_t used = governor_used(page);
        // Where it fell across a minute's end there is nothing to compare.
        if (governor_minute(page) == minute) {
                assert_int_equal(used, *granted);
                assert_true(used <= 5400);
                assert_true((uint32_t)page->raw_word >= *granted);
        }
        munmap((void *)(uintptr_t)granted, sizeof(*granted));
}

static void a_ban_stops_requests_and_only_grows(void **state)
{
        struct governor_page *page = *state;

        governor_ban(page, 418, 600);
        governor_ban(page, 429, 5);
        assert_int_equal(page->ban_status, 418);
        assert_in_range(governor_ban_remaining_ms(page), 480000, 600000);
        assert_in_range(governor_reserve(page, 1, BUDGET_WHOLE_PERMILLE), 480000, 600000);
        assert_int_equal(governor_used(page), 0);
        assert_int_equal(page->answers_418, 1);
        assert_int_equal(page->answers_429, 1);
        governor_ban_restore(page, 418, 700000);
        assert_in_range(governor_ban_remaining_ms(page), 601000, 700000);
        assert_int_equal(page->answers_418, 1);
}

static void a_restored_ban_is_as_short_as_it_is_and_no_longer_than_any(void **state)
{
        struct governor_page *page = *state;

        governor_ban_restore(page, 403, -1);
        assert_int_equal(governor_ban_remaining_ms(page), 0);
        governor_ban_restore(page, 403, 90500); // shorter than the shortest that is told by an answer
        assert_in_range(governor_ban_remaining_ms(page), 1, 90500);
        governor_ban_restore(page, 418, INT64_MAX);
        assert_in_range(governor_ban_remaining_ms(page), 1, INT64_C(3) * 24 * 3600 * 1000);
}

static void a_header_of_another_minute_changes_nothing(void **state)
{
        struct governor_page *page = *state;

        assert_int_equal(governor_reserve(page, 2, BUDGET_WHOLE_PERMILLE), 0);
        governor_used_header(page, governor_minute(page) - 1, 4000);
        governor_used_header(page, governor_minute(page) + 1, 4000);
        assert_int_equal(governor_used(page), 2);
}

static void a_header_of_this_minute_counts_after_its_first_seconds(void **state)
{
        struct governor_page *page = *state;
        int64_t our_us = boot_now().us + page->wall_minus_boot_us;

        // Shifts the minute, not the test: half a minute is over, then none of it.
        atomic_store(&page->minute_phase_us, 30 * US_PER_S - our_us % US_PER_MIN);
        assert_int_equal(governor_reserve(page, 2, BUDGET_WHOLE_PERMILLE), 0);
        governor_used_header(page, governor_minute(page), 4000);
        assert_int_equal(governor_used(page), 4000);
        atomic_store(&page->minute_phase_us, US_PER_MIN + 1000 - our_us % US_PER_MIN);
        assert_int_equal(governor_reserve(page, 2, BUDGET_WHOLE_PERMILLE), 0);
        governor_used_header(page, governor_minute(page), 4000);
        assert_int_equal(governor_used(page), 2);
}

static void connections_start_apart(void **state)
{
        struct governor_page *page = *state;

        int64_t before_us = boot_now().us;
        assert_int_equal(governor_connect(page, false), 0);
        int64_t next_us = atomic_load(&page->connect_next_us);
        assert_in_range(
            next_us, before_us + CONNECTION_SPACING_MS * US_PER_MS, boot_now().us + CONNECTION_SPACING_MS * US_PER_MS);
        atomic_store(&page->connect_next_us, next_us + US_PER_MIN);
        assert_in_range(governor_connect(page, true), 1, 60000 + CONNECTION_SPACING_MS);
        atomic_store(&page->connect_next_us, boot_now().us);
        assert_int_equal(governor_connect(page, true), 0);
        assert_int_equal((uint32_t)page->connections_word, 2);
}

static void exchange_time_is_unknown_at_first(void **state)
{
        assert_int_equal(governor_exchange_now_us(*state), -1);
}

static void exchange_time_follows_server_time_and_newer_events(void **state)
{
        struct governor_page *page = *state;

        governor_clock_sync(page, NOON, boot_now());
        assert_in_range(governor_exchange_now_us(page), NOON, NOON + US_PER_S);
        governor_clock_event(page, NOON - US_PER_S);
        assert_in_range(governor_exchange_now_us(page), NOON, NOON + US_PER_S);
        governor_clock_event(page, NOON + 40 * US_PER_S);
        assert_int_equal(governor_exchange_now_us(page), NOON + 40 * US_PER_S);
}

static void an_event_far_ahead_waits_for_server_time(void **state)
{
        struct governor_page *page = *state;

        governor_clock_sync(page, NOON, boot_now());
        governor_clock_event(page, NOON + 2 * HOUR);
        assert_in_range(governor_exchange_now_us(page), NOON, NOON + US_PER_S);
        governor_clock_sync(page, NOON + 2 * HOUR, boot_now());
        governor_clock_event(page, NOON + 2 * HOUR + US_PER_MIN);
        assert_int_equal(governor_exchange_now_us(page), NOON + 2 * HOUR + US_PER_MIN);
}

static void before_server_time_an_event_is_the_time_until_it_is_corrected(void **state)
{
        struct governor_page *page = *state;

        governor_clock_event(page, NOON + 5000 * HOUR);
        assert_int_equal(governor_exchange_now_us(page), NOON + 5000 * HOUR);
        governor_clock_sync(page, NOON, boot_now());
        assert_in_range(governor_exchange_now_us(page), NOON, NOON + US_PER_S);
}

static void names_cover_the_enumerations(void **state)
{
        (void)state;
        assert_string_equal(child_class_name(CHILD_WRITER), "writer");
        assert_string_equal(child_class_name(CHILD_GATEWAY), "gateway");
        assert_string_equal(child_class_name(CHILD_CLASSES), "unknown");
        assert_string_equal(child_state_name(CHILD_FAILED), "failed");
        assert_string_equal(child_state_name(CHILD_FAILED + 1), "unknown");
}

#define WITH_PAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_page_is_mapped_read_only_where_it_was_reopened_so),
            cmocka_unit_test(another_build_s_page_is_refused),
            WITH_PAGE(what_is_reserved_is_counted_in_all_words),
            WITH_PAGE(a_refused_request_takes_nothing),
            WITH_PAGE(settling_stops_at_its_share_and_others_go_on),
            WITH_PAGE(limits_may_be_off),
            WITH_PAGE(processes_together_stay_within_one_budget),
            WITH_PAGE(a_ban_stops_requests_and_only_grows),
            WITH_PAGE(a_restored_ban_is_as_short_as_it_is_and_no_longer_than_any),
            WITH_PAGE(a_header_of_another_minute_changes_nothing),
            WITH_PAGE(a_header_of_this_minute_counts_after_its_first_seconds),
            WITH_PAGE(connections_start_apart),
            WITH_PAGE(exchange_time_is_unknown_at_first),
            WITH_PAGE(exchange_time_follows_server_time_and_newer_events),
            WITH_PAGE(an_event_far_ahead_waits_for_server_time),
            WITH_PAGE(before_server_time_an_event_is_the_time_until_it_is_corrected),
            cmocka_unit_test(names_cover_the_enumerations),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
