// SPDX-License-Identifier: Apache-2.0
// Sets of ids, compared with a plain array of them.
// LINK: workers/writer/idset.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/ledger.h"
#include "workers/writer/idset.h"

#include <stdlib.h>
#include <string.h>

#define IDS 64
#define NOTHING (-1)

static void put(struct idset *set, int32_t epoch, int source, int64_t first_id, int64_t last_id)
{
        const struct id_range range = {epoch, source, first_id, last_id, first_id * 10, last_id * 10};

        idset_add(set, &range);
}

static void assert_same(const struct idset *set, int32_t epoch, const int sources[IDS])
{
        int64_t missing = 0, first_id, last_id;

        for (int64_t id = 0; id < IDS; id++) {
                assert_int_equal(idset_contains(set, epoch, id), sources[id] != NOTHING);
                assert_int_equal(idset_has_row(set, epoch, id), sources[id] != NOTHING && sources[id] != ID_ABSENT);
                missing += sources[id] == NOTHING;
        }
        assert_int_equal(idset_missing(set, epoch, 0, IDS - 1), missing);
        for (int source = 0; source < ID_SOURCES; source++) {
                int64_t count = 0;

                for (int id = 0; id < IDS; id++)
                        count += sources[id] == source;
                assert_int_equal(idset_count_source(set, epoch, 0, IDS - 1, source), count);
        }
        for (int64_t from = 0; from < IDS; from++) {
                int64_t first = from, last;

                while (first < IDS && sources[first] != NOTHING)
                        first++;
                for (last = first; last + 1 < IDS && sources[last + 1] == NOTHING;)
                        last++;
                assert_int_equal(idset_hole(set, epoch, from, IDS - 1, &first_id, &last_id), first < IDS);
                if (first == IDS)
                        continue;
                assert_int_equal(first_id, first);
                assert_int_equal(last_id, last);
        }
        for (size_t i = 0; i + 1 < set->count; i++) {
                const struct id_range *left = &set->items[i], *right = &set->items[i + 1];

                assert_true(left->epoch < right->epoch || left->last_id < right->first_id);
                assert_false(left->epoch == right->epoch && left->last_id + 1 == right->first_id &&
                             left->source == right->source);
        }
}

static void a_set_is_what_was_put_into_it(void **state)
{
        int sources[2][IDS];
        struct idset set = {0};

        (void)state;
        srand(7);
        memset(sources, 0xff, sizeof(sources));
        for (int turn = 0; turn < 20000; turn++) {
                int32_t epoch = rand() % 2;
                int64_t first = rand() % IDS, last = first + rand() % 9;
                int source = rand() % (ID_SOURCES + 1);

                last = last < IDS ? last : IDS - 1;
                if (source == ID_SOURCES)
                        idset_remove(&set, epoch, first, last);
                else
                        put(&set, epoch, source, first, last);
                for (int64_t id = first; id <= last; id++) {
                        int *known = &sources[epoch][id];

                        if (source == ID_SOURCES)
                                *known = NOTHING;
                        else if (*known == NOTHING || *known == ID_ABSENT)
                                *known = source;
                }
                if (turn % 16 == 0) {
                        assert_same(&set, 0, sources[0]);
                        assert_same(&set, 1, sources[1]);
                }
                if (rand() % 200 == 0) {
                        idset_free(&set);
                        memset(sources, 0xff, sizeof(sources));
                }
        }
        idset_free(&set);
}

static void joined_ranges_know_the_times_of_both(void **state)
{
        struct idset set = {0};

        (void)state;
        put(&set, 0, ID_STREAM, 10, 19);
        put(&set, 0, ID_STREAM, 30, 39);
        put(&set, 0, ID_STREAM, 20, 29);
        assert_int_equal(set.count, 1);
        assert_int_equal(set.items[0].first_us, 100);
        assert_int_equal(set.items[0].last_us, 390);
        assert_int_equal(idset_last(&set, 0)->last_id, 39);
        assert_null(idset_last(&set, 1));
        put(&set, 2, ID_STREAM, 5, 5);
        assert_null(idset_last(&set, 1));
        assert_int_equal(idset_last(&set, 0)->last_id, 39);
        assert_int_equal(idset_last(&set, 2)->last_id, 5);
        idset_free(&set);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_set_is_what_was_put_into_it),
            cmocka_unit_test(joined_ranges_know_the_times_of_both),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
