// SPDX-License-Identifier: Apache-2.0
// Bytes of unknown origin made fit for a log line. Pure.
#ifndef WORKERS_STREAM_HEXESCAPE_H
#define WORKERS_STREAM_HEXESCAPE_H

#include <stddef.h>

// Writes printable ASCII as it is, anything else (and the backslash) as \xNN, and a NUL. `text` holds 4 * length + 1
// bytes.
void hex_escape(const char *bytes, size_t length, char *text);

#endif
