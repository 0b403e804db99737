// SPDX-License-Identifier: Apache-2.0
// Memory of answers under way, charged to one account of the process, so that many clients who ask for much, or one who
// never reads, cannot take the machine's memory. Used by columns.c and body.c, which move blocks between them without
// copying. One thread only.
#ifndef GATEWAY_BLOCK_H
#define GATEWAY_BLOCK_H

#include <stddef.h>
#include <stdint.h>

struct block {
        uint8_t *data;
        size_t length, capacity; // bytes in use; bytes charged
};

// Makes room for `more` bytes after `length`. Returns 0, or -1 with ENOBUFS (the account is full) or ENOMEM; the block
// stays as it was.
int block_reserve(struct block *block, size_t more);
// Frees the memory and credits the account; an empty block is fine.
void block_release(struct block *block);
// Bytes charged to the account now.
size_t block_charged(void);

#endif
