// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/block.c workers/gateway/pool.c
// The gateway's threads, and the memory they fill.
#include "workers/gateway/block.h"
#include "workers/gateway/pool.h"

#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// ---- threads ----

struct counted {
        struct pool_job job;
        size_t parts;
        atomic_size_t done;
        bool was_here;
};

static void count_one(void *context, size_t i)
{
        struct counted *counted = context;

        assert_true(i < counted->parts);
        atomic_fetch_add(&counted->done, 1);
}

static void run_parts(struct pool_job *job)
{
        struct counted *counted = (struct counted *)job;

        counted->was_here = pool_is_here();
        pool_each(counted->parts, count_one, counted);
}

static struct pool_job *take_job(void)
{
        struct pollfd back = {.fd = pool_fd(), .events = POLLIN};

        assert_int_equal(poll(&back, 1, 60000), 1);
        return pool_take();
}

static void every_job_comes_back_with_all_its_parts_done(void **state)
{
        enum { JOBS = 200 };
        static struct counted jobs[JOBS];

        (void)state;
        pool_open(4);
        for (size_t i = 0; i < JOBS; i++) {
                jobs[i] = (struct counted){.job.run = run_parts, .parts = i % 40};
                pool_give(&jobs[i].job);
        }
        for (size_t i = 0; i < JOBS; i++) {
                struct counted *counted = (struct counted *)take_job();

                assert_true(counted->was_here);
                assert_int_equal(counted->done, counted->parts);
                counted->parts = SIZE_MAX; // none comes twice
        }
        assert_null(pool_take());
        struct pollfd back = {.fd = pool_fd(), .events = POLLIN};
        assert_int_equal(poll(&back, 1, 0), 0);
        pool_close();
}

struct meeting {
        struct pool_job job;
        pthread_barrier_t barrier;
};

static void meet(void *context, size_t i)
{
        (void)i;
        pthread_barrier_wait(&((struct meeting *)context)->barrier);
}

static void run_meeting(struct pool_job *job)
{
        pool_each(3, meet, job);
}

// The barrier opens only when three threads wait at it.
static void parts_of_a_job_are_done_at_once(void **state)
{
        struct meeting meeting = {.job.run = run_meeting};

        (void)state;
        assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, 3), 0);
        pool_open(3);
        pool_give(&meeting.job);
        assert_ptr_equal(take_job(), &meeting.job);
        pool_close();
        pthread_barrier_destroy(&meeting.barrier);
}

static void without_a_pool_parts_are_done_in_a_row(void **state)
{
        struct counted counted = {.parts = 5};

        (void)state;
        run_parts(&counted.job);
        assert_false(counted.was_here);
        assert_int_equal(counted.done, 5);
}

// ---- memory ----

// How many of a range's pages are in memory.
static size_t pages_of(const uint8_t *data, size_t bytes)
{
        static unsigned char there[64 * 1024 * 1024 / 4096];
        size_t count = 0;

        assert_int_equal(mincore((void *)(uintptr_t)data, bytes, there), 0);
        for (size_t i = 0; i < bytes / 4096; i++)
                count += there[i] & 1;
        return count;
}

static void fill_block(struct block *block, size_t length, int byte)
{
        assert_int_equal(block_reserve(block, length), 0);
        memset(block->data + block->length, byte, length);
        block->length += length;
}

static void expect_bytes(const struct block *block, size_t from, size_t to, int byte)
{
        for (size_t i = from; i < to; i++) {
                if (block->data[i] != byte)
                        fail_msg("byte %zu is %d, not %d", i, block->data[i], byte);
        }
}

static void blocks_grow_and_keep_what_they_hold(void **state)
{
        static const size_t lengths[] = {1, 4095, 60000, 65536, 65537, 1000000, 5000000};
        struct block blocks[7] = {0};

        (void)state;
        for (size_t round = 0; round < 3; round++)
                for (size_t i = 0; i < 7; i++)
                        fill_block(&blocks[i], lengths[i], (int)(10 * round + i));
        for (size_t i = 0; i < 7; i++) {
                block_fit(&blocks[i]);
                assert_true(blocks[i].capacity >= blocks[i].length);
                for (size_t round = 0; round < 3; round++)
                        expect_bytes(&blocks[i], round * lengths[i], (round + 1) * lengths[i], (int)(10 * round + i));
        }
        assert_true(block_charged() > 0);
        for (size_t i = 0; i < 7; i++)
                block_release(&blocks[i]);
        assert_int_equal(block_charged(), 0);
}

static void what_is_given_back_by_a_fit_is_used_again(void **state)
{
        struct block first = {0}, second = {0};

        (void)state;
        assert_int_equal(block_reserve(&first, 10000000), 0);
        memset(first.data, 1, 300000);
        first.length = 300000;
        block_fit(&first);
        assert_true(first.capacity < 400000 && block_charged() == first.capacity);
        fill_block(&second, 9000000, 2);
        assert_true(second.data > first.data && second.data < first.data + 10000000);
        expect_bytes(&first, 0, 300000, 1);
        block_release(&first);
        block_release(&second);
}

static void a_full_account_refuses(void **state)
{
        struct block large = {0}, further = {0};

        (void)state;
        assert_int_equal(block_reserve(&large, GATEWAY_MEMORY_BYTES_MAX - 100000), 0);
        assert_int_equal(block_reserve(&further, 200000), -1);
        assert_int_equal(errno, ENOBUFS);
        assert_int_equal(block_reserve(&further, SIZE_MAX / 2), -1);
        assert_int_equal(errno, ENOBUFS);
        assert_int_equal(block_reserve(&further, 1000), 0);
        block_release(&large);
        assert_int_equal(block_reserve(&further, 200000), 0);
        block_release(&further);
        assert_int_equal(block_charged(), 0);
}

static void pages_go_back_once_no_answer_is_made(void **state)
{
        enum { BYTES = 64 * 1024 * 1024 };
        struct block block = {0}, kept = {0};

        (void)state;
        fill_block(&block, BYTES, 1);
        fill_block(&kept, 1000000, 2);
        const uint8_t *data = block.data;
        block_release(&block);
        block_trim(); // one was made since the last call
        assert_int_equal(pages_of(data, BYTES), BYTES / 4096);
        block_trim();
        assert_int_equal(pages_of(data, BYTES), 0);
        expect_bytes(&kept, 0, 1000000, 2);
        fill_block(&block, BYTES, 3); // and come again
        expect_bytes(&block, 0, BYTES, 3);
        block_release(&block);
        block_release(&kept);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_job_comes_back_with_all_its_parts_done),
            cmocka_unit_test(parts_of_a_job_are_done_at_once),
            cmocka_unit_test(without_a_pool_parts_are_done_in_a_row),
            cmocka_unit_test(blocks_grow_and_keep_what_they_hold),
            cmocka_unit_test(what_is_given_back_by_a_fit_is_used_again),
            cmocka_unit_test(a_full_account_refuses),
            cmocka_unit_test(pages_go_back_once_no_answer_is_made),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
