/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/schedule: when something is to happen, as people write it: a cron
 * expression, "every 5m", a calendar expression of systemd. tocsin-schedules(7) says what a text
 * may hold. Immutable; any thread.
 */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include <stdint.h>

#include <tocsin/option.h>

#include "base/error.h"

#define SCHEDULE_TEXT 200 /* bytes that it may have */

/* 0, -ENOMEM, or -EINVAL with a sentence that says where in text and what to write instead. */
int schedule_parse(const char *text, const struct tocsin_schedule **schedule, struct error *err);
/* NULL is accepted. */
void schedule_free(const struct tocsin_schedule *schedule);

/*
 * The first moment after after_ms (wall time) that the schedule names, INT64_MAX when there is none.
 * The schedule's own zone goes before zone, and that before the zone of the system (NULL).
 */
int64_t schedule_next(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
		      int64_t after_ms);

#endif
