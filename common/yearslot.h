// SPDX-License-Identifier: Apache-2.0
// Which file and which slot a bar lies in: the slot arithmetic of MarketStore's fixed-length year files (MarketStore
// v4.1.23, utils/io/timeindex.go, server timezone UTC). Pure functions; used by writer, query and verification alike.
//
// A year's file has one slot per timeframe of the year, numbered from 1; number 0 means "empty". Daily records carry
// the 0-based day of the year instead, so 2 January is number 1, and 1 January, which would be 0, has no slot in its
// own year: it lies in the last slot of the previous year's file, which that year's days leave unused. Seen from here,
// a daily file's year simply begins on 2 January. Nobody else needs to know.
#ifndef COMMON_YEARSLOT_H
#define COMMON_YEARSLOT_H

#include <stdint.h>

// File year, 0-based slot position and the index value stored in the record, for the slot that contains `open_us`.
struct slot_place {
        int year;
        int64_t position;
        int64_t index; // position + 1
};
struct slot_place yearslot_locate(int64_t timeframe_ns, int64_t open_us);

// The open time that a reader derives from a stored index of the file of `year`.
int64_t yearslot_index_us(int64_t timeframe_ns, int year, int64_t index);

// Number of slots of a year's file.
int64_t yearslot_count(int64_t timeframe_ns, int year);

#endif
