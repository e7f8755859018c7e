/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/nagios.h"

#include <stdint.h>

#include "base/clock.h"
#include "cli/output.h"

const char *nagios_word(enum nagios status)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return words[status];
}

enum nagios nagios_worse(enum nagios one, enum nagios other)
{
	static const int weight[] = {
		[NAGIOS_OK] = 0, [NAGIOS_UNKNOWN] = 1, [NAGIOS_WARNING] = 2, [NAGIOS_CRITICAL] = 3};

	return weight[one] >= weight[other] ? one : other;
}

enum nagios nagios_of_heartbeat(const json_t *answer)
{
	const json_t *healthy = json_object_get(answer, "healthy");

	if (!json_is_boolean(healthy))
		return NAGIOS_UNKNOWN;
	return json_is_true(healthy) ? NAGIOS_OK : NAGIOS_CRITICAL;
}

enum nagios nagios_of_check(const json_t *answer)
{
	const json_t *status = json_object_get(answer, "exit");
	json_int_t value = json_integer_value(status);

	if (!json_is_integer(status) || value < NAGIOS_OK || value > NAGIOS_UNKNOWN)
		return NAGIOS_UNKNOWN;
	return (enum nagios)value;
}

void nagios_add_text(struct buffer *out, const char *text)
{
	size_t from = out->length;

	output_safe(out, text);
	for (size_t i = from; i < out->length; i++)
		if (out->data[i] == '|')
			out->data[i] = '/';
}

static long long number_of(const json_t *answer, const char *key)
{
	return (long long)json_integer_value(json_object_get(answer, key));
}

/* How old a heartbeat may be before it is down; 0: nobody said. */
static int64_t limit_ms(const json_t *answer)
{
	const char *last = json_string_value(json_object_get(answer, "last_ping"));
	const char *down = json_string_value(json_object_get(answer, "down_at"));
	int64_t last_ms, down_ms;

	if (last && down && clock_parse(last, &last_ms) == 0 && clock_parse(down, &down_ms) == 0 &&
	    down_ms > last_ms)
		return down_ms - last_ms;
	if (number_of(answer, "period_ms") > 0)
		return number_of(answer, "period_ms") + number_of(answer, "grace_ms");
	return 0;
}

void nagios_add_age(struct buffer *out, const json_t *answer)
{
	int64_t limit = limit_ms(answer);

	if (!json_is_integer(json_object_get(answer, "age_ms")))
		return;
	buffer_printf(out, "age=%llds;;", number_of(answer, "age_ms") / 1000);
	if (limit > 0)
		buffer_printf(out, "%lld", (long long)limit / 1000);
}
