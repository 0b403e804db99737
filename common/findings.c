// SPDX-License-Identifier: Apache-2.0
#include "common/findings.h"

#include "common/cure.h"
#include "common/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UNDER_WAY_FEW 10         // missing bars of a live bucket that are news, not a hole
#define RESTARTS_FEW 3           // more than this is worth a look
#define DISK_DAYS_FEW 30         // of room left
#define DISK_BYTES_FEW (1 << 30) // or this much
#define SPOOL_AGE_FEW_S 120

static struct finding *add(struct findings *findings, const char *cure)
{
        static struct finding spare;

        if (findings->count == FINDINGS_MAX) {
                findings->more++;
                return &spare;
        }
        struct finding *finding = &findings->items[findings->count++];
        snprintf(finding->cure, sizeof(finding->cure), "%s", cure);
        return finding;
}

static void __attribute__((format(printf, 3, 4)))
find(struct findings *findings, const char *cure, const char *format, ...)
{
        struct finding *finding = add(findings, cure);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(finding->what, sizeof(finding->what), format, arguments);
        va_end(arguments);
}

bool findings_child_is_healthy(const struct snapshot_child *child)
{
        bool idle = child->class == CHILD_STREAM && !child->connected;

        return child->state == CHILD_READY && !idle && !child->degraded && child->restarts <= RESTARTS_FEW;
}

bool findings_bucket_is_healthy(const struct ledger_bucket *bucket)
{
        int64_t few = bucket->live || bucket->made_of[0] != '\0' ? UNDER_WAY_FEW : 0;

        return bucket->why[0] == '\0' && bucket->missing <= few;
}

static void judge_children(const struct snapshot *snapshot, struct findings *findings)
{
        for (size_t i = 0; i < snapshot->children_count; i++) {
                const struct snapshot_child *child = &snapshot->children[i];
                const char *class = child_class_name(child->class);
                if (findings_child_is_healthy(child))
                        continue;
                if (child->state == CHILD_FAILED)
                        find(findings, "see the log; it is tried again every five minutes", "%s %s failed: %s", class,
                            child->name, child->last_death);
                else if (child->degraded)
                        find(findings,
                            "is wss:// to the exchange open, without a proxy that closes it? It is tried on for ever",
                            "stream %s reconnects again and again (%u times)", child->name, child->reconnects);
                else if (child->restarts > RESTARTS_FEW && child->last_death[0] != '\0')
                        find(findings, "see the log", "%s %s was started again %u times; last: %s", class, child->name,
                            child->restarts, child->last_death);
                else if (child->class == CHILD_STREAM && child->state == CHILD_READY)
                        find(findings, "a moment after the start this is normal", "stream %s is not connected",
                            child->name);
                else if (child->state != CHILD_READY)
                        find(findings, "", "%s %s is %s%s%s", class, child->name, child_state_name(child->state),
                            child->last_death[0] != '\0' ? "; last: " : "", child->last_death);
        }
}

// What streams have brought is sound as far as it can be seen.
static void judge_streams(const struct snapshot *snapshot, struct findings *findings)
{
        char count[UNITS_TEXT_SIZE];

        for (size_t i = 0; i < snapshot->children_count; i++) {
                const struct snapshot_child *child = &snapshot->children[i];
                if (child->books_differing > 0)
                        find(findings, "it went on from the snapshot each time; the log says when and how much",
                            "stream %s: %llu of %llu comparisons of its kept books with a fresh snapshot found a "
                            "difference, in %s levels",
                            child->name, (unsigned long long)child->books_differing,
                            (unsigned long long)child->books_compared,
                            units_count((int64_t)(child->levels_compared - child->levels_equal), count));
        }
}

static void judge_exchange(const struct snapshot *snapshot, struct findings *findings)
{
        const struct facts *facts = &snapshot->facts;
        char span[UNITS_TEXT_SIZE];

        if (facts->ban_s > 0)
                find(findings,
                    facts->ban_status == 451 ? CURE_ELSEWHERE
                                             : "nothing: it is waited for. If it comes again, " CURE_LIMITED,
                    "the exchange refuses requests (HTTP %u) for another %s", facts->ban_status,
                    units_span_s((double)facts->ban_s, span));
        else if (facts->unreachable >= UNREACHABLE_FEW)
                find(findings, CURE_ELSEWHERE, "the exchange cannot be reached: %u requests without an answer",
                    facts->unreachable);
}

static void judge_disk(const struct snapshot *snapshot, struct findings *findings)
{
        char left[UNITS_TEXT_SIZE];

        if (snapshot->facts.disk_full)
                find(findings, "make room; it goes on by itself", "the disk is full: nothing is acknowledged");
        else if ((double)snapshot->disk_free_bytes < snapshot->bytes_per_day * DISK_DAYS_FEW ||
                 snapshot->disk_free_bytes < DISK_BYTES_FEW)
                find(findings, "make room before it is full", "the disk has only %s left",
                    units_bytes(snapshot->disk_free_bytes, left));
        if (snapshot->store_away_since_us > 0)
                find(findings, "start it again, or mend store.url; what waits in the spool is then sent in order",
                    "store server %.100s unreachable since %s UTC", snapshot->root_directory,
                    units_time_us(snapshot->store_away_since_us, left));
        else if (snapshot->spool_age_s > SPOOL_AGE_FEW_S)
                find(findings,
                    "the store is slower than the market: see the log of the writer, and whether the disk is busy",
                    "bars have waited %s to be stored", units_span_s(snapshot->spool_age_s, left));
}

bool findings_tick_is_healthy(const struct ledger_tick *tick)
{
        int64_t few = tick->live ? UNDER_WAY_FEW : 0;

        return tick->why[0] == '\0' && tick->missing <= few;
}

// What hinders a bucket of ticks is among the troubles where requests do.
static bool has_trouble(const struct snapshot *snapshot, const struct ledger_tick *tick)
{
        for (size_t i = 0; i < snapshot->troubles_count; i++) {
                const struct ledger_trouble *trouble = &snapshot->troubles[i];

                if (trouble->is_ticks && strcmp(trouble->symbol, tick->symbol) == 0 &&
                    strcmp(trouble->of, ledger_tick_kind_name(tick->kind)) == 0)
                        return true;
        }
        return false;
}

static void judge_ticks(const struct snapshot *snapshot, struct findings *findings)
{
        char count[UNITS_TEXT_SIZE];

        for (size_t i = 0; i < snapshot->ticks_count; i++) {
                const struct ledger_tick *tick = &snapshot->ticks[i];
                const char *kind = ledger_tick_kind_name(tick->kind);

                if (!tick->followed || findings_tick_is_healthy(tick))
                        continue;
                if (tick->why[0] != '\0' && !has_trouble(snapshot, tick))
                        find(findings, "", "%s %s: %s", tick->symbol, kind, tick->why);
                if (tick->missing > 0 && !snapshot->running)
                        find(findings, "start it again: what is missing is fetched", "%s %s: %s ids missing",
                            tick->symbol, kind, units_count(tick->missing, count));
        }
}

static void judge_trouble(const struct ledger_trouble *trouble, struct findings *findings)
{
        bool lacking = strstr(trouble->text, "historicalTrades") != NULL;

        find(findings,
            lacking ? "its gaps stay open: set endpoints.rest to a host that has it, such as https://api.binance.com"
                    : "it is tried again by itself",
            "%s %s: %s (%lld attempts)", trouble->symbol, trouble->of, trouble->text, (long long)trouble->attempts);
}

static void judge_ledger(const struct snapshot *snapshot, struct findings *findings)
{
        char count[UNITS_TEXT_SIZE];

        if (!snapshot->has_ledger) {
                if (!snapshot->running)
                        return; // nothing was ever started here; the screen says so
                find(findings, "", "there is no ledger yet: %s", snapshot->no_ledger);
                return;
        }
        judge_ticks(snapshot, findings);
        for (size_t i = 0; i < snapshot->buckets_count; i++) {
                const struct ledger_bucket *bucket = &snapshot->buckets[i];
                const char *interval = interval_name(bucket->interval);
                if (!bucket->followed || findings_bucket_is_healthy(bucket))
                        continue;
                if (bucket->why[0] != '\0')
                        find(findings, "", "%s %s: %s", bucket->symbol, interval, bucket->why);
                else if (!snapshot->running)
                        find(findings, "start it again: what is missing is fetched", "%s %s: %s bars missing",
                            bucket->symbol, interval, units_count(bucket->missing, count));
        }
        if (!snapshot->running && snapshot->meta.catalogue_generation == 0)
                find(findings,
                    "start it where the exchange can be reached; endpoints.proxy, or Binance's public data hosts",
                    "the exchange has never answered: nothing is known of it yet");
        for (size_t i = 0; i < snapshot->buckets_count; i++) {
                const struct ledger_bucket *bucket = &snapshot->buckets[i];
                if (bucket->followed && bucket->differences > 0)
                        find(findings, "the exchange's are kept; state_directory's ledger.db lists them (differences)",
                            "%s %s: %s bars made of %s are not the exchange's own", bucket->symbol,
                            interval_name(bucket->interval), units_count(bucket->differences, count), bucket->made_of);
        }
        for (size_t i = 0; i < snapshot->troubles_count; i++)
                judge_trouble(&snapshot->troubles[i], findings);
        if (snapshot->meta.quarantined > 0)
                find(findings, "keep state_directory and report it as a bug; they are tried again daily",
                    "%lld batches are kept aside because reading them ended the writer",
                    (long long)snapshot->meta.quarantined);
}

void findings_collect(const struct snapshot *snapshot, struct findings *findings)
{
        memset(findings, 0, sizeof(*findings));
        if (snapshot->not_running[0] != '\0')
                find(findings, "use the program it was started with, as its user", "%s", snapshot->not_running);
        judge_exchange(snapshot, findings);
        judge_disk(snapshot, findings);
        judge_children(snapshot, findings);
        judge_streams(snapshot, findings);
        judge_ledger(snapshot, findings);
}
