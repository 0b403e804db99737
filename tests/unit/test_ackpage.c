// SPDX-License-Identifier: Apache-2.0
#include "common/ackpage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT 4095

static void a_line_speaks_only_for_its_incarnation(void **state)
{
        int fd = ack_page_create();
        struct ack_page *page = ack_page_map(fd, true);

        (void)state;
        assert_non_null(page);
        assert_int_equal(ack_line_durable(page, SLOT, 11), 0);
        ack_line_open(page, SLOT, 11);
        assert_int_equal(ack_line_durable(page, SLOT, 11), 0);
        ack_line_advance(page, SLOT, 5);
        assert_int_equal(ack_line_durable(page, SLOT, 11), 5);
        assert_int_equal(ack_line_durable(page, SLOT, 12), 0);
        assert_int_equal(ack_line_durable(page, SLOT - 1, 11), 0);
        // The slot's next child begins at nothing.
        ack_line_open(page, SLOT, 12);
        assert_int_equal(ack_line_durable(page, SLOT, 12), 0);
        assert_int_equal(ack_line_durable(page, SLOT, 11), 0);
        munmap(page, sizeof(*page));
        close(fd);
}

static void a_new_writer_restores_lines_before_it_is_seen(void **state)
{
        int fd = ack_page_create();
        struct ack_page *page = ack_page_map(fd, true);
        const struct ack_page *worker = ack_page_map(fd, false);

        (void)state;
        assert_non_null(page);
        assert_non_null(worker);
        assert_int_equal(ack_page_writer(worker), 0);
        ack_line_restore(page, 3, 21, 900);
        assert_int_equal(ack_line_durable(worker, 3, 21), 900);
        ack_page_publish_writer(page, 77);
        assert_int_equal(ack_page_writer(worker), 77);
        munmap((void *)(uintptr_t)worker, sizeof(*worker));
        munmap(page, sizeof(*page));
        close(fd);
}

static void workers_cannot_map_it_writable(void **state)
{
        int fd = ack_page_create(), readonly = ack_page_reopen_readonly(fd);

        (void)state;
        assert_true(readonly >= 0);
        assert_null(ack_page_map(readonly, true));
        assert_int_equal(errno, EACCES);
        const struct ack_page *page = ack_page_map(readonly, false);
        assert_non_null(page);
        munmap((void *)(uintptr_t)page, sizeof(*page));
        close(readonly);
        close(fd);
}

static void a_file_of_another_size_is_refused(void **state)
{
        int fd = memfd_create("short", MFD_ALLOW_SEALING | MFD_CLOEXEC);

        (void)state;
        assert_true(fd >= 0);
        assert_null(ack_page_map(fd, false)); // its size could change under the map
        assert_int_equal(errno, EBADMSG);
        close(fd);
        fd = ack_page_create();
        assert_int_equal(ftruncate(fd, 4096), -1);
        assert_int_equal(errno, EPERM);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_line_speaks_only_for_its_incarnation),
            cmocka_unit_test(a_new_writer_restores_lines_before_it_is_seen),
            cmocka_unit_test(workers_cannot_map_it_writable),
            cmocka_unit_test(a_file_of_another_size_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
