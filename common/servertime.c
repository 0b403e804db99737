// SPDX-License-Identifier: Apache-2.0
#include "common/servertime.h"

#include "common/json.h"

#include <stdio.h>

int64_t servertime_parse(const char *body, size_t length, char why[REASON_SIZE])
{
        int64_t stamp;
        cJSON *json = json_parse(body, length, why);

        if (json == NULL)
                return -1;
        bool read = json_whole_number(json, "serverTime", &stamp);
        cJSON_Delete(json);
        int64_t server_us = read ? exchange_stamp_us(stamp) : -1;
        if (server_us >= year_start_us(2017) && server_us < year_start_us(2101))
                return server_us;
        snprintf(why, REASON_SIZE, "serverTime is missing or lies outside the years 2017 to 2100");
        return -1;
}
