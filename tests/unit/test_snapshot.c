// SPDX-License-Identifier: Apache-2.0
// What `status` makes of the measurements of a running instance.
#include "common/memory.h"
#include "common/snapshot.h"
#include "common/statusjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct governor_page *page;
static struct settings *settings;
static struct snapshot snapshot;

static int set_up(void **state)
{
        int fd = governor_create();

        (void)state;
        assert_true(fd >= 0);
        page = governor_map(fd, true);
        assert_non_null(page);
        (void)close(fd);
        settings = memory_zeroed(1, sizeof(*settings));
        snprintf(settings->root_directory, sizeof(settings->root_directory), "/");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        (void)munmap(page, sizeof(*page));
        free(settings);
        return 0;
}

static boot_time ago(int64_t seconds)
{
        return (boot_time){boot_now().us - seconds * US_PER_S};
}

static void look(void)
{
        snapshot_free(&snapshot);
        snapshot_take(settings, page, &snapshot);
}

static void a_spool_that_becomes_less_is_told_with_its_pace(void **state)
{
        (void)state;
        pace_note(&page->spool_pace, ago(20), DRAIN_SAMPLE_S, 5000000);
        atomic_store(&page->spool_batches, 50);
        atomic_store(&page->spool_bytes, 3000000);
        look();
        assert_in_range((long)snapshot.spool_drain_per_s, 99000, 100000);
        struct findings none = {.count = 0};
        char *json = status_to_json(&snapshot, &none);
        assert_non_null(strstr(json, "\"empty_in_s\":\t30."));
        free(json);
        atomic_store(&page->spool_bytes, 6000000); // it grows
        look();
        assert_true(snapshot.spool_drain_per_s == 0);
        atomic_store(&page->spool_bytes, 0);
        look();
        assert_true(snapshot.spool_drain_per_s == 0);
        snapshot_free(&snapshot);
}

static void ticks_take_the_room_that_was_measured(void **state)
{
        (void)state;
        pace_note(&page->tick_bytes_pace, ago(10), GROWTH_SAMPLE_S, 0);
        atomic_store(&page->tick_bytes, 1000000);
        look();
        assert_true(snapshot.bytes_per_day == 0); // too short a time
        memset((void *)&page->tick_bytes_pace, 0, sizeof(page->tick_bytes_pace));
        pace_note(&page->tick_bytes_pace, ago(100), GROWTH_SAMPLE_S, 0);
        look();
        assert_true(snapshot.growth_known);
        assert_in_range((long)snapshot.bytes_per_day, 863000000, 864000000);
        snapshot_free(&snapshot);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(a_spool_that_becomes_less_is_told_with_its_pace, set_up, tear_down),
            cmocka_unit_test_setup_teardown(ticks_take_the_room_that_was_measured, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
