/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "text.h"

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

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *own_color(const struct tocsin_alert *alert)
{
	const char *color = notice_value(&alert->annotations, "color");

	return color && strlen(color) == 6 && strspn(color, "0123456789abcdefABCDEF") == 6 ? color
											   : NULL;
}

const char *notice_color(const struct tocsin_alert *alert)
{
	const char *color = alert->status == TOCSIN_RESOLVED ? NULL : own_color(alert);

	return color ? color : look_of(alert)->color;
}

/* A letter, a digit, an emoji: something that is seen in any font. */
static bool is_seen(uint32_t point)
{
	if (point < 0x80)
		return is_letter_or_digit((char)point);
	return point >= 0x370 && !(point >= 0x2000 && point <= 0x2fff) && point != 0x3000 &&
	       point != TEXT_REPLACEMENT && !text_is_control(point) &&
	       !(point >= 0xfe00 && point <= 0xfe0f) && !(point >= 0xe0000 && point <= 0xeffff);
}

const char *notice_headline(const struct tocsin_alert *alert)
{
	const char *headline = notice_value(&alert->annotations, "headline"), *cursor = headline;
	uint32_t point;

	while (headline && (point = text_next(&cursor)) != 0)
		if (is_seen(point))
			return headline;
	return NULL;
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

/* One of "Status=status, Took=duration". False: it is none. */
static bool read_field(const struct tocsin_alert *alert, const char *text, size_t length,
		       struct notice_field *field)
{
	const char *equals = memchr(text, '=', length);
	size_t title = equals ? (size_t)(equals - text) : 0, rest = length - title - 1;
	char name[256];

	if (title == 0 || title >= sizeof(field->title) || rest == 0 || rest >= sizeof(name))
		return false;
	memcpy(field->title, text, title);
	field->title[title] = '\0';
	memcpy(name, equals + 1, rest);
	name[rest] = '\0';
	field->value = notice_value(&alert->annotations, name);
	if (!field->value)
		field->value = notice_value(&alert->labels, name);
	return true;
}

size_t notice_fields(const struct tocsin_alert *alert, struct notice_field fields[NOTICE_FIELDS])
{
	const char *text = notice_value(&alert->annotations, "fields");
	size_t n = 0;

	while (text && *text && n < NOTICE_FIELDS) {
		size_t length = strcspn(text, ",");

		if (!read_field(alert, text, length, &fields[n]))
			return 0;
		n += fields[n].value != NULL;
		text += length + strspn(text + length, ", ");
	}
	return n;
}

/* What says how the others are to be shown. */
static bool is_direction(const struct tocsin_alert *alert, const struct tocsin_pair *annotation)
{
	struct notice_field fields[NOTICE_FIELDS];

	if (strcmp(annotation->name, "headline") == 0)
		return true;
	if (strcmp(annotation->name, "color") == 0)
		return own_color(alert) != NULL;
	return strcmp(annotation->name, "fields") == 0 && notice_fields(alert, fields) > 0;
}

bool notice_is_detail(const struct tocsin_alert *alert, const struct tocsin_pair *annotation)
{
	if (is_direction(alert, annotation))
		return false;
	/* The title is borrowed from the alert, so its address tells whether this is it. */
	return annotation->value != notice_title(alert) &&
	       strcmp(annotation->name, message_name(alert)) != 0 &&
	       strcmp(annotation->name, "metric_value") != 0;
}

/* The length of "http://" or "https://" in front, or 0. */
static size_t scheme_length(const char *link)
{
	if (strncasecmp(link, "http://", 7) == 0)
		return 7;
	return strncasecmp(link, "https://", 8) == 0 ? 8 : 0;
}

/* "name", "name:port" or "[address]:port", and nothing that only looks like it. */
static bool is_plain_host(const char *host, size_t length)
{
	static const char address[] = "0123456789abcdefABCDEF:.";
	size_t end = 0;

	if (length > 1 && host[0] == '[') {
		end = 1 + strspn(host + 1, address);
		if (end < 3 || end >= length || host[end++] != ']')
			return false;
	} else {
		while (end < length && (is_letter_or_digit(host[end]) || strchr("-._", host[end])))
			end++;
		if (end == 0 || !is_letter_or_digit(host[0]))
			return false;
	}
	if (end < length && host[end] == ':')
		end += 1 + strspn(host + end + 1, "0123456789");
	return end == length;
}

static bool is_safe(const char *link)
{
	size_t scheme = scheme_length(link);

	if (scheme == 0 || !is_plain_host(link + scheme, strcspn(link + scheme, "/?#")))
		return false;
	for (const unsigned char *c = (const unsigned char *)link; *c; c++) {
		if (*c <= ' ' || *c == 0x7f || *c == '\\')
			return false;
	}
	return true;
}

static bool encode(const char *link, char url[NOTICE_URL_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = 0;

	for (; *link; link++) {
		unsigned char c = (unsigned char)*link;
		bool plain = c < 0x80 && !strchr("\"<>^`{|}", c);

		if (length + (plain ? 1 : 3) >= NOTICE_URL_SIZE)
			return false;
		url[length++] = plain ? *link : '%';
		if (!plain) {
			url[length++] = digits[c >> 4];
			url[length++] = digits[c & 15];
		}
	}
	url[length] = '\0';
	return true;
}

const char *notice_link(const struct tocsin_alert *alert)
{
	return alert->link && is_safe(alert->link) ? alert->link : NULL;
}

static const struct further {
	const char *name, *title;
} further[] = {
	{"runbook_url", "Runbook"},
	{"dashboard_url", "Dashboard"},
	{"generator_url", "Source"},
};

static bool is_offered(const char *link)
{
	char url[NOTICE_URL_SIZE];

	return link && is_safe(link) && encode(link, url);
}

/* An annotation wins over a label of the same name. */
static const char *further_link(const struct tocsin_alert *alert, const char *name)
{
	const char *link = notice_value(&alert->annotations, name);

	return is_offered(link) ? link : notice_value(&alert->labels, name);
}

static size_t add_link(struct notice_link *links, size_t n, const char *title, const char *link)
{
	if (!link || !is_safe(link) || !encode(link, links[n].url))
		return n;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(links[i].url, links[n].url) == 0)
			return n;
	}
	links[n].title = title;
	return n + 1;
}

size_t notice_links(const struct tocsin_alert *alert, struct notice_link links[NOTICE_LINKS])
{
	size_t n = add_link(links, 0, "Open", alert->link);

	for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++)
		n = add_link(links, n, further[i].title, further_link(alert, further[i].name));
	return n;
}

bool notice_is_link(const struct tocsin_alert *alert, const struct tocsin_pair *pair)
{
	for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++) {
		const char *link = further_link(alert, further[i].name);

		if (strcmp(pair->name, further[i].name) == 0)
			return is_offered(link) && pair->value && strcmp(pair->value, link) == 0;
	}
	return false;
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

static char *put_digits(char *out, int value, int n, char after)
{
	for (int i = n; i > 0; value /= 10)
		out[--i] = (char)('0' + value % 10);
	out[n] = after;
	return out + n + 1;
}

const char *notice_iso_time(int64_t time_ms, char out[NOTICE_TIME_SIZE])
{
	time_t seconds = (time_t)(time_ms / 1000);
	char *at = out;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm)) {
		snprintf(out, NOTICE_TIME_SIZE, "unknown");
	} else if (time_ms < 0 || tm.tm_year + 1900 > 9999) {
		size_t length = strftime(out, NOTICE_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);

		snprintf(out + length, NOTICE_TIME_SIZE - length, ".%03dZ", (int)(time_ms % 1000));
	} else { /* each alert has a few, and strftime is slow */
		at = put_digits(at, tm.tm_year + 1900, 4, '-');
		at = put_digits(at, tm.tm_mon + 1, 2, '-');
		at = put_digits(at, tm.tm_mday, 2, 'T');
		at = put_digits(at, tm.tm_hour, 2, ':');
		at = put_digits(at, tm.tm_min, 2, ':');
		at = put_digits(at, tm.tm_sec, 2, '.');
		at = put_digits(at, (int)(time_ms % 1000), 3, 'Z');
		*at = '\0';
	}
	return out;
}
