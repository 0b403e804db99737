// SPDX-License-Identifier: Apache-2.0
#include "common/memfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_sealed_value_cannot_be_changed(void **state)
{
        char value[] = "what was handed over";
        int fd = memfile_create_sealed("value", value, sizeof(value));

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(memfile_sealed_bytes(fd), sizeof(value));
        assert_int_equal(pwrite(fd, "x", 1, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(fd, 0), -1);
        assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
        const char *map = memfile_map_sealed(fd, sizeof(value), NULL);
        assert_non_null(map);
        assert_string_equal(map, value);
        munmap((void *)(uintptr_t)map, sizeof(value));
        close(fd);
}

static void pages_of_zeros_take_no_memory(void **state)
{
        static const char value[64 * 1024 + 5] = {[3 * 4096 + 7] = 'x', [64 * 1024 + 4] = 'y'};
        struct stat status;
        int fd = memfile_create_sealed("value", value, sizeof(value));

        (void)state;
        assert_int_equal(fstat(fd, &status), 0);
        assert_int_equal(status.st_size, sizeof(value));
        assert_int_equal(status.st_blocks * 512, 2 * 4096);
        const char *map = memfile_map_sealed(fd, sizeof(value), NULL);
        assert_memory_equal(map, value, sizeof(value));
        munmap((void *)(uintptr_t)map, sizeof(value));
        close(fd);
}

static void a_map_is_replaced_in_place_or_stays(void **state)
{
        char first[] = "first", second[] = "other", longer[] = "much longer";
        int fds[] = {memfile_create_sealed("a", first, sizeof(first)),
            memfile_create_sealed("b", second, sizeof(second)), memfile_create_sealed("c", longer, sizeof(longer))};

        (void)state;
        const char *map = memfile_map_sealed(fds[0], sizeof(first), NULL);
        assert_string_equal(map, first);
        assert_null(memfile_map_sealed(fds[2], sizeof(first), (void *)(uintptr_t)map));
        assert_string_equal(map, first);
        assert_ptr_equal(memfile_map_sealed(fds[1], sizeof(second), (void *)(uintptr_t)map), map);
        assert_string_equal(map, second);
        munmap((void *)(uintptr_t)map, sizeof(second));
        for (unsigned i = 0; i < 3; i++)
                close(fds[i]);
}

static void what_is_not_sealed_or_not_a_memory_file_is_refused(void **state)
{
        int page = memfile_create("page", 4096), null = open("/dev/null", O_RDONLY);

        (void)state;
        assert_null(memfile_map_sealed(page, 4096, NULL)); // its contents may change
        assert_int_equal(errno, EBADMSG);
        assert_null(memfile_map(page, 8192, true));
        assert_int_equal(errno, EBADMSG);
        assert_null(memfile_map(null, 4096, false));
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(memfile_sealed_bytes(null), -1);
        close(null);
        close(page);
        assert_null(memfile_map(page, 4096, false));
        assert_int_equal(errno, EBADF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_sealed_value_cannot_be_changed),
            cmocka_unit_test(pages_of_zeros_take_no_memory),
            cmocka_unit_test(a_map_is_replaced_in_place_or_stays),
            cmocka_unit_test(what_is_not_sealed_or_not_a_memory_file_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
