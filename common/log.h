// SPDX-License-Identifier: Apache-2.0
// Log lines for operators, on stderr: time, level, process, text. One line per event, never per message; each says what
// happened, to what, why, and what happens next. Lines are written with one write(2), so processes that share a log
// file do not mix theirs. errno is preserved.
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

// `process` names this process in every line ("writer", "stream BTCUSDT"); it is copied.
void log_init(const char *process, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A bug of ours: says where, then aborts. Never for I/O or input.
#define REQUIRE(condition) ((condition) ? (void)0 : log_bug(#condition, __FILE__, __LINE__))
_Noreturn void log_bug(const char *condition, const char *file, int line);

#endif
