// SPDX-License-Identifier: Apache-2.0
#include "common/statusjson.h"

#include "common/bucket.h"
#include "common/clock.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static void add_number(cJSON *object, const char *name, double value)
{
        (void)cJSON_AddNumberToObject(object, name, value);
}

static void add_time(cJSON *object, const char *name, int64_t us)
{
        char text[TIME_TEXT_SIZE];

        if (us >= 0)
                (void)cJSON_AddStringToObject(object, name, time_format_us(us, text));
        else
                (void)cJSON_AddNullToObject(object, name);
}

static void add_seconds(cJSON *object, const char *name, double seconds)
{
        if (seconds >= 0)
                add_number(object, name, seconds);
        else
                (void)cJSON_AddNullToObject(object, name);
}

static void add_children(cJSON *root, const struct snapshot *snapshot)
{
        cJSON *children = cJSON_AddArrayToObject(root, "children");

        for (size_t i = 0; i < snapshot->children_count; i++) {
                const struct snapshot_child *child = &snapshot->children[i];
                cJSON *object = cJSON_CreateObject();
                (void)cJSON_AddStringToObject(object, "class", child_class_name(child->class));
                (void)cJSON_AddStringToObject(object, "name", child->name);
                add_number(object, "pid", child->pid);
                (void)cJSON_AddStringToObject(object, "state", child_state_name(child->state));
                add_number(object, "restarts", child->restarts);
                (void)cJSON_AddStringToObject(object, "last_death", child->last_death);
                (void)cJSON_AddBoolToObject(object, "connected", child->connected);
                (void)cJSON_AddBoolToObject(object, "degraded", child->degraded);
                add_number(object, "records", (double)child->records);
                add_number(object, "messages", (double)child->messages);
                add_number(object, "malformed", (double)child->malformed);
                add_number(object, "reconnects", child->reconnects);
                add_number(object, "quotes_late", (double)child->quotes_late);
                add_number(object, "books_compared", (double)child->books_compared);
                add_number(object, "books_differing", (double)child->books_differing);
                add_number(object, "levels_compared", (double)child->levels_compared);
                add_number(object, "levels_equal", (double)child->levels_equal);
                add_number(object, "window_bytes", (double)child->window_bytes);
                add_number(object, "symbols", child->symbols);
                add_seconds(object, "last_message_age_s", child->message_age_s);
                add_seconds(object, "renewal_in_s", child->renewal_in_s);
                cJSON_AddItemToArray(children, object);
        }
}

static void add_limits(cJSON *root, const struct snapshot *snapshot)
{
        const struct facts *facts = &snapshot->facts;
        cJSON *limits = cJSON_AddObjectToObject(root, "limits");

        add_number(limits, "weight_used", facts->weight_used);
        add_number(limits, "weight_limit", snapshot->weight_limit);
        add_number(limits, "utilization", snapshot->utilization_permille / 1e3);
        add_number(limits, "ban_seconds", (double)facts->ban_s);
        add_number(limits, "ban_status", facts->ban_status);
        add_number(limits, "unreachable", facts->unreachable);
        add_number(limits, "connections_used", facts->connections);
        add_number(limits, "answers_429", (double)snapshot->answers_429);
        add_number(limits, "answers_418", (double)snapshot->answers_418);
}

static void add_explained(cJSON *object, const int64_t explained[GAP_STATES])
{
        cJSON *states = cJSON_AddObjectToObject(object, "explained");

        for (int state = 0; state < GAP_STATES; state++) {
                if (explained[state] > 0)
                        add_number(states, gap_state_name(state), (double)explained[state]);
        }
}

static void add_id(cJSON *object, const char *name, int64_t id)
{
        if (id >= 0)
                add_number(object, name, (double)id);
        else
                (void)cJSON_AddNullToObject(object, name);
}

static cJSON *tick_object(const struct ledger_tick *tick)
{
        char name[BUCKET_NAME_SIZE] = "";
        cJSON *object = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(object, "symbol", tick->symbol);
        (void)cJSON_AddStringToObject(object, "kind", ledger_tick_kind_name(tick->kind));
        (void)cJSON_AddNullToObject(object, "interval");
        if (tick->directory[0] != '\0')
                tick_bucket_format(tick->directory, tick->kind, name);
        (void)cJSON_AddStringToObject(object, "bucket", name);
        (void)cJSON_AddBoolToObject(object, "followed", tick->followed);
        (void)cJSON_AddBoolToObject(object, "live", tick->live);
        add_time(object, "first", tick->first_us);
        add_time(object, "last", tick->last_us);
        add_number(object, "rows", (double)tick->rows);
        add_number(object, "defective", (double)tick->defective);
        add_id(object, "first_id", tick->first_id);
        add_id(object, "last_id", tick->last_id);
        add_number(object, "wanted", (double)tick->wanted);
        add_number(object, "missing", (double)tick->missing);
        add_number(object, "absent", (double)tick->absent);
        add_number(object, "lost_spans", (double)tick->lost_spans);
        add_number(object, "lost_seconds", (double)tick->lost_us / 1e6);
        add_number(object, "lost_ids", (double)tick->lost_ids);
        (void)cJSON_AddStringToObject(object, "why", tick->why);
        return object;
}

static void add_buckets(cJSON *root, const struct snapshot *snapshot)
{
        cJSON *buckets = cJSON_AddArrayToObject(root, "buckets");

        for (size_t i = 0; i < snapshot->buckets_count; i++) {
                const struct ledger_bucket *bucket = &snapshot->buckets[i];
                char name[BUCKET_NAME_SIZE] = "";
                cJSON *object = cJSON_CreateObject();
                (void)cJSON_AddStringToObject(object, "symbol", bucket->symbol);
                (void)cJSON_AddStringToObject(object, "kind", "bar");
                (void)cJSON_AddStringToObject(object, "interval", interval_name(bucket->interval));
                if (bucket->directory[0] != '\0')
                        bucket_format(bucket->directory, bucket->interval, name);
                (void)cJSON_AddStringToObject(object, "bucket", name);
                (void)cJSON_AddBoolToObject(object, "followed", bucket->followed);
                (void)cJSON_AddBoolToObject(object, "live", bucket->live);
                add_time(object, "first", bucket->first_us);
                add_time(object, "last", bucket->last_us);
                add_number(object, "rows", (double)bucket->rows);
                add_number(object, "settled", (double)bucket->settled);
                add_number(object, "corrected", (double)bucket->corrected);
                add_number(object, "defective", (double)bucket->defective);
                add_number(object, "wanted", (double)bucket->wanted);
                add_number(object, "wanted_stored", (double)bucket->wanted_stored);
                add_number(object, "missing", (double)bucket->missing);
                add_explained(object, bucket->explained);
                if (bucket->made_of[0] != '\0') {
                        (void)cJSON_AddStringToObject(object, "made_of", bucket->made_of);
                        add_number(object, "differences", (double)bucket->differences);
                }
                (void)cJSON_AddStringToObject(object, "why", bucket->why);
                cJSON_AddItemToArray(buckets, object);
        }
        for (size_t i = 0; i < snapshot->ticks_count; i++)
                cJSON_AddItemToArray(buckets, tick_object(&snapshot->ticks[i]));
}

static cJSON *tick_gap_object(const struct ledger_tick_gap *gap)
{
        cJSON *object = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(object, "symbol", gap->symbol);
        (void)cJSON_AddStringToObject(object, "kind", ledger_tick_kind_name(gap->kind));
        (void)cJSON_AddNullToObject(object, "interval");
        add_time(object, "start", gap->start_us);
        add_time(object, "end", gap->end_us);
        add_id(object, "first_id", gap->first_id);
        add_id(object, "last_id", gap->last_id);
        (void)cJSON_AddStringToObject(object, "state", gap_state_name(gap->state));
        (void)cJSON_AddStringToObject(object, "evidence", gap->evidence);
        return object;
}

static void add_gaps(cJSON *root, const struct snapshot *snapshot)
{
        cJSON *gaps = cJSON_AddArrayToObject(root, "gaps");

        for (size_t i = 0; i < snapshot->gaps_count; i++) {
                const struct ledger_gap *gap = &snapshot->gaps[i];
                cJSON *object = cJSON_CreateObject();
                (void)cJSON_AddStringToObject(object, "symbol", gap->symbol);
                (void)cJSON_AddStringToObject(object, "kind", "bar");
                (void)cJSON_AddStringToObject(object, "interval", interval_name(gap->interval));
                add_time(object, "start", gap->start_us);
                add_time(object, "end", gap->end_us);
                add_number(object, "bars", (double)gap->bars);
                (void)cJSON_AddStringToObject(object, "state", gap_state_name(gap->state));
                (void)cJSON_AddStringToObject(object, "evidence", gap->evidence);
                cJSON_AddItemToArray(gaps, object);
        }
        for (size_t i = 0; i < snapshot->tick_gaps_count; i++)
                cJSON_AddItemToArray(gaps, tick_gap_object(&snapshot->tick_gaps[i]));
}

static void add_troubles(cJSON *root, const struct snapshot *snapshot)
{
        cJSON *troubles = cJSON_AddArrayToObject(root, "troubles");

        for (size_t i = 0; i < snapshot->troubles_count; i++) {
                const struct ledger_trouble *trouble = &snapshot->troubles[i];
                cJSON *object = cJSON_CreateObject();
                (void)cJSON_AddStringToObject(object, "symbol", trouble->symbol);
                (void)cJSON_AddStringToObject(object, trouble->is_ticks ? "ticks" : "interval", trouble->of);
                if (trouble->is_ticks) {
                        add_id(object, "first_id", trouble->first_id);
                        add_id(object, "last_id", trouble->last_id);
                } else {
                        add_time(object, "start", trouble->start_us);
                        add_time(object, "end", trouble->end_us);
                }
                (void)cJSON_AddStringToObject(object, "kind", trouble->kind);
                add_number(object, "attempts", (double)trouble->attempts);
                add_time(object, "retry", trouble->retry_wall_ns / 1000);
                (void)cJSON_AddStringToObject(object, "text", trouble->text);
                cJSON_AddItemToArray(troubles, object);
        }
}

static void add_findings(cJSON *root, const struct findings *findings)
{
        cJSON *array = cJSON_AddArrayToObject(root, "findings");

        for (size_t i = 0; i < findings->count; i++) {
                cJSON *object = cJSON_CreateObject();
                (void)cJSON_AddStringToObject(object, "what", findings->items[i].what);
                (void)cJSON_AddStringToObject(object, "cure", findings->items[i].cure);
                cJSON_AddItemToArray(array, object);
        }
}

char *status_to_json(const struct snapshot *snapshot, const struct findings *findings)
{
        cJSON *root = cJSON_CreateObject(), *part;

        (void)cJSON_AddBoolToObject(root, "running", snapshot->running);
        add_number(root, "supervisor_pid", snapshot->supervisor_pid);
        (void)cJSON_AddBoolToObject(root, "complete", snapshot->complete);
        (void)cJSON_AddStringToObject(root, "data_directory", snapshot->data_directory);
        add_time(root, "exchange_time", snapshot->exchange_now_us);
        add_children(root, snapshot);
        add_limits(root, snapshot);
        part = cJSON_AddObjectToObject(root, "spool");
        add_number(part, "batches", (double)snapshot->facts.spool_batches);
        add_number(part, "bytes", (double)snapshot->facts.spool_bytes);
        add_number(part, "oldest_age_s", snapshot->spool_age_s);
        add_number(part, "drain_bytes_per_s", snapshot->spool_drain_per_s);
        add_seconds(part, "empty_in_s",
            snapshot->spool_drain_per_s > 0 ? (double)snapshot->facts.spool_bytes / snapshot->spool_drain_per_s : -1);
        part = cJSON_AddObjectToObject(root, "store");
        (void)cJSON_AddStringToObject(part, "type", snapshot_store_is_server(snapshot) ? "server" : "files");
        (void)cJSON_AddStringToObject(part, "place", snapshot->root_directory);
        add_time(part, "unreachable_since", snapshot->store_away_since_us > 0 ? snapshot->store_away_since_us : -1);
        if (snapshot->disk_free_bytes != UINT64_MAX)
                add_number(root, "disk_free_bytes", (double)snapshot->disk_free_bytes);
        else
                (void)cJSON_AddNullToObject(root, "disk_free_bytes");
        if (snapshot->growth_known)
                add_number(root, "disk_bytes_per_day", snapshot->bytes_per_day);
        else
                (void)cJSON_AddNullToObject(root, "disk_bytes_per_day");
        part = cJSON_AddObjectToObject(root, "latency_us");
        add_number(part, "p50", (double)snapshot->facts.p50_us);
        add_number(part, "p99", (double)snapshot->facts.p99_us);
        add_number(part, "p999", (double)snapshot->facts.p999_us);
        add_buckets(root, snapshot);
        add_gaps(root, snapshot);
        add_troubles(root, snapshot);
        add_findings(root, findings);
        char *text = cJSON_Print(root);
        cJSON_Delete(root);
        return text;
}
