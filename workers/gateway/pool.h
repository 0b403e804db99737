// SPDX-License-Identifier: Apache-2.0
// Threads that read for large answers, as many as there are cores, so that several clients, and the parts of one
// answer, are worked for at once. The event loop gives jobs away and takes them back once they are done; only the
// loop's thread touches sockets. One pool a process, opened by main.c, used by http.c (jobs) and query.c (parts of a
// job). Without a pool everything runs where it is called.
#ifndef GATEWAY_POOL_H
#define GATEWAY_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool_job { // part of the caller's own struct, which must stay until the job has come back
        void (*run)(struct pool_job *job);
        struct pool_job *next;
};

// Starts `threads` threads, which take no signals. Aborts where the system gives none.
void pool_open(unsigned threads);
// Waits for jobs that run; those that wait are given up. Called once nobody gives or takes any more.
void pool_close(void);
unsigned pool_cores(void); // that this process may use, at most GATEWAY_THREADS_MAX

// From the event loop's thread.
void pool_give(struct pool_job *job); // its turn comes after those given before
int pool_fd(void);                    // readable when there are jobs to take back
struct pool_job *pool_take(void);     // one that is done, or NULL when there is none (the descriptor is quiet then)

// Whether the caller is one of the threads.
bool pool_is_here(void);
// Calls one(context, i) for each i below `count`, in any order, at once on threads that have nothing else to do; the
// caller helps, and goes on when all are done. In another thread than the pool's: one after the other.
void pool_each(size_t count, void (*one)(void *context, size_t i), void *context);

#endif
