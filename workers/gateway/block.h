// SPDX-License-Identifier: Apache-2.0
// Memory of answers under way, charged to one account of the process, so that many clients who ask for much, or one who
// never reads, cannot take the machine's memory. Used by columns.c and body.c, which move blocks between them without
// copying. Any thread; a block itself belongs to one at a time.
//
// Large blocks are cut from one range of addresses whose pages stay for the next answer, for getting fresh ones from
// the system takes as long as filling them; they go back to it when no answer was made for a while (block_trim()).
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
// Gives back what a large block has beyond its length.
void block_fit(struct block *block);
// Frees the memory and credits the account; an empty block is fine.
void block_release(struct block *block);
// Bytes charged to the account now.
size_t block_charged(void);
// Called now and then: pages kept for the next answer go back to the system if there was none since the last call.
void block_trim(void);

#endif
