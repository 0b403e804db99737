// SPDX-License-Identifier: Apache-2.0
// What a carrier does with what arrives: events go to their stream's parser, answers to the subscription, an announced
// shutdown to the renewal; what cannot be read is counted, shown now and then, and told as a boundary where it may have
// hidden data. The worker lives on in every case.
#ifndef WORKERS_STREAM_INBOX_H
#define WORKERS_STREAM_INBOX_H

#include "workers/stream/carrier.h"

// Handlers of ws.h; `user` is a struct leg.
void inbox_take_frame(void *user, enum ws_frame kind, const char *bytes, size_t length);
void inbox_take_pong(void *user);
// The boundary for unreadable frames since the stream's last record; nothing where there were none.
void inbox_tell_unreadable(struct carrier *carrier, struct stream *stream);
// For subscription_next(): names of streams[index], NULL where quarantined.
const char *inbox_stream_name(const void *streams, size_t index);

#endif
