/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/zone: time zones, read from the system's zoneinfo and then immutable, so
 * that any thread may ask any zone at any time. TZ and what the C library makes of it are left
 * alone. Seconds are of Unix time unless they are called local: what the clock shows, as
 * civil_seconds counts it.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/option.h>

#include "base/civil.h"
#include "base/error.h"

/*
 * Reads the zone of that name: Europe/Berlin from $TZDIR or /usr/share/zoneinfo; UTC, which needs no
 * file; local, the zone of the system. 0, -ENOMEM, or -EINVAL with a sentence.
 */
int zone_load(const char *name, const struct tocsin_zone **zone, struct error *err);
/* The same from the content of a file of zoneinfo (TZif, versions 1 to 4), or from a rule as in TZ,
 * "CET-1CEST,M3.5.0,M10.5.0/3". */
int zone_from_file(const char *name, const void *data, size_t size, const struct tocsin_zone **zone,
		   struct error *err);
int zone_from_rule(const char *rule, const struct tocsin_zone **zone, struct error *err);
/* NULL is accepted, and what zone_utc and zone_system gave. */
void zone_free(const struct tocsin_zone *zone);

const struct tocsin_zone *zone_utc(void);
/* The zone of the system: $TZ, else /etc/localtime, else UTC; read once in the life of a process. */
const struct tocsin_zone *zone_system(void);

#define ZONE_ABBREVIATION 16
/* Further than that no span reaches; local and Unix time stay within it by two days. */
#define ZONE_EVER (INT64_C(1) << 60)

/* A stretch of time in which the clock was not set. */
struct zone_span {
	int64_t from, until;    /* ZONE_EVER: for ever */
	int32_t offset;         /* seconds to add to get local time, less than 26 hours */
	bool dst;
	const char *abbreviation; /* CET */
};

/* The span around a moment. */
struct zone_span zone_span(const struct tocsin_zone *zone, int64_t utc_s);

/* The moments at which the clock shows a local time. */
struct zone_moments {
	int n;                  /* 0: it is skipped; 1; 2: it comes again */
	int64_t utc_s[2];       /* in order; of 0 the change that skips it is the first */
};

struct zone_moments zone_from_local(const struct tocsin_zone *zone, const struct civil *local);

/* 2025-11-18 14:30:45 CET */
void zone_format(const struct tocsin_zone *zone, int64_t wall_ms, char *text, size_t size);

#endif
