/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "../../common/notice.h"
#include "../../common/program.h"
#include "../../common/text.h"
#include "exec.h"

#define VALUE_MAX 1024
#define MESSAGE_MAX 8192

static const struct tocsin_pair base[] = {
	{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	{"LANG", "C.UTF-8"},
};

/* Valid UTF-8 on one line, cut on a character: many a program prints what it finds here. */
static void put_value(FILE *out, const char *name, const char *text, size_t max)
{
	const char *cursor = text ? text : "";
	uint32_t point;
	size_t used = 0;

	fprintf(out, "%s=", name);
	while ((point = text_next(&cursor)) != 0 && (used += text_size(point)) <= max)
		text_put(out, text_is_control(point) ? ' ' : point);
	fputc('\0', out);
}

static void put_number(FILE *out, const char *name, int64_t number)
{
	fprintf(out, "%s=%" PRId64, name, number);
	fputc('\0', out);
}

static void put_delivery(FILE *out, const struct tocsin_delivery *delivery)
{
	put_value(out, "TOCSIN_KEY", delivery->key, VALUE_MAX);
	put_value(out, "TOCSIN_CHANNEL", delivery->channel, VALUE_MAX);
	put_value(out, "TOCSIN_ROUTE", delivery->route, VALUE_MAX);
	put_value(out, "TOCSIN_RECIPIENT", delivery->recipient, VALUE_MAX);
	put_number(out, "TOCSIN_ATTEMPT", delivery->attempt);
	put_number(out, "TOCSIN_ALERTS", delivery->n_folded ? (int64_t)delivery->n_folded : 1);
}

static void put_alert(FILE *out, const struct tocsin_alert *alert, const char *title,
		      const char *message)
{
	put_value(out, "TOCSIN_ID", alert->id, VALUE_MAX);
	put_value(out, "TOCSIN_FINGERPRINT", alert->fingerprint, VALUE_MAX);
	put_value(out, "TOCSIN_SOURCE", alert->source, VALUE_MAX);
	put_value(out, "TOCSIN_STATUS", notice_status(alert->status), VALUE_MAX);
	put_value(out, "TOCSIN_SEVERITY", notice_severity(alert->severity), VALUE_MAX);
	put_value(out, "TOCSIN_TITLE", title ? title : notice_title(alert), VALUE_MAX);
	put_value(out, "TOCSIN_MESSAGE", message ? message : notice_message(alert), MESSAGE_MAX);
	put_value(out, "TOCSIN_LINK", notice_link(alert), VALUE_MAX);
}

/* The configuration's own, as written; it may change PATH and LANG. */
static void put_configured(FILE *out, const struct tocsin_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		fprintf(out, "%s=%s", map->pair[i].name, map->pair[i].value);
		fputc('\0', out);
	}
	for (size_t i = 0; i < TOCSIN_COUNT(base); i++) {
		if (notice_value(map, base[i].name))
			continue;
		put_value(out, base[i].name, base[i].value, VALUE_MAX);
	}
}

char **exec_environment(const struct exec_config *config, const struct tocsin_delivery *delivery,
			const char *title, const char *message)
{
	struct draft draft;
	char **entry = NULL, *text;
	size_t length = 0;

	if (!draft_begin(&draft))
		return NULL;
	put_alert(draft.out, delivery->alert, title, message);
	put_delivery(draft.out, delivery);
	put_configured(draft.out, &config->environment);
	text = draft_end(&draft, &length);
	if (text)
		entry = program_strings(text, length);
	free(text);
	return entry;
}
