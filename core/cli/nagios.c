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

void nagios_add_age(struct buffer *out, const json_t *answer)
{
	const json_t *age = json_object_get(answer, "age_ms");
	const char *last = json_string_value(json_object_get(answer, "last_ping"));
	const char *down = json_string_value(json_object_get(answer, "down_at"));
	int64_t last_ms, down_ms;

	if (!json_is_integer(age))
		return;
	buffer_printf(out, "age=%llds;;", (long long)json_integer_value(age) / 1000);
	if (last && down && clock_parse(last, &last_ms) == 0 && clock_parse(down, &down_ms) == 0 &&
	    down_ms > last_ms)
		buffer_printf(out, "%lld", (long long)(down_ms - last_ms) / 1000);
}
