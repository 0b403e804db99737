// SPDX-License-Identifier: Apache-2.0
// Ticks as rows of a bucket: a growing list of encoded rows, filled by the writer's store thread and put into year
// files by tickfile_stage(). Rows may be added in any order, of any seconds and years, and more than once.
#ifndef COMMON_TICKROW_H
#define COMMON_TICKROW_H

#include "common/tick.h"
#include "common/tickbucket.h"

#include <stddef.h>
#include <stdint.h>

struct tick_rows; // owns its rows; keeps its memory when cleared

// `levels`: of TICK_DEPTH (1 to TICK_LEVELS_MAX), ignored for other kinds.
struct tick_rows *tick_rows_new(enum tick_kind kind, unsigned levels);
void tick_rows_free(struct tick_rows *rows);
void tick_rows_clear(struct tick_rows *rows);

enum tick_kind tick_rows_kind(const struct tick_rows *rows);
unsigned tick_rows_levels(const struct tick_rows *rows); // 0 but for TICK_DEPTH
size_t tick_rows_count(const struct tick_rows *rows);
int64_t tick_rows_time_ns(const struct tick_rows *rows, size_t i);
// The packed columns of tick_schema(), without ticks. Valid until the next row is added.
const unsigned char *tick_rows_columns(const struct tick_rows *rows, size_t i);

// Each adds what the event makes: one row; none for an aggregate trade that is a tombstone; as many as there are levels
// for changes and snapshots of a book, one for its end. A snapshot's levels beyond `levels` are left out, missing ones
// are 0. `rows` must be of the event's kind. Return 0, or -1 with EINVAL where the time does not lie in the years
// 1970 to 2261, or where a depth is not of a kind that the bucket keeps (DEPTH keeps DEPTH_TOP, DEPTHDIFF the others).
int tick_rows_add_trade(struct tick_rows *rows, const struct trade *trade);
int tick_rows_add_agg_trade(struct tick_rows *rows, const struct agg_trade *trade);
int tick_rows_add_quote(struct tick_rows *rows, const struct quote *quote);
// `levels`: depth->bids of them, then depth->asks.
int tick_rows_add_depth(struct tick_rows *rows, const struct depth *depth, const struct level *levels);

// The smallest year, `year` or later, in which a row lies; 0 where there is none. To stage a list:
// for (y = tick_rows_next_year(rows, 0); y > 0; y = tick_rows_next_year(rows, y + 1)) stage it into the file of y.
int tick_rows_next_year(const struct tick_rows *rows, int year);

#endif
