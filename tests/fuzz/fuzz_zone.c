/* SPDX-License-Identifier: Apache-2.0 */
/* Files of zoneinfo, and rules as in TZ (after an R): the spans of a zone follow each other without
 * a gap, and every local time leads back. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/zone.h"

#define SPANS 300

static void check_moment(const struct tocsin_zone *zone, int64_t utc_s)
{
	struct zone_span span = zone_span(zone, utc_s);
	struct civil local = civil_from_seconds(utc_s + span.offset);
	struct zone_moments found = zone_from_local(zone, &local);
	char text[40];

	assert(span.from <= utc_s && utc_s < span.until);
	assert(span.offset > -26 * 3600 && span.offset < 26 * 3600);
	assert(strlen(span.abbreviation) < ZONE_ABBREVIATION);
	assert(found.n >= 1 && found.n <= 2 && found.utc_s[0] <= utc_s);
	assert(found.n == 1 || found.utc_s[0] < found.utc_s[1]);
	zone_format(zone, utc_s * 1000, text, sizeof(text));
	assert(fuzz_is_clean(text, strlen(text), ""));
}

static void check_spans(const struct tocsin_zone *zone)
{
	int64_t utc_s = -INT64_C(3000000000);

	for (int i = 0; i < SPANS; i++) {
		struct zone_span span = zone_span(zone, utc_s);
		struct zone_span next;

		check_moment(zone, utc_s);
		if (span.until >= ZONE_EVER / 1000000)
			return;
		check_moment(zone, span.until - 1);
		next = zone_span(zone, span.until);
		assert(next.from == span.until && next.until > next.from);
		utc_s = span.until;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const struct tocsin_zone *zone = NULL;
	struct error err = {""};
	int result;

	if (size > 0 && data[0] == 'R') {
		char *text = fuzz_rest(&(struct fuzz_input){data + 1, size - 1});

		result = text ? zone_from_rule(text, &zone, &err) : -1;
		free(text);
	} else {
		result = zone_from_file("fuzz", input.data, input.size, &zone, &err);
	}
	if (result == 0) {
		check_spans(zone);
		check_moment(zone, -INT64_C(9000000000000));
		check_moment(zone, INT64_C(9000000000000));
	}
	zone_free(zone);
	return 0;
}
