/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of the options without a server, and the limits that they make. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threshold.h"

#define LONGEST_NAME 200

/* One on the way through the checks: where to write what is wrong. */
struct complaint {
	const char *check;
	char *why;
	size_t size;
};

static const char *refuse(const struct complaint *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *refuse(const struct complaint *c, const char *format, ...)
{
	int used = snprintf(c->why, c->size, "check '%.60s': ", c->check);
	va_list args;

	va_start(args, format);
	vsnprintf(c->why + used, c->size - (size_t)used, format, args);
	va_end(args);
	return c->why;
}

static bool given(const char *text)
{
	return text && *text;
}

int options_breaches(const char *text, int64_t *breaches, int64_t *of)
{
	int64_t least, most;

	*breaches = *of = 1;
	if (!given(text))
		return 0;
	if (!steady_number(&text, &least))
		return -EINVAL;
	most = least;
	if (strncmp(text, " of ", 4) == 0) {
		text += 4;
		if (!steady_number(&text, &most))
			return -EINVAL;
	}
	if (*text || least < 1 || least > most || most > MOST_BREACHES)
		return -EINVAL;
	*breaches = least;
	*of = most;
	return 0;
}

static const char *check_name(const struct check_config *config, const struct complaint *c)
{
	if (!*config->name)
		return "every check needs a 'name' that is not empty";
	if (strlen(config->name) > LONGEST_NAME)
		return refuse(c, "the name has %zu bytes; %d is the most", strlen(config->name),
			      LONGEST_NAME);
	for (const char *at = config->name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return refuse(c, "the name has a control character; leave it out");
	return NULL;
}

static const char *check_conditions(const struct check_config *config, const struct complaint *c)
{
	const struct {
		const char *option, *text;
	} all[] = {
		{"warning", config->warning},
		{"critical", config->critical},
		{"recovery", config->recovery},
	};
	struct condition parsed[3];
	char why[300];

	for (size_t i = 0; i < TOCSIN_COUNT(all); i++)
		if (condition_parse(all[i].text, &parsed[i], why, sizeof(why)))
			return refuse(c, "'%s': %s", all[i].option, why);
	if (parsed[0].n == 0 && parsed[1].n == 0)
		return refuse(c, "it has no threshold; give it 'warning', 'critical' or both");
	return NULL;
}

static const char *check_times(const struct check_config *config, const struct complaint *c)
{
	if (config->every > 0 && config->schedule)
		return refuse(c, "'every' and 'schedule' exclude each other");
	if (config->timezone && !config->schedule)
		return refuse(c, "'timezone' needs the 'schedule' that it is for");
	return NULL;
}

static const char *check_counts(const struct check_config *config, const struct complaint *c)
{
	int64_t breaches, of;

	if (options_breaches(config->breaches, &breaches, &of))
		return refuse(c,
			      "'breaches' is '%.40s'; write how many results in a row must breach "
			      "the threshold, such as 3, or of how many, such as 3 of 5 (%d is the "
			      "most)",
			      config->breaches, MOST_BREACHES);
	if (config->flap_changes == 1 || config->flap_changes == 2)
		return refuse(c, "'flap_changes' must be 3 or more: every alert that comes and "
				 "goes makes two changes");
	return NULL;
}

/* More rows than are read count as one more than that: a threshold beyond would never be reached. */
static const char *check_rows(const struct check_config *config, const struct complaint *c)
{
	const char *const text[] = {config->warning, config->critical};
	struct condition parsed;
	char why[300];

	for (size_t i = 0; config->mode == MODE_ROWS && i < TOCSIN_COUNT(text); i++) {
		condition_parse(text[i], &parsed, why, sizeof(why));
		for (size_t k = 0; k < parsed.n; k++)
			if (parsed.term[k].bound > (double)config->max_rows)
				return refuse(
					c,
					"'%.60s' is beyond the %lld rows that are read; raise "
					"'max_rows', or let the query count",
					text[i], (long long)config->max_rows);
	}
	return NULL;
}

static const char *check_columns(const struct check_config *config, const struct complaint *c)
{
	if (config->mode == MODE_ROWS && config->label_columns.n > 0)
		return refuse(c, "'label_columns' has no meaning with mode 'rows', which counts "
				 "all rows as one figure");
	if (config->mode == MODE_ROWS && given(config->value_column))
		return refuse(c, "'value_column' has no meaning with mode 'rows'");
	if (config->label_columns.n > 40)
		return refuse(c, "'label_columns' names %zu columns; 40 is the most",
			      config->label_columns.n);
	if (config->labels.n > 20)
		return refuse(c, "'labels' has %zu of them; 20 is the most", config->labels.n);
	for (size_t i = 0; i < config->labels.n; i++)
		if (strcmp(config->labels.pair[i].name, "alertname") == 0)
			return refuse(c, "the label alertname is the name of the check; leave it "
					 "out of 'labels'");
	return NULL;
}

static const char *check_one(const struct check_config *config, char *why, size_t size)
{
	struct complaint c = {.check = config->name, .why = why, .size = size};
	const char *wrong = check_name(config, &c);

	if (!wrong && !given(config->query))
		wrong = refuse(&c, "'query' is empty");
	if (!wrong)
		wrong = check_conditions(config, &c);
	if (!wrong)
		wrong = check_times(config, &c);
	if (!wrong)
		wrong = check_counts(config, &c);
	if (!wrong)
		wrong = check_columns(config, &c);
	return wrong ? wrong : check_rows(config, &c);
}

const char *options_check(const void *data, char *why, size_t why_size)
{
	const struct config *config = data;
	const struct check_config *check = config->checks.item;
	const char *wrong = database_check(config->connection);

	for (size_t i = 0; !wrong && i < config->checks.n; i++) {
		wrong = check_one(&check[i], why, why_size);
		for (size_t j = 0; !wrong && j < i; j++) {
			if (strcmp(check[i].name, check[j].name) != 0)
				continue;
			snprintf(why, why_size, "two checks have the name '%.60s'; rename one",
				 check[i].name);
			wrong = why;
		}
	}
	return wrong;
}

void options_limits(const struct check_config *config, bool by_row, struct limits *limits)
{
	char why[300];
	int64_t no_data = config->on_no_data; /* 0 is auto */
	enum action action = no_data > 0 ? (enum action)(no_data - 1)
			     : by_row    ? ACTION_OK
					 : ACTION_UNKNOWN;

	*limits = (struct limits){
		.for_ms = config->hold,
		.clears = config->clears,
		.no_data = {action, config->no_data_for},
		.null = {(enum action)config->on_null, config->null_for},
		.error = {(enum action)config->on_error, config->error_for},
		.repeat_ms = config->repeat,
		.flap_changes = config->flap_changes,
		.flap_window_ms = config->flap_window,
		.vanish_after = config->vanish_after,
	};
	options_breaches(config->breaches, &limits->breaches, &limits->of);
	condition_parse(config->warning, &limits->warning, why, sizeof(why));
	condition_parse(config->critical, &limits->critical, why, sizeof(why));
	condition_parse(config->recovery, &limits->recovery, why, sizeof(why));
}
