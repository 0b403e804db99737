// SPDX-License-Identifier: Apache-2.0
#include "common/ackpage.h"

#include "common/log.h"
#include "common/memfile.h"

#include <assert.h>

static_assert(sizeof(struct ack_line) == 64, "one cache line a slot");

int ack_page_create(void)
{
        return memfile_create("acknowledgements", sizeof(struct ack_page));
}

int ack_page_reopen_readonly(int fd)
{
        return memfile_reopen_readonly(fd);
}

struct ack_page *ack_page_map(int fd, bool writable)
{
        return memfile_map(fd, sizeof(struct ack_page), writable);
}

void ack_line_restore(struct ack_page *page, uint16_t slot, uint64_t incarnation, uint64_t sequence)
{
        REQUIRE(slot < SLOTS_MAX);
        struct ack_line *line = &page->lines[slot];

        // No incarnation while the sequence changes hands: a reader of either one never pairs it with the other's.
        atomic_store_explicit(&line->incarnation, 0, memory_order_relaxed);
        atomic_store_explicit(&line->sequence, sequence, memory_order_release);
        atomic_store_explicit(&line->incarnation, incarnation, memory_order_release);
}

void ack_line_open(struct ack_page *page, uint16_t slot, uint64_t incarnation)
{
        ack_line_restore(page, slot, incarnation, 0);
}

void ack_line_advance(struct ack_page *page, uint16_t slot, uint64_t sequence)
{
        REQUIRE(slot < SLOTS_MAX);
        atomic_store_explicit(&page->lines[slot].sequence, sequence, memory_order_release);
}

void ack_page_publish_writer(struct ack_page *page, uint64_t writer_incarnation)
{
        atomic_store_explicit(&page->writer_incarnation, writer_incarnation, memory_order_release);
}

uint64_t ack_line_durable(const struct ack_page *page, uint16_t slot, uint64_t incarnation)
{
        REQUIRE(slot < SLOTS_MAX);
        const struct ack_line *line = &page->lines[slot];

        if (atomic_load_explicit(&line->incarnation, memory_order_acquire) != incarnation)
                return 0;
        uint64_t sequence = atomic_load_explicit(&line->sequence, memory_order_acquire);
        // The line may have changed hands in between: then the sequence is not ours.
        return atomic_load_explicit(&line->incarnation, memory_order_acquire) == incarnation ? sequence : 0;
}

uint64_t ack_page_writer(const struct ack_page *page)
{
        return atomic_load_explicit(&page->writer_incarnation, memory_order_acquire);
}
