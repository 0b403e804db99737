// SPDX-License-Identifier: Apache-2.0
// LINK: workers/stream/ids.c workers/stream/updates.c
#include "workers/stream/ids.h"
#include "workers/stream/updates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T INT64_C(1723161255342000)

static struct ids ids;

static int set_up(void **state)
{
        (void)state;
        ids_init(&ids);
        ids_restart(&ids, 0);
        return 0;
}

static bool note(unsigned leg, int64_t id)
{
        return ids_note(&ids, leg, id, T);
}

static void each_id_is_new_once(void **state)
{
        (void)state;
        assert_true(note(0, 100));
        assert_true(note(0, 101));
        assert_false(note(0, 101));
        assert_false(note(0, 100));
        assert_true(note(0, 102));
        assert_int_equal(ids_missed(&ids, 1), 0);
}

static void holes_are_counted_once(void **state)
{
        (void)state;
        note(0, 100);
        assert_int_equal(ids_missed(&ids, 1), 0); // what was before the first id is the boundary's
        note(0, 104);
        assert_int_equal(ids_missed(&ids, 1), 3);
        assert_int_equal(ids_missed(&ids, 1), 0);
        note(0, 106);
        assert_int_equal(ids_missed(&ids, 1), 1);
}

static void late_id_in_a_hole_is_new(void **state)
{
        (void)state;
        note(0, 100);
        note(0, 103);
        assert_int_equal(ids_missed(&ids, 1), 2);
        assert_true(note(0, 102));
        assert_false(note(0, 102));
        assert_int_equal(ids_missed(&ids, 1), 0);
}

static void huge_hole_is_counted_exactly(void **state)
{
        (void)state;
        note(0, 100);
        note(0, 102);
        note(0, 1000000);
        assert_int_equal(ids_missed(&ids, 1), 1 + 1000000 - 103);
        assert_false(note(0, 1000000 - IDS_WINDOW)); // too old to tell
        assert_true(note(0, 1000000 - IDS_WINDOW + 1));
        note(0, INT64_C(9000000000000000));
        assert_int_equal(ids_missed(&ids, 1), UINT32_MAX);
}

static void windows_edge_remembers_what_was_missing(void **state)
{
        (void)state;
        note(0, 100);
        for (int64_t id = 102; id < 102 + 2 * IDS_WINDOW; id++)
                assert_true(note(0, id));
        assert_int_equal(ids_missed(&ids, 1), 1);
        for (int64_t id = 102 + IDS_WINDOW; id < 102 + 2 * IDS_WINDOW; id++)
                assert_false(note(0, id));
}

static void restart_leaves_the_hole_to_the_boundary(void **state)
{
        (void)state;
        note(0, 100);
        ids_restart(&ids, 0);
        note(0, 200);
        assert_int_equal(ids_missed(&ids, 1), 0);
        ids_restart(&ids, 0);
        assert_false(note(0, 200)); // sent again by the new connection
        assert_true(note(0, 201));
        note(0, 203);
        assert_int_equal(ids_missed(&ids, 1), 1);
}

static void overlap_waits_for_the_slower_connection(void **state)
{
        (void)state;
        note(0, 100);
        ids_overlap(&ids, 1);
        assert_true(note(1, 105));
        assert_int_equal(ids_missed(&ids, 3), 0); // the old one may still show them
        assert_false(ids_overlap_proven(&ids, 0, 1));
        for (int64_t id = 101; id < 105; id++)
                assert_true(note(0, id));
        assert_false(note(0, 105));
        assert_int_equal(ids_missed(&ids, 3), 0);
        assert_true(ids_overlap_proven(&ids, 0, 1));
}

static void overlap_that_lost_something_says_so(void **state)
{
        (void)state;
        note(0, 100);
        ids_overlap(&ids, 1);
        note(1, 105);
        note(0, 101);
        assert_int_equal(ids_missed(&ids, 3), 0);
        note(1, 106);
        assert_int_equal(ids_missed(&ids, 2), 3); // the old one is gone
        note(0, 107);
        assert_int_equal(ids_missed(&ids, 3), 0);
}

static void both_connections_missing_it_is_a_hole(void **state)
{
        (void)state;
        note(0, 100);
        ids_overlap(&ids, 1);
        note(1, 102);
        assert_int_equal(ids_missed(&ids, 3), 0);
        note(0, 102);
        assert_int_equal(ids_missed(&ids, 3), 1);
}

static void contiguous_ids_prove_an_overlap(void **state)
{
        (void)state;
        note(0, 100);
        ids_overlap(&ids, 1);
        assert_false(ids_overlap_proven(&ids, 0, 1));
        note(1, 101);
        ids_missed(&ids, 3);
        assert_true(ids_overlap_proven(&ids, 0, 1));
}

static void much_younger_lower_id_begins_anew(void **state)
{
        (void)state;
        note(0, 5000000);
        assert_false(ids_note(&ids, 0, 17, T + IDS_EPOCH_US));
        assert_true(ids_note(&ids, 0, 18, T + 2 * IDS_EPOCH_US + 1));
        assert_true(ids_note(&ids, 0, 19, T + 2 * IDS_EPOCH_US + 2));
        assert_int_equal(ids_missed(&ids, 1), 0);
}

static void updates_go_up(void **state)
{
        struct updates updates;

        (void)state;
        updates_init(&updates);
        updates_restart(&updates, 0);
        assert_true(updates_note(&updates, 0, 100));
        assert_true(updates_note(&updates, 0, 107));
        assert_false(updates_note(&updates, 0, 107));
        assert_int_equal(updates.late, 0);
        assert_false(updates_note(&updates, 0, 103));
        assert_int_equal(updates.late, 1);
        updates_overlap(&updates, 1);
        assert_false(updates_overlap_proven(&updates, 0, 1));
        assert_true(updates_note(&updates, 1, 110));
        assert_false(updates_overlap_proven(&updates, 0, 1));
        assert_false(updates_note(&updates, 0, 109));
        assert_false(updates_overlap_proven(&updates, 0, 1));
        assert_false(updates_note(&updates, 0, 110));
        assert_true(updates_overlap_proven(&updates, 0, 1));
}

static void wiped_exchange_begins_with_low_updates(void **state)
{
        struct updates updates;

        (void)state;
        updates_init(&updates);
        assert_true(updates_note(&updates, 0, 1000000));
        updates_restart(&updates, 0);
        assert_true(updates_note(&updates, 0, 5));
        assert_true(updates_note(&updates, 0, 6));
        updates_restart(&updates, 0);
        assert_false(updates_note(&updates, 0, 6));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(each_id_is_new_once, set_up),
            cmocka_unit_test_setup(holes_are_counted_once, set_up),
            cmocka_unit_test_setup(late_id_in_a_hole_is_new, set_up),
            cmocka_unit_test_setup(huge_hole_is_counted_exactly, set_up),
            cmocka_unit_test_setup(windows_edge_remembers_what_was_missing, set_up),
            cmocka_unit_test_setup(restart_leaves_the_hole_to_the_boundary, set_up),
            cmocka_unit_test_setup(overlap_waits_for_the_slower_connection, set_up),
            cmocka_unit_test_setup(overlap_that_lost_something_says_so, set_up),
            cmocka_unit_test_setup(both_connections_missing_it_is_a_hole, set_up),
            cmocka_unit_test_setup(contiguous_ids_prove_an_overlap, set_up),
            cmocka_unit_test_setup(much_younger_lower_id_begins_anew, set_up),
            cmocka_unit_test(updates_go_up),
            cmocka_unit_test(wiped_exchange_begins_with_low_updates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
