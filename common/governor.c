// SPDX-License-Identifier: Apache-2.0
#include "common/governor.h"

#include "common/budget.h"
#include "common/log.h"
#include "common/memfile.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define GOVERNOR_MAGIC 0x564f4742u                                // "BGOV"
#define GOVERNOR_VERSION ((uint32_t)sizeof(struct governor_page)) // another build's page is refused by its size
#define UTILIZATION_DEFAULT_PERMILLE 500
#define HEADER_GUARD_US (2 * US_PER_S) // the exchange may still be in the minute before

int governor_create(void)
{
        int fd = memfile_create("governor", sizeof(struct governor_page));
        struct governor_page *page = fd < 0 ? NULL : memfile_map(fd, sizeof(*page), true);

        if (page == NULL) {
                int saved_errno = errno;
                if (fd >= 0)
                        close(fd);
                errno = saved_errno;
                return -1;
        }
        page->magic = GOVERNOR_MAGIC;
        page->version = GOVERNOR_VERSION;
        atomic_store(&page->utilization_permille, UTILIZATION_DEFAULT_PERMILLE);
        boot_time boot = boot_now();
        page->wall_minus_boot_us = wall_now().ns / 1000 - boot.us;
        atomic_store(&page->started_boot_us, boot.us);
        munmap(page, sizeof(*page));
        return fd;
}

int governor_reopen_readonly(int fd)
{
        return memfile_reopen_readonly(fd);
}

struct governor_page *governor_map(int fd, bool writable)
{
        struct governor_page *page = memfile_map(fd, sizeof(*page), writable);

        if (page != NULL && (page->magic != GOVERNOR_MAGIC || page->version != GOVERNOR_VERSION)) {
                munmap(page, sizeof(*page));
                errno = EBADMSG;
                return NULL;
        }
        return page;
}

// ---- requests ----

static struct budget_time period_now(const struct governor_page *page, int64_t period_us)
{
        int64_t real_us = boot_now().us + page->wall_minus_boot_us + atomic_load(&page->minute_phase_us);

        return budget_time_at(real_us > 0 ? real_us : 0, period_us);
}

uint32_t governor_minute(const struct governor_page *page)
{
        return period_now(page, US_PER_MIN).period;
}

uint32_t governor_used(const struct governor_page *page)
{
        return budget_used(atomic_load(&page->weight_word), period_now(page, US_PER_MIN));
}

uint32_t governor_weight_limit(const struct governor_page *page)
{
        uint32_t limit = atomic_load(&page->weight_limit);

        return limit != 0 ? limit : WEIGHT_LIMIT_DEFAULT;
}

static int64_t look(
    const _Atomic uint64_t *shared, const struct budget_rule *rule, struct budget_time now, uint32_t amount)
{
        uint64_t word = atomic_load(shared);

        return budget_take(rule, now, amount, &word);
}

static int64_t take(_Atomic uint64_t *shared, const struct budget_rule *rule, struct budget_time now, uint32_t amount)
{
        uint64_t seen = atomic_load(shared);

        for (unsigned i = 0; i < CAS_TRIES_MAX; i++) {
                uint64_t word = seen;
                int64_t wait = budget_take(rule, now, amount, &word);
                if (wait > 0 || atomic_compare_exchange_weak(shared, &seen, word))
                        return wait;
        }
        return 1;
}

int64_t governor_reserve(struct governor_page *page, uint32_t weight, uint32_t share_permille)
{
        REQUIRE(share_permille > 0 && share_permille <= BUDGET_WHOLE_PERMILLE);
        uint32_t raw_limit = atomic_load(&page->raw_limit), utilization = atomic_load(&page->utilization_permille);
        struct budget_rule whole = {governor_weight_limit(page), utilization, BUDGET_WHOLE_PERMILLE, US_PER_MIN};
        struct budget_rule share = {whole.limit, utilization, share_permille, US_PER_MIN};
        struct budget_rule raw = {raw_limit != 0 ? raw_limit : RAW_LIMIT_DEFAULT, utilization, BUDGET_WHOLE_PERMILLE,
            RAW_WINDOW_S * US_PER_S};
        struct budget_time minute = period_now(page, US_PER_MIN), window = period_now(page, raw.period_us);
        bool shares = share_permille < BUDGET_WHOLE_PERMILLE;

        if (whole.limit == BUDGET_UNLIMITED)
                raw.limit = BUDGET_UNLIMITED;
        int64_t wait = governor_ban_remaining_ms(page);
        // Look at all before taking from any, for nothing is given back. What a race still takes in vain is lost for
        // this minute; weight, the scarcest, comes last and is never taken in vain.
        if (wait == 0)
                wait = look(&page->raw_word, &raw, window, 1);
        if (wait == 0)
                wait = look(&page->weight_word, &whole, minute, weight);
        if (wait == 0 && shares)
                wait = take(&page->share_word, &share, minute, weight);
        if (wait == 0)
                wait = take(&page->raw_word, &raw, window, 1);
        if (wait == 0)
                wait = take(&page->weight_word, &whole, minute, weight);
        return wait;
}

void governor_used_header(struct governor_page *page, uint32_t minute_of_request, uint32_t used)
{
        struct budget_time now = period_now(page, US_PER_MIN);

        if (now.period != minute_of_request || now.elapsed_us < HEADER_GUARD_US)
                return;
        uint64_t seen = atomic_load(&page->weight_word);
        for (unsigned i = 0; i < CAS_TRIES_MAX; i++) {
                uint64_t word = seen;
                if (!budget_raise(minute_of_request, used, &word) ||
                    atomic_compare_exchange_weak(&page->weight_word, &seen, word))
                        return;
        }
}

void governor_date_header(struct governor_page *page, int64_t date_s)
{
        int64_t our_us = boot_now().us + page->wall_minus_boot_us;
        bool aligned = atomic_load(&page->minute_aligned) != 0;
        int64_t phase_us = atomic_load(&page->minute_phase_us);

        if (date_s <= 0 || our_us <= 0)
                return;
        atomic_store(&page->minute_phase_us, budget_align_us(phase_us, aligned, our_us, date_s));
        atomic_store(&page->minute_aligned, 1);
}

// ---- bans ----

static void ban_until(struct governor_page *page, uint32_t status, int64_t until_us)
{
        int64_t seen = atomic_load(&page->ban_until_us);

        for (unsigned i = 0; i < CAS_TRIES_MAX && seen < until_us; i++) {
                if (atomic_compare_exchange_weak(&page->ban_until_us, &seen, until_us)) {
                        atomic_store(&page->ban_status, status);
                        return;
                }
        }
}

void governor_ban(struct governor_page *page, uint32_t status, int64_t seconds)
{
        if (status == 429)
                atomic_fetch_add(&page->answers_429, 1);
        if (status == 418)
                atomic_fetch_add(&page->answers_418, 1);
        ban_until(page, status, boot_now().us + budget_ban_us(status, seconds, period_now(page, US_PER_MIN)));
}

void governor_ban_restore(struct governor_page *page, uint32_t status, int64_t remaining_ms)
{
        int64_t longest_ms = budget_ban_us(418, INT64_MAX, (struct budget_time){0, 0}) / US_PER_MS;

        // The wall clock may have stepped while nobody ran: no ban lasts longer than the longest.
        if (remaining_ms > longest_ms)
                remaining_ms = longest_ms;
        if (remaining_ms > 0)
                ban_until(page, status, boot_now().us + remaining_ms * US_PER_MS);
}

int64_t governor_ban_remaining_ms(const struct governor_page *page)
{
        int64_t remaining_us = atomic_load(&page->ban_until_us) - boot_now().us;

        return remaining_us <= 0 ? 0 : (remaining_us + US_PER_MS - 1) / US_PER_MS;
}

// ---- connections ----

uint32_t governor_connections_used(const struct governor_page *page)
{
        return budget_used(atomic_load(&page->connections_word), period_now(page, CONNECTIONS_WINDOW_S * US_PER_S));
}

int64_t governor_connect(struct governor_page *page, bool reconnect)
{
        const int64_t period_us = CONNECTIONS_WINDOW_S * US_PER_S;
        struct budget_time window = period_now(page, period_us);
        uint64_t seen = atomic_load(&page->connections_word), word = seen;
        int64_t now_us = boot_now().us, next_us = atomic_load(&page->connect_next_us);

        int64_t wait =
            budget_connect(CONNECTIONS_PER_WINDOW_MAX, reconnect, period_us, window, CONNECTION_SPACING_MS, &word);
        if (wait > 0)
                return wait;
        if (next_us > now_us)
                return (next_us - now_us + US_PER_MS - 1) / US_PER_MS;
        // Whoever takes the start also counts the connection: the next start is 200 ms away, so nobody else does.
        if (!atomic_compare_exchange_strong(
                &page->connect_next_us, &next_us, now_us + CONNECTION_SPACING_MS * US_PER_MS))
                return CONNECTION_SPACING_MS;
        return atomic_compare_exchange_strong(&page->connections_word, &seen, word) ? 0 : CONNECTION_SPACING_MS;
}

// ---- exchange clock ----

int64_t governor_exchange_now_us(const struct governor_page *page)
{
        int64_t event_us = atomic_load(&page->event_newest_us), now_us = -1;

        if (atomic_load(&page->clock_synced_us) != 0)
                now_us = boot_now().us + atomic_load(&page->clock_offset_us);
        return event_us != 0 && event_us > now_us ? event_us : now_us;
}

void governor_clock_sync(struct governor_page *page, int64_t server_us, boot_time middle_of_request)
{
        atomic_store(&page->clock_offset_us, server_us - middle_of_request.us);
        atomic_store(&page->clock_synced_us, middle_of_request.us);
        atomic_store(&page->event_newest_us, 0);
}

void governor_clock_event(struct governor_page *page, int64_t event_us)
{
        int64_t now_us = governor_exchange_now_us(page), seen = atomic_load(&page->event_newest_us);

        // Ahead of what is known, not of serverTime alone: a test exchange whose clock runs fast is followed by its
        // events between two serverTimes.
        if (now_us >= 0 && event_us > now_us + US_PER_HOUR)
                return;
        for (unsigned i = 0; i < CAS_TRIES_MAX && seen < event_us; i++) {
                if (atomic_compare_exchange_weak(&page->event_newest_us, &seen, event_us))
                        return;
        }
}

// ---- names ----

const char *child_class_name(uint32_t class)
{
        static const char *const names[CHILD_CLASSES] = {"none", "stream", "backfill", "writer", "gateway"};

        return class < CHILD_CLASSES ? names[class] : "unknown";
}

const char *child_state_name(uint32_t state)
{
        static const char *const names[] = {"down", "starting", "ready", "stopping", "backoff", "failed"};

        return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}
