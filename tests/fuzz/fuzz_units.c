/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, sizes, rates, times and severities as people write them: what is read is written
 * again and means the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "alert/severity.h"
#include "base/clock.h"
#include "base/units.h"
#include "delivery/verdict.h"
#include "serve/api_query.h"

static void check_duration(const char *text)
{
	char again[UNITS_TEXT], people[UNITS_TEXT];
	int64_t ms, second;

	if (units_parse_duration(text, &ms) != 0)
		return;
	assert(ms >= 0);
	units_format_duration(ms, again);
	assert(units_parse_duration(again, &second) == 0 && second == ms);
	units_format_elapsed(ms, people);
	assert(*people);
}

static void check_size(const char *text)
{
	char again[UNITS_TEXT];
	int64_t bytes, second;

	if (units_parse_size(text, &bytes) != 0)
		return;
	assert(bytes >= 0);
	units_format_size(bytes, again);
	assert(units_parse_size(again, &second) == 0 && second == bytes);
}

static void check_rate(const char *text)
{
	struct tocsin_rate rate, second;
	char again[UNITS_TEXT];

	if (units_parse_rate(text, &rate) != 0)
		return;
	assert(rate.count >= 0 && (rate.count == 0 || rate.per_ms > 0));
	units_format_rate(rate, again);
	assert(units_parse_rate(again, &second) == 0);
	assert(second.count == rate.count && (rate.count == 0 || second.per_ms == rate.per_ms));
}

static void check_time(const char *text)
{
	char again[CLOCK_TEXT], local[CLOCK_TEXT];
	int64_t ms, second;

	if (clock_parse(text, &ms) != 0)
		return;
	clock_format_utc(ms, again);
	assert(clock_parse(again, &second) == 0 && second == ms);
	clock_format_local(ms, local);
	assert(*local);
}

static void check_severity(const char *text)
{
	static struct severity_alias alias[] = {{"page", TOCSIN_CRITICAL}};
	const struct severity_aliases aliases = {alias, 1};
	enum tocsin_severity severity, second;
	unsigned int set;

	if (severity_parse(text, &aliases, &severity) == 0)
		assert(severity_parse(severity_name(severity), NULL, &second) == 0 &&
		       second == severity);
	if (severity_parse_set(text, &aliases, &set) == 0)
		assert((set & ~SEVERITY_ANY) == 0 && set != 0);
}

static void check_numbers(const char *text)
{
	struct error err;
	unsigned int states;
	int64_t number;

	if (api_parse_number(text, &number) == 0)
		assert(number > 0);
	if (api_parse_states(text, &states, &err) == 0)
		assert(states < 1U << (TOCSIN_STATE_SUPPRESSED + 1));
	assert(verdict_retry_after_ms(text, INT64_C(1763476245123)) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *text = fuzz_rest(&input);

	check_duration(text);
	check_size(text);
	check_rate(text);
	check_time(text);
	check_severity(text);
	check_numbers(text);
	free(text);
	return 0;
}
