/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"
#include "config/options_value.h"

bool option_has_bounds(const struct tocsin_option *option)
{
	return option->max > option->min;
}

static int in_bounds(const struct tocsin_option *option, int64_t value, int64_t *field)
{
	if (option_has_bounds(option) && (value < option->min || value > option->max))
		return -ERANGE;
	*field = value;
	return 0;
}

/* Decimal digits only: 010, 0x10 and 1e3 mean different things to different people. */
static int parse_int(const char *text, int64_t *value)
{
	const char *digit = text[0] == '-' ? text + 1 : text;
	char *end;
	long long parsed;

	if (!isdigit((unsigned char)digit[0]) || (digit[0] == '0' && digit[1] != '\0'))
		return -EINVAL;
	errno = 0;
	parsed = strtoll(text, &end, 10);
	if (*end != '\0')
		return -EINVAL;
	if (errno != 0)
		return -ERANGE;
	*value = parsed;
	return 0;
}

static int convert_number(const struct tocsin_option *option, const char *text, int64_t *field)
{
	int64_t value;
	int code;

	if (option->type == TOCSIN_DURATION)
		code = units_parse_duration(text, &value);
	else if (option->type == TOCSIN_SIZE)
		code = units_parse_size(text, &value);
	else
		code = parse_int(text, &value);
	return code == 0 ? in_bounds(option, value, field) : code;
}

static int convert_bool(const char *text, bool *field)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return -EINVAL;
	*field = text[0] == 't';
	return 0;
}

static int convert_choice(const struct tocsin_option *option, const char *text, int64_t *field)
{
	for (int64_t i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(option->choices[i], text) == 0) {
			*field = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int check_url(const char *text)
{
	size_t scheme = strncasecmp(text, "https://", 8) == 0  ? 8
			: strncasecmp(text, "http://", 7) == 0 ? 7
							       : 0;
	const char *host = text + scheme;
	size_t length = strcspn(host, "/?#");
	const char *user = memrchr(host, '@', length);

	if (scheme == 0)
		return -EINVAL;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == ' ' || iscntrl((unsigned char)*c))
			return -EINVAL;
	}
	if (user != NULL) {
		length -= (size_t)(user + 1 - host);
		host = user + 1;
	}
	return length == 0 || host[0] == ':' ? -EINVAL : 0;
}

static int convert_text(const struct tocsin_option *option, const char *text, const char **field)
{
	if ((option->type == TOCSIN_URL || option->type == TOCSIN_SECRET_URL) &&
	    check_url(text) != 0)
		return -EINVAL;
	if (option->type == TOCSIN_PATH && text[0] != '/')
		return -EINVAL;
	*field = text;
	return 0;
}

int option_convert(const struct tocsin_option *option, const char *text, void *field)
{
	switch (option->type) {
	case TOCSIN_STRING:
	case TOCSIN_SECRET:
	case TOCSIN_URL:
	case TOCSIN_SECRET_URL:
	case TOCSIN_QUERY:
	case TOCSIN_PATH:
		return convert_text(option, text, field);
	case TOCSIN_INT:
	case TOCSIN_DURATION:
	case TOCSIN_SIZE:
		return convert_number(option, text, field);
	case TOCSIN_BOOL:
		return convert_bool(text, field);
	case TOCSIN_RATE:
		return units_parse_rate(text, field);
	case TOCSIN_CHOICE:
		return convert_choice(option, text, field);
	case TOCSIN_STRINGS:
	case TOCSIN_MAP:
	case TOCSIN_SECTION:
	case TOCSIN_SECTIONS:
	case TOCSIN_TEMPLATE:
	case TOCSIN_STRUCTURE:
	case TOCSIN_SCHEDULE:
	case TOCSIN_ZONE:
		break;
	}
	return -EINVAL;
}

static void add_bound(struct buffer *out, const struct tocsin_option *option, int64_t bound)
{
	char text[UNITS_TEXT];

	if (option->type == TOCSIN_DURATION) {
		units_format_duration(bound, text);
		buffer_puts(out, text);
	} else if (option->type == TOCSIN_SIZE) {
		units_format_size(bound, text);
		buffer_puts(out, text);
	} else {
		buffer_printf(out, "%" PRId64, bound);
	}
}

void option_bounds(struct buffer *out, const struct tocsin_option *option)
{
	if (!option_has_bounds(option))
		return;
	if (option->max == INT64_MAX) {
		buffer_puts(out, "of at least ");
		add_bound(out, option, option->min);
	} else if (option->min == INT64_MIN) {
		buffer_puts(out, "of at most ");
		add_bound(out, option, option->max);
	} else {
		buffer_puts(out, "between ");
		add_bound(out, option, option->min);
		buffer_puts(out, " and ");
		add_bound(out, option, option->max);
	}
}

void option_choices(struct buffer *out, const struct tocsin_option *option)
{
	for (size_t i = 0; option->choices[i] != NULL; i++)
		buffer_printf(out, "%s%s", i == 0 ? "" : ", ", option->choices[i]);
}

static const char *form_of(enum tocsin_option_type type)
{
	switch (type) {
	case TOCSIN_STRING:
	case TOCSIN_SECRET:
		return "a text";
	case TOCSIN_URL:
	case TOCSIN_SECRET_URL:
		return "an http or https URL without spaces, such as https://example.com/hook";
	case TOCSIN_INT:
		return "a whole number";
	case TOCSIN_BOOL:
		return "true or false";
	case TOCSIN_DURATION:
		return "a duration such as 30s, 10m or 1h30m";
	case TOCSIN_SIZE:
		return "a size such as 512, 64KiB or 10MB";
	case TOCSIN_RATE:
		return "a rate such as 5/s, 30/m or unlimited";
	case TOCSIN_CHOICE:
		return "one of ";
	case TOCSIN_STRINGS:
		return "a text or a list of texts";
	case TOCSIN_MAP:
		return "lines of 'name: text'";
	case TOCSIN_QUERY:
		return "an SQL text";
	case TOCSIN_PATH:
		return "an absolute path such as /var/lib/tocsin";
	case TOCSIN_SECTION:
		return "a section of 'key: value' lines";
	case TOCSIN_SECTIONS:
		return "a list of sections, each of 'key: value' lines";
	case TOCSIN_TEMPLATE:
		return "a text that may hold {{ expressions }}";
	case TOCSIN_STRUCTURE:
		return "any YAML value whose texts may hold {{ expressions }}";
	case TOCSIN_SCHEDULE:
		return "a schedule such as 'every 5m', '30 8 * * 1-5' or daily";
	case TOCSIN_ZONE:
		return "a time zone such as Europe/Berlin, UTC or local";
	}
	return "a value";
}

void option_form(struct buffer *out, const struct tocsin_option *option)
{
	buffer_puts(out, form_of(option->type));
	if (option->type == TOCSIN_CHOICE) {
		option_choices(out, option);
	} else if (option_has_bounds(option)) {
		buffer_putc(out, ' ');
		option_bounds(out, option);
	}
}

const char *options_type_name(enum tocsin_option_type type)
{
	static const char *const names[] = {
		[TOCSIN_STRING] = "text",
		[TOCSIN_SECRET] = "secret",
		[TOCSIN_URL] = "URL",
		[TOCSIN_SECRET_URL] = "secret URL",
		[TOCSIN_INT] = "whole number",
		[TOCSIN_BOOL] = "true or false",
		[TOCSIN_DURATION] = "duration",
		[TOCSIN_SIZE] = "size",
		[TOCSIN_RATE] = "rate",
		[TOCSIN_CHOICE] = "choice",
		[TOCSIN_STRINGS] = "list of texts",
		[TOCSIN_MAP] = "map of texts",
		[TOCSIN_QUERY] = "SQL",
		[TOCSIN_PATH] = "absolute path",
		[TOCSIN_SECTION] = "section",
		[TOCSIN_SECTIONS] = "list of sections",
		[TOCSIN_TEMPLATE] = "template",
		[TOCSIN_STRUCTURE] = "structure of templates",
		[TOCSIN_SCHEDULE] = "schedule",
		[TOCSIN_ZONE] = "time zone",
	};

	return names[type];
}
