/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/zone_parts.h"

#define LONGEST_OFFSET (26 * 3600)

static const struct zone *own(const struct tocsin_zone *zone)
{
	return (const struct zone *)zone;
}

/* The number of changes that are not after that moment. */
static size_t changes_until(const struct zone *zone, int64_t utc_s)
{
	size_t low = 0, high = zone->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct zone_span zone_span(const struct tocsin_zone *pub, int64_t utc_s)
{
	const struct zone *zone = own(pub);
	size_t i = changes_until(zone, utc_s);
	int64_t from = i > 0 ? zone->at[i - 1] : -ZONE_EVER;
	const struct zone_type *type;

	if (i == zone->n && zone->has_rule) {
		struct zone_span span = zone_rule_span(&zone->rule, utc_s);

		if (span.from < from)
			span.from = from;
		return span;
	}
	type = &zone->type[i > 0 ? zone->to[i - 1] : 0];
	return (struct zone_span){
		.from = from,
		.until = i < zone->n ? zone->at[i] : ZONE_EVER,
		.offset = type->offset,
		.dst = type->dst,
		.abbreviation = type->abbreviation,
	};
}

struct zone_moments zone_from_local(const struct tocsin_zone *zone, const struct civil *civil)
{
	int64_t local = civil_seconds(civil);
	int64_t last = local + LONGEST_OFFSET;
	struct zone_span span = zone_span(zone, local - LONGEST_OFFSET);
	struct zone_moments moments = {.utc_s = {local, local}};

	for (;;) {
		int64_t moment = local - span.offset, change = span.until;

		if (moment >= span.from && moment < change && moments.n < 2)
			moments.utc_s[moments.n++] = moment;
		if (change > last)
			return moments;
		span = zone_span(zone, change);
		if (moments.n == 0 && moment >= change && local - span.offset < change)
			moments.utc_s[0] = change;
	}
}

void zone_format(const struct tocsin_zone *zone, int64_t wall_ms, char *text, size_t size)
{
	int64_t utc_s = wall_ms / 1000 - (wall_ms % 1000 < 0);
	struct zone_span span = zone_span(zone, utc_s);
	struct civil local = civil_from_seconds(utc_s + span.offset);

	snprintf(text, size, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d %s", local.year, local.month,
		 local.day, local.hour, local.minute, local.second, span.abbreviation);
}

void zone_free(const struct tocsin_zone *zone)
{
	if (zone && !own(zone)->lasting)
		zone_drop((struct zone *)own(zone));
}

void zone_drop(struct zone *zone)
{
	free(zone->name);
	free(zone->at);
	free(zone->to);
	free(zone->type);
	free(zone);
}
