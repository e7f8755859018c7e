/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules as people write them, after one letter that chooses a zone and a line that says when
 * to begin: each moment comes after the one before, and is the same from wherever one looks. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/schedule.h"
#include "base/zone.h"

#define MOMENTS 6

static const struct tocsin_zone *zone_by(char letter)
{
	static const char *const rules[] = {
		"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"IST-1GMT0,M10.5.0,M3.5.0/1", "AAA0BBB-23,J1/-167,J2/167"};
	const struct tocsin_zone *zone = NULL;
	struct error err;

	if (zone_from_rule(rules[(unsigned char)letter % (sizeof(rules) / sizeof(rules[0]))], &zone,
			   &err) != 0)
		abort();
	return zone;
}

static void check_moments(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			  int64_t after_ms)
{
	for (int i = 0; i < MOMENTS; i++) {
		int64_t next = schedule_next(schedule, zone, after_ms);

		assert(next > after_ms || after_ms == INT64_MAX);
		if (next == INT64_MAX)
			return;
		/* nothing is between the two, and the moment itself is found from right before */
		assert(schedule_next(schedule, zone, next - 1) == next);
		assert(schedule_next(schedule, zone, after_ms / 2 + next / 2) >= next ||
		       after_ms < 0);
		after_ms = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const struct tocsin_schedule *schedule = NULL, *again = NULL;
	char *when = fuzz_text(&input);
	char *text = fuzz_rest(&input);
	struct error err = {""};

	setenv("TZDIR", fuzz_directory(), 1);
	if (when && text && schedule_parse(text, &schedule, &err) == 0) {
		const struct tocsin_zone *zone = zone_by(when[0]);
		int64_t after_ms = when[0] ? strtoll(when + 1, NULL, 10) : 0;

		check_moments(schedule, zone, after_ms);
		assert(schedule_parse(schedule->text, &again, &err) == 0);
		assert(strcmp(again->text, schedule->text) == 0);
		assert(schedule_next(again, zone, after_ms) ==
		       schedule_next(schedule, zone, after_ms));
		zone_free(zone);
	} else if (when && text) {
		assert(err.text[0] && fuzz_is_clean(err.text, strlen(err.text), ""));
	}
	schedule_free(again);
	schedule_free(schedule);
	free(when);
	free(text);
	return 0;
}
