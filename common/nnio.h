// SPDX-License-Identifier: Apache-2.0
// nanomsg, and nothing else of us touches it: PUSH and PULL sockets over ipc:// in the run directory. nanomsg starts a
// thread at the first socket, so: exec first, then this, and no fork afterwards. It loses what nn_send() accepted when
// either side dies; common/pipeline.h repairs that.
#ifndef COMMON_NNIO_H
#define COMMON_NNIO_H

#include <stddef.h>
#include <sys/types.h>

struct nnio;

enum nnio_role { NNIO_PUSH, NNIO_PULL };

#define NNIO_LIVE "live.ipc"
#define NNIO_BULK "bulk.ipc"

// PULL binds, PUSH connects; `name` is NNIO_LIVE or NNIO_BULK. NULL with errno (EADDRINUSE: another writer is alive;
// ENAMETOOLONG is avoided by way of /proc/self/fd).
struct nnio *nnio_open(enum nnio_role role, const char *run_directory, const char *name);
void nnio_close(struct nnio *nnio);
// Descriptor to wait on for readability: messages to receive (PULL), or room to send (PUSH: nearly always readable,
// so wait on it only after EAGAIN). Never read from it.
int nnio_fd(const struct nnio *nnio);
// Never blocks. Returns 0, or -1 with EAGAIN (no peer, or full). `length` <= BATCH_BYTES_LARGE_MAX (asserted).
int nnio_send(struct nnio *nnio, const void *bytes, size_t length);
// Never blocks. Returns the length and *message, to be freed by nnio_free(), or -1 with EAGAIN.
ssize_t nnio_receive(struct nnio *nnio, void **message);
void nnio_free(void *message);

#endif
