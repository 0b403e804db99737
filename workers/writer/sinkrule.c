// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/sinkrule.h"

bool sinkrule_is_durable(const struct sink_moment *written, const struct sink_moment *proof)
{
        return written->connection != 0 && written->connection == proof->connection &&
               proof->at.us - written->at.us >= SINK_SETTLE_MS * US_PER_MS;
}
