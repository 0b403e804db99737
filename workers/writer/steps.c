// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/steps.h"

#include "common/interval.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SINGLE_S 60 // as long as the supervisor needs to call a child healthy again
#define FILE_SIZE (PATH_SIZE + REASON_SIZE + 8)
#define SUSPECT_FILE "suspect.batch"

static const char *const job_names[] = {
    [JOB_KLINES] = "klines",
    [JOB_CATALOG] = "catalogue",
    [JOB_LISTING] = "listing",
    [JOB_TRADES] = "trades",
    [JOB_AGG_TRADES] = "agg_trades",
};

static bool has_interval(const struct job *job)
{
        return job->kind == JOB_KLINES || job->kind == JOB_LISTING;
}

// "klines-BTCUSDT-1m": also part of a file's name, one per bucket, so that their number has a bound.
static void name_job(const struct job *job, char name[REASON_SIZE])
{
        (void)snprintf(name, REASON_SIZE, "%s%s%s%s%s", job_names[job->kind], job->symbol[0] != '\0' ? "-" : "",
            job->symbol, has_interval(job) ? "-" : "",
            has_interval(job) ? interval_name((enum interval)job->interval) : "");
}

static void path_of(const struct steps *steps, const char *file, char path[FILE_SIZE])
{
        (void)snprintf(path, FILE_SIZE, "%s/%s", steps->directory, file);
}

// ---- after a crash ----

// The page is shared memory: what a crash left there is checked like input.
static bool job_is_sound(struct job *job)
{
        job->symbol[SYMBOL_SIZE - 1] = '\0';
        return job->kind >= JOB_KLINES && job->kind <= JOB_AGG_TRADES && job->interval < INTERVAL_COUNT &&
               (job->symbol[0] == '\0') == (job->kind == JOB_CATALOG) && strchr(job->symbol, '/') == NULL &&
               (job->kind != JOB_KLINES || job->start_us < job->end_us);
}

static bool is_same_work(const struct job *a, const struct job *b)
{
        return a->kind == b->kind && strcmp(a->symbol, b->symbol) == 0 && a->interval == b->interval &&
               a->start_us == b->start_us && a->end_us == b->end_us && a->first_id == b->first_id &&
               a->last_id == b->last_id;
}

// Where the chunk's bytes were kept, they are kept for good.
static void keep_suspect(const struct steps *steps, const char *name, char kept[FILE_SIZE])
{
        char from[FILE_SIZE], file[REASON_SIZE];

        (void)snprintf(file, sizeof(file), "quarantine-%.100s.batch", name);
        path_of(steps, SUSPECT_FILE, from);
        path_of(steps, file, kept);
        if (rename(from, kept) == -1)
                kept[0] = '\0';
}

static void blame_chunk(struct steps *steps, struct chunk_at_hand *chunk, struct store *store)
{
        char name[REASON_SIZE], kept[FILE_SIZE];

        if (!job_is_sound(&chunk->job))
                return;
        name_job(&chunk->job, name);
        keep_suspect(steps, name, kept);
        chunk->crashes = is_same_work(&chunk->job, &chunk->crashed) ? chunk->crashes + 1 : 1;
        chunk->crashed = chunk->job;
        log_warn(
            "the last writer crashed while it applied a chunk of %s, for the %u. time%s%s; the third time that job "
            "is left alone for a day",
            name, chunk->crashes, kept[0] != '\0' ? ", kept in " : "", kept);
        store_blame_job(store, &chunk->job, chunk->crashes, "the writer crashed on a chunk of it");
        if (store_sync(store) == -1)
                log_warn("the crash could not be noted in the ledger: %s", strerror(errno));
}

// Bytes that no crash blamed are of a chunk during which the writer was killed: they must not be taken for those of the
// next chunk that ends a writer.
static void drop_suspect(const struct steps *steps)
{
        char path[FILE_SIZE];

        path_of(steps, SUSPECT_FILE, path);
        if (unlink(path) == -1 && errno != ENOENT)
                log_warn("%s could not be removed: %s", path, strerror(errno));
}

static void blame_row(struct steps *steps, struct spool *spool, int64_t row)
{
        steps->suspect_row = row;
        steps->suspect_attempts = spool_count_attempt(spool, row);
        log_warn(
            "the last writer crashed while it applied spool row %lld, for the %d. time; the third time it is set aside",
            (long long)row, steps->suspect_attempts);
}

static void blame(struct steps *steps, struct spool *spool, struct store *store, bool busy, int64_t row)
{
        if (busy)
                blame_chunk(steps, &steps->child->governor->chunk, store);
        else if (row != 0)
                blame_row(steps, spool, row);
        steps->single_until = (mono_time){mono_now().us + SINGLE_S * US_PER_S};
}

void steps_take_over(struct steps *steps, const struct child *child, struct spool *spool, struct store *store)
{
        int64_t row = (int64_t)atomic_exchange(&child->vitals->job_lease, 0);
        bool busy = atomic_exchange(&child->governor->chunk.busy, 0) != 0;

        *steps = (struct steps){.child = child};
        (void)snprintf(steps->directory, sizeof(steps->directory), "%s", child->setup->settings.state_directory);
        if (child->setup->after_crash != 0)
                blame(steps, spool, store, busy, row);
        drop_suspect(steps);
}

bool steps_row_is_quarantined(const struct steps *steps, int64_t row)
{
        return row == steps->suspect_row && steps->suspect_attempts >= CRASHES_MAX;
}

bool steps_are_single(const struct steps *steps)
{
        return mono_now().us < steps->single_until.us;
}

// ---- marks ----

static void write_suspect(const struct steps *steps, const void *bytes, size_t length)
{
        char path[FILE_SIZE];

        path_of(steps, SUSPECT_FILE, path);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        // Not synced: it has to survive this process, not the machine.
        if (fd == -1 || write(fd, bytes, length) != (ssize_t)length)
                log_warn("%s could not be written: %s", path, strerror(errno));
        if (fd != -1)
                (void)close(fd);
}

void steps_begin_row(struct steps *steps, int64_t row)
{
        atomic_store(&steps->child->vitals->job_lease, (uint64_t)row);
}

void steps_begin_chunk(struct steps *steps, const struct job *job, const void *bytes, size_t length)
{
        struct chunk_at_hand *chunk = &steps->child->governor->chunk;

        if (job == NULL)
                return;
        if (steps_are_single(steps))
                write_suspect(steps, bytes, length);
        chunk->job = *job;
        atomic_store(&chunk->busy, 1);
}

void steps_end(struct steps *steps)
{
        struct chunk_at_hand *chunk = &steps->child->governor->chunk;
        int saved = errno;

        atomic_store(&steps->child->vitals->job_lease, 0);
        if (atomic_exchange(&chunk->busy, 0) != 0 && steps->single_until.us != 0)
                drop_suspect(steps);
        errno = saved;
}
