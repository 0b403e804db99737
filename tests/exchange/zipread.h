// SPDX-License-Identifier: Apache-2.0
// zipread: the first file inside a zip archive, stored or deflated, as Binance's archive has them: one CSV per zip.
// Reads through the central directory and checks the CRC. Called by replay.
#ifndef BF_EXCHANGE_ZIPREAD_H
#define BF_EXCHANGE_ZIPREAD_H

#include <stddef.h>
#include <stdint.h>

#define ZIPREAD_SIZE_MAX ((size_t)1 << 30)

// Returns the unpacked bytes with a NUL behind them (free them), or NULL with the reason in *error (a literal).
char *zipread_first(const uint8_t *archive, size_t size, size_t *unpacked_size, const char **error);

#endif
