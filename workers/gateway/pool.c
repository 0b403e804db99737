// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/pool.h"

#include "common/limits.h"
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Parts of a job, on the stack of the thread that waits for them.
struct batch {
        struct batch *next;
        void (*one)(void *context, size_t i);
        void *context;
        size_t begun, done, count;
};

static struct {
        pthread_mutex_t lock;
        pthread_cond_t work; // for threads: a job, parts, the end
        pthread_cond_t rest; // for whoever waits for the last parts of a batch
        struct pool_job *first, **last;
        struct pool_job *finished;
        struct batch *batches; // with parts that nobody has begun
        pthread_t threads[GATEWAY_THREADS_MAX];
        unsigned threads_count;
        int fd;
        bool closing;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .rest = PTHREAD_COND_INITIALIZER};

static _Thread_local bool is_here;

bool pool_is_here(void)
{
        return is_here;
}

// ---- parts ----

// All with the lock held.
static void remove_batch(struct batch *batch)
{
        for (struct batch **at = &pool.batches; *at != NULL; at = &(*at)->next) {
                if (*at == batch) {
                        *at = batch->next;
                        return;
                }
        }
}

static void do_part(struct batch *batch)
{
        size_t i = batch->begun++;

        if (batch->begun == batch->count)
                remove_batch(batch);
        pthread_mutex_unlock(&pool.lock);
        batch->one(batch->context, i);
        pthread_mutex_lock(&pool.lock);
        if (++batch->done == batch->count)
                pthread_cond_broadcast(&pool.rest);
}

void pool_each(size_t count, void (*one)(void *context, size_t i), void *context)
{
        struct batch batch = {.one = one, .context = context, .count = count};

        if (!is_here || count < 2) {
                for (size_t i = 0; i < count; i++)
                        one(context, i);
                return;
        }
        pthread_mutex_lock(&pool.lock);
        batch.next = pool.batches;
        pool.batches = &batch;
        pthread_cond_broadcast(&pool.work);
        while (batch.begun < batch.count)
                do_part(&batch);
        while (batch.done < batch.count)
                pthread_cond_wait(&pool.rest, &pool.lock);
        pthread_mutex_unlock(&pool.lock);
}

// ---- jobs ----

static void do_job(void)
{
        struct pool_job *job = pool.first;

        pool.first = job->next;
        if (pool.first == NULL)
                pool.last = &pool.first;
        pthread_mutex_unlock(&pool.lock);
        job->run(job);
        pthread_mutex_lock(&pool.lock);
        job->next = pool.finished;
        pool.finished = job;
        const uint64_t one = 1;
        if (job->next == NULL)
                REQUIRE(write(pool.fd, &one, sizeof(one)) == sizeof(one));
}

// Jobs come first: a thread helps another only where nobody waits for it.
static void *run_thread(void *nothing)
{
        is_here = true;
        pthread_mutex_lock(&pool.lock);
        while (!pool.closing) {
                if (pool.first != NULL)
                        do_job();
                else if (pool.batches != NULL)
                        do_part(pool.batches);
                else
                        pthread_cond_wait(&pool.work, &pool.lock);
        }
        pthread_mutex_unlock(&pool.lock);
        return nothing;
}

void pool_give(struct pool_job *job)
{
        job->next = NULL;
        pthread_mutex_lock(&pool.lock);
        *pool.last = job;
        pool.last = &job->next;
        pthread_cond_signal(&pool.work);
        pthread_mutex_unlock(&pool.lock);
}

int pool_fd(void)
{
        return pool.fd;
}

struct pool_job *pool_take(void)
{
        uint64_t count;

        pthread_mutex_lock(&pool.lock);
        struct pool_job *job = pool.finished;
        if (job != NULL)
                pool.finished = job->next;
        if (pool.finished == NULL)
                REQUIRE(read(pool.fd, &count, sizeof(count)) == sizeof(count) || errno == EAGAIN);
        pthread_mutex_unlock(&pool.lock);
        return job;
}

// ---- life ----

unsigned pool_cores(void)
{
        cpu_set_t allowed;
        int cores = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;

        return cores < GATEWAY_THREADS_MAX ? (unsigned)cores : GATEWAY_THREADS_MAX;
}

void pool_open(unsigned threads)
{
        sigset_t all, before;

        pool.last = &pool.first;
        pool.closing = false;
        pool.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        REQUIRE(pool.fd >= 0 && threads >= 1 && threads <= GATEWAY_THREADS_MAX);
        sigfillset(&all);
        REQUIRE(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
        for (pool.threads_count = 0; pool.threads_count < threads; pool.threads_count++)
                REQUIRE(pthread_create(&pool.threads[pool.threads_count], NULL, run_thread, NULL) == 0);
        REQUIRE(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

void pool_close(void)
{
        pthread_mutex_lock(&pool.lock);
        pool.closing = true;
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.lock);
        for (unsigned i = 0; i < pool.threads_count; i++)
                REQUIRE(pthread_join(pool.threads[i], NULL) == 0);
        pool.first = pool.finished = NULL;
        close(pool.fd);
}
