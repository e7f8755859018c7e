/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/units.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

void moment_relative(int64_t then_ms, int64_t now_ms, char text[MOMENT_TEXT])
{
	static const struct {
		int64_t below, unit; /* ms */
		const char *name;
	} units[] = {
		{2 * MINUTE, SECOND, "second"},
		{2 * HOUR, MINUTE, "minute"},
		{2 * DAY, HOUR, "hour"},
		{INT64_MAX, DAY, "day"},
	};
	int64_t far = then_ms > now_ms ? then_ms - now_ms : now_ms - then_ms, n;
	size_t i = 0;

	if (far < SECOND) {
		snprintf(text, MOMENT_TEXT, "now");
		return;
	}
	while (far >= units[i].below)
		i++;
	/* To the nearest: what is due in 4 minutes and 59 seconds is due in 5 minutes. */
	n = (far + units[i].unit / 2) / units[i].unit;
	snprintf(text, MOMENT_TEXT, "%s%" PRId64 " %s%s%s", then_ms > now_ms ? "in " : "", n,
		 units[i].name, n == 1 ? "" : "s", then_ms > now_ms ? "" : " ago");
}

static int time_of(const json_t *object, const char *key, int64_t *ms)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? clock_parse(text, ms) : -1;
}

const char *moment_ago(const json_t *object, const char *key, int64_t now_ms,
		       char text[MOMENT_TEXT])
{
	int64_t then_ms;

	text[0] = '\0';
	if (time_of(object, key, &then_ms) == 0)
		moment_relative(then_ms, now_ms, text);
	return text;
}

const char *moment_full(const json_t *object, const char *key, int64_t now_ms,
			char text[MOMENT_TEXT])
{
	char local[CLOCK_TEXT], relative[MOMENT_TEXT];
	int64_t then_ms;

	text[0] = '\0';
	if (time_of(object, key, &then_ms) < 0)
		return text;
	clock_format_local(then_ms, local);
	moment_relative(then_ms, now_ms, relative);
	(void)snprintf(text, MOMENT_TEXT, "%.31s (%.40s)", local, relative);
	return text;
}

const char *moment_took(const json_t *object, const char *key, char text[MOMENT_TEXT])
{
	const json_t *ms = json_object_get(object, key);
	char elapsed[UNITS_TEXT];

	text[0] = '\0';
	if (!json_is_integer(ms))
		return text;
	units_format_elapsed(json_integer_value(ms), elapsed);
	snprintf(text, MOMENT_TEXT, "%s", elapsed);
	return text;
}
