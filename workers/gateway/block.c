// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/block.h"

#include "common/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_BYTES_MIN 4096
#define UNIT_BYTES (64UL * 1024) // of the range; smaller blocks come from malloc()
#define UNITS (GATEWAY_MEMORY_BYTES_MAX / UNIT_BYTES)

enum { UNIT_COLD, UNIT_WARM, UNIT_USED }; // cold: it has no pages

static struct {
        pthread_mutex_t lock;
        size_t charged;
        uint8_t *base; // NULL: not mapped yet
        uint8_t units[UNITS];
        size_t warm_end;   // units from here on are cold
        size_t free_begin; // units before it are used
        bool is_used;      // since the last block_trim()
} account = {.lock = PTHREAD_MUTEX_INITIALIZER};

// ---- the range, with the lock held ----

// Huge pages where the kernel has them: a year of bars is 10,000 small ones, each a fault.
static int map_range(void)
{
        void *base = mmap(
            NULL, GATEWAY_MEMORY_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (base == MAP_FAILED)
                return -1;
        (void)madvise(base, GATEWAY_MEMORY_BYTES_MAX, MADV_HUGEPAGE);
        account.base = base;
        return 0;
}

// The lowest that fit, so that warm ones are used first. NULL: none.
static uint8_t *take_units(size_t count)
{
        size_t run = 0;

        if (account.base == NULL && map_range() != 0)
                return NULL;
        while (account.free_begin < UNITS && account.units[account.free_begin] == UNIT_USED)
                account.free_begin++;
        for (size_t i = account.free_begin; i < UNITS; i++) {
                run = account.units[i] == UNIT_USED ? 0 : run + 1;
                if (run < count)
                        continue;
                size_t begin = i + 1 - count;
                memset(account.units + begin, UNIT_USED, count);
                account.warm_end = account.warm_end > i + 1 ? account.warm_end : i + 1;
                account.is_used = true;
                return account.base + begin * UNIT_BYTES;
        }
        return NULL;
}

static void give_units(const uint8_t *data, size_t count)
{
        size_t begin = (size_t)(data - account.base) / UNIT_BYTES;

        memset(account.units + begin, UNIT_WARM, count);
        account.free_begin = account.free_begin < begin ? account.free_begin : begin;
        account.is_used = true;
}

void block_trim(void)
{
        pthread_mutex_lock(&account.lock);
        for (size_t begin = 0, end; !account.is_used && begin < account.warm_end; begin = end) {
                uint8_t state = account.units[begin];

                for (end = begin + 1; end < account.warm_end && account.units[end] == state;)
                        end++;
                if (state != UNIT_WARM)
                        continue;
                (void)madvise(account.base + begin * UNIT_BYTES, (end - begin) * UNIT_BYTES, MADV_DONTNEED);
                memset(account.units + begin, UNIT_COLD, end - begin);
        }
        while (account.warm_end > 0 && account.units[account.warm_end - 1] == UNIT_COLD)
                account.warm_end--;
        account.is_used = false;
        pthread_mutex_unlock(&account.lock);
}

// ---- blocks ----

static bool is_large(size_t capacity)
{
        return capacity >= UNIT_BYTES;
}

static int charge(size_t capacity, uint8_t **data)
{
        int result = 0;

        *data = NULL;
        pthread_mutex_lock(&account.lock);
        if (capacity > GATEWAY_MEMORY_BYTES_MAX - account.charged) {
                errno = ENOBUFS;
                result = -1;
        } else if (is_large(capacity) && (*data = take_units(capacity / UNIT_BYTES)) == NULL) {
                errno = account.base != NULL ? ENOBUFS : ENOMEM;
                result = -1;
        } else {
                account.charged += capacity;
        }
        pthread_mutex_unlock(&account.lock);
        return result;
}

static void credit(const uint8_t *data, size_t capacity)
{
        pthread_mutex_lock(&account.lock);
        account.charged -= capacity;
        if (is_large(capacity))
                give_units(data, capacity / UNIT_BYTES);
        pthread_mutex_unlock(&account.lock);
}

static uint8_t *allocate(size_t capacity)
{
        uint8_t *data;

        if (charge(capacity, &data) != 0)
                return NULL;
        if (data == NULL && (data = malloc(capacity)) == NULL)
                credit(NULL, capacity);
        return data;
}

static void deallocate(uint8_t *data, size_t capacity)
{
        if (capacity == 0)
                return;
        credit(data, capacity);
        if (!is_large(capacity))
                free(data);
}

static size_t rounded(size_t capacity)
{
        size_t unit = is_large(capacity) ? UNIT_BYTES : BLOCK_BYTES_MIN;

        return (capacity + unit - 1) / unit * unit;
}

int block_reserve(struct block *block, size_t more)
{
        if (more <= block->capacity - block->length)
                return 0;
        if (more > GATEWAY_MEMORY_BYTES_MAX) {
                errno = ENOBUFS;
                return -1;
        }
        // At least twice what it was, so that growing costs at most one more copy.
        size_t needed = block->length + more;
        size_t capacity = rounded(block->capacity * 2 > needed ? block->capacity * 2 : needed);
        uint8_t *data = allocate(capacity);
        if (data == NULL)
                return -1;
        if (block->length > 0)
                memcpy(data, block->data, block->length);
        deallocate(block->data, block->capacity);
        block->data = data;
        block->capacity = capacity;
        return 0;
}

void block_fit(struct block *block)
{
        size_t kept = rounded(block->length > UNIT_BYTES ? block->length : UNIT_BYTES);

        if (!is_large(block->capacity) || kept == block->capacity)
                return;
        pthread_mutex_lock(&account.lock);
        account.charged -= block->capacity - kept;
        give_units(block->data + kept, (block->capacity - kept) / UNIT_BYTES);
        pthread_mutex_unlock(&account.lock);
        block->capacity = kept;
}

void block_release(struct block *block)
{
        deallocate(block->data, block->capacity);
        *block = (struct block){0};
}

size_t block_charged(void)
{
        pthread_mutex_lock(&account.lock);
        size_t charged = account.charged;
        pthread_mutex_unlock(&account.lock);
        return charged;
}
