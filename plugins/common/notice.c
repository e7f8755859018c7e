/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const struct look {
	const char *name, *heading, *emoji, *color;
} looks[] = {
	[TOCSIN_DEBUG] = {"debug", "DEBUG", "🔍", "9e9e9e"},
	[TOCSIN_INFO] = {"info", "INFO", "ℹ️", "2196f3"},
	[TOCSIN_NOTICE] = {"notice", "NOTICE", "🔔", "03a9f4"},
	[TOCSIN_WARNING] = {"warning", "WARNING", "⚠️", "ffa000"},
	[TOCSIN_ERROR] = {"error", "ERROR", "❌", "e64a19"},
	[TOCSIN_CRITICAL] = {"critical", "CRITICAL", "🚨", "d32f2f"},
	[TOCSIN_EMERGENCY] = {"emergency", "EMERGENCY", "🆘", "b71c1c"},
};
static const struct look resolved = {"resolved", "RESOLVED", "✅", "2e7d32"};

static const struct look *look(enum tocsin_severity severity)
{
	size_t i = (size_t)severity;

	/* A newer core may know severities that this plugin does not. */
	return &looks[i < sizeof(looks) / sizeof(looks[0]) ? i : TOCSIN_EMERGENCY];
}

static const struct look *look_of(const struct tocsin_alert *alert)
{
	return alert->status == TOCSIN_RESOLVED ? &resolved : look(alert->severity);
}

const char *notice_value(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->pair[i].name, name) == 0)
			return map->pair[i].value && *map->pair[i].value ? map->pair[i].value
									 : NULL;
	}
	return NULL;
}

const char *notice_severity(enum tocsin_severity severity)
{
	return look(severity)->name;
}

const char *notice_status(enum tocsin_status status)
{
	if (status == TOCSIN_FIRING)
		return "firing";
	return status == TOCSIN_RESOLVED ? "resolved" : "event";
}

const char *notice_heading(const struct tocsin_alert *alert)
{
	return look_of(alert)->heading;
}

const char *notice_emoji(const struct tocsin_alert *alert)
{
	return look_of(alert)->emoji;
}

const char *notice_color(const struct tocsin_alert *alert)
{
	return look_of(alert)->color;
}

/* An alert without any words of its own is at least about something. */
static const char *subject(const struct tocsin_alert *alert)
{
	static const char *const telling[] = {"site", "instance", "host", "job"};
	const char *value = NULL;
	size_t i;

	for (i = 0; i < sizeof(telling) / sizeof(telling[0]) && !value; i++)
		value = notice_value(&alert->labels, telling[i]);
	return value || alert->labels.n == 0 ? value : alert->labels.pair[0].value;
}

const char *notice_title(const struct tocsin_alert *alert)
{
	const char *title = notice_value(&alert->annotations, "summary");

	if (!title)
		title = notice_value(&alert->annotations, "title");
	if (!title)
		title = notice_value(&alert->labels, "alertname");
	if (!title)
		title = subject(alert);
	if (!title)
		title = alert->source;
	return title && *title ? title : "alert";
}

static const char *message_name(const struct tocsin_alert *alert)
{
	return notice_value(&alert->annotations, "description") ? "description" : "message";
}

const char *notice_message(const struct tocsin_alert *alert)
{
	return notice_value(&alert->annotations, message_name(alert));
}

const char *notice_metric(const struct tocsin_alert *alert)
{
	const char *metric = notice_value(&alert->annotations, "metric_value");

	return metric ? metric : notice_value(&alert->labels, "metric_value");
}

bool notice_is_detail(const struct tocsin_alert *alert, const struct tocsin_pair *annotation)
{
	/* The title is borrowed from the alert, so its address tells whether this is it. */
	return annotation->value != notice_title(alert) &&
	       strcmp(annotation->name, message_name(alert)) != 0 &&
	       strcmp(annotation->name, "metric_value") != 0;
}

const char *notice_link(const struct tocsin_alert *alert)
{
	const char *link = alert->link;

	if (!link)
		return NULL;
	if (strncasecmp(link, "http://", 7) != 0 && strncasecmp(link, "https://", 8) != 0)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)link; *c; c++) {
		if (*c <= ' ' || *c == 0x7f)
			return NULL;
	}
	return link;
}

int64_t notice_time_ms(const struct tocsin_alert *alert)
{
	struct timespec now;

	if (alert->status == TOCSIN_RESOLVED && alert->ends_at_ms > 0)
		return alert->ends_at_ms;
	if (alert->starts_at_ms > 0)
		return alert->starts_at_ms;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *notice_local_time(int64_t time_ms, char out[NOTICE_TIME_SIZE])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !strftime(out, NOTICE_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, NOTICE_TIME_SIZE, "unknown");
	return out;
}

const char *notice_iso_time(int64_t time_ms, char out[NOTICE_TIME_SIZE])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;
	size_t length;

	if (!gmtime_r(&seconds, &tm) ||
	    !(length = strftime(out, NOTICE_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm)))
		snprintf(out, NOTICE_TIME_SIZE, "unknown");
	else
		snprintf(out + length, NOTICE_TIME_SIZE - length, ".%03dZ", (int)(time_ms % 1000));
	return out;
}
