// SPDX-License-Identifier: Apache-2.0
// The store of ticks as a whole: MarketStore's variable-length buckets, `BTCUSDT/1Sec/TRADE` and its kin.
//
//   events (common/tick.h)  ->  tickrow     rows of a bucket, any seconds, any order
//   rows                    ->  tickfile    the year's file: stage, sync, commit
//                               tickblock   one second's rows, each event once, compressed
//                               tickindex   where each second's block lies
//   file                    ->  tickquery   rows of a range, to the nanosecond, from either end
//   rows                    ->  tickdecode  events again
//
// The writer's store thread includes this page; readers need only tickquery and tickdecode.
#ifndef COMMON_TICKSTORE_H
#define COMMON_TICKSTORE_H

#include "common/tickbucket.h"
#include "common/tickdecode.h"
#include "common/tickfile.h"
#include "common/tickquery.h"
#include "common/tickrow.h"

#endif
