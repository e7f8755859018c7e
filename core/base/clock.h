/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/clock: wall time for what people and databases see, boot time for
 * timers (it does not jump and goes on during suspend). All in milliseconds.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

int64_t clock_wall_ms(void);
int64_t clock_boot_ms(void);

/* A condition variable for clock_wait. 0 or a negative errno. */
int clock_cond_init(pthread_cond_t *cond);
/* Waits on a condition variable of clock_cond_init until the boot time (INT64_MAX: for ever). 0, or
 * -ETIMEDOUT. Returns 0 now and then although nothing happened; callers loop. The clock of
 * condition variables stands still during a suspend: a wake-up right after one may be 30 s late. */
int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_boot_ms);

/* True when the wall clock was set by more than a second since it was last asked: *ahead_ms, 0 at
 * first, keeps how far it is ahead of the boot clock. A clock that is made to run slower or faster is
 * not set. */
bool clock_was_set(int64_t *ahead_ms, int64_t wall_ms, int64_t boot_ms);

#define CLOCK_TEXT 32
/* 2025-11-18T14:30:45.123Z */
void clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT]);
/* 2025-11-18 14:30:45 in the system's time zone */
void clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT]);
/* RFC 3339 with any fraction; 0001-01-01T00:00:00Z gives 0. 0 or -EINVAL. */
int clock_parse(const char *text, int64_t *wall_ms);

#endif
