/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/notice.h"
#include "../../common/text.h"
#include "syslog.h"

#define NAME_MOST 32 /* of MSGID and of a parameter */
#define STREAM_SIZE 8192
#define DATAGRAM_SIZE 2048
#define OLD_SIZE 1024
#define ELLIPSIS "\xe2\x80\xa6"

/* What is written so far of a message, and how much there may be. Everything that is put is whole
 * or not there. */
struct line {
	char *text;
	size_t used, max;
};

static bool put(struct line *line, const char *text, size_t length)
{
	if (line->used + length > line->max)
		return false;
	memcpy(line->text + line->used, text, length);
	line->used += length;
	return true;
}

static bool put_text(struct line *line, const char *text)
{
	return put(line, text, strlen(text));
}

/* A code point of an alert: what would move a cursor or end a line is written as one reads it. */
static bool put_point(struct line *line, uint32_t point)
{
	char bytes[16] = {0};

	if (!text_is_control(point))
		return put(line, bytes, text_encode(point, bytes));
	if (point == '\n' || point == '\t' || point == '\r')
		return put_text(line, point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\r");
	snprintf(bytes, sizeof(bytes), point < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned int)point);
	return put_text(line, bytes);
}

static bool put_data(struct line *line, const char *text)
{
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		if (!put_point(line, point))
			return false;
	}
	return true;
}

/* A name as MSGID and PARAM-NAME have it: printable ASCII that ends nothing. */
static bool put_name(struct line *line, const char *text)
{
	uint32_t point;
	int n = 0;

	while (n < NAME_MOST && (point = text_next(&text)) != 0) {
		bool plain = point > ' ' && point < 0x7f && !strchr("=]\"[\\", (int)point);

		if (!put_text(line, (char[]){plain ? (char)point : '_', '\0'}))
			return false;
		n++;
	}
	return n > 0 || put_text(line, "_");
}

/* In a value quotes, backslashes and brackets are escaped, also the backslash of a control. */
static bool put_value(struct line *line, const char *text)
{
	uint32_t point;

	while ((point = text_next(&text)) != 0) {
		bool escaped = point == '"' || point == '\\' || point == ']' ||
			       text_is_control(point);

		if ((escaped && !put_text(line, "\\")) || !put_point(line, point))
			return false;
	}
	return true;
}

/* One parameter, whole or not at all. */
static void put_parameter(struct line *line, const char *name, const char *value)
{
	size_t before = line->used;

	if (!value || !*value)
		return;
	if (!put_text(line, " ") || !put_name(line, name) || !put_text(line, "=\"") ||
	    !put_value(line, value) || !put_text(line, "\""))
		line->used = before;
}

/* Begins "[name@number", with the bracket that ends it set aside. False when it does not fit. */
static bool begin_element(struct line *line, const char *name, int enterprise)
{
	char text[48];

	snprintf(text, sizeof(text), "[%s@%d", name, enterprise);
	if (line->used + strlen(text) + 1 > line->max)
		return false;
	line->max--;
	return put_text(line, text);
}

static void end_element(struct line *line)
{
	line->max++;
	(void)put_text(line, "]");
}

static void put_identity(struct line *line, const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;

	put_parameter(line, "id", alert->id);
	put_parameter(line, "key", delivery->key);
	put_parameter(line, "status", notice_status(alert->status));
	put_parameter(line, "severity", notice_severity(alert->severity));
	put_parameter(line, "source", alert->source);
	put_parameter(line, "fingerprint", alert->fingerprint);
	put_parameter(line, "link", notice_link(alert));
}

/* Of ids and labels as many as leave a quarter of the message to its words. */
static void put_structured(struct line *line, const struct syslog_format *format,
			   const struct tocsin_delivery *delivery)
{
	const struct tocsin_map *labels = &delivery->alert->labels;
	size_t max = line->max;

	line->max = max - max / 4;
	if (begin_element(line, "tocsin", format->enterprise)) {
		put_identity(line, delivery);
		end_element(line);
		if (labels->n > 0 && begin_element(line, "labels", format->enterprise)) {
			for (size_t i = 0; i < labels->n; i++)
				put_parameter(line, labels->pair[i].name, labels->pair[i].value);
			end_element(line);
		}
		line->max = max;
	} else {
		line->max = max;
		(void)put_text(line, "-");
	}
}

/* The words; what does not fit is cut on a character. */
static bool put_words(struct line *line, const struct tocsin_alert *alert, const char *title,
		      const char *message)
{
	if (!title)
		title = notice_title(alert);
	if (!message)
		message = notice_message(alert);
	return put_data(line, title) &&
	       (!message || !*message || (put_text(line, ": ") && put_data(line, message)));
}

static void put_labels(struct line *line, const struct tocsin_map *labels)
{
	size_t before = line->used;
	bool fits = true;

	for (size_t i = 0; fits && i < labels->n; i++) {
		fits = put_text(line, i == 0 ? " [" : " ") &&
		       put_data(line, labels->pair[i].name) && put_text(line, "=") &&
		       put_data(line, labels->pair[i].value);
	}
	if (labels->n > 0 && !(fits && put_text(line, "]")))
		line->used = before;
}

static void put_message(struct line *line, const struct syslog_format *format,
			const struct tocsin_alert *alert, const char *title, const char *message)
{
	size_t room = strlen(ELLIPSIS);
	bool whole;

	line->max -= room;
	whole = put_words(line, alert, title, message);
	line->max += room;
	if (!whole)
		(void)put_text(line, ELLIPSIS);
	else if (format->form != SYSLOG_RFC5424)
		put_labels(line, &alert->labels);
}

/* As people think of it: 0 wakes up everybody who is logged in, and good news is a notice. */
static int severity_of(const struct tocsin_alert *alert)
{
	static const int numbers[] = {
		[TOCSIN_DEBUG] = 7,     [TOCSIN_INFO] = 6,  [TOCSIN_NOTICE] = 5,
		[TOCSIN_WARNING] = 4,   [TOCSIN_ERROR] = 3, [TOCSIN_CRITICAL] = 2,
		[TOCSIN_EMERGENCY] = 0,
	};
	size_t i = (size_t)alert->severity;
	int number = numbers[i < TOCSIN_COUNT(numbers) ? i : TOCSIN_EMERGENCY];

	return alert->status == TOCSIN_RESOLVED && number < 5 ? 5 : number;
}

/* RFC 3339 with four digits for the year, or "-". */
static void put_time(struct line *line, int64_t time_ms)
{
	char text[NOTICE_TIME_SIZE];
	bool known = strlen(notice_iso_time(time_ms, text)) == strlen("2025-11-18T13:30:45.123Z");

	(void)put_text(line, known ? text : "-");
}

/* "Nov  8 13:30:45", local, in English. */
static void put_old_time(struct line *line, int64_t time_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(time_ms / 1000);
	char text[32] = "Jan  1 00:00:00";
	struct tm tm;

	if (localtime_r(&seconds, &tm) && tm.tm_mon >= 0 && tm.tm_mon < 12)
		snprintf(text, sizeof(text), "%.3s %2d %02d:%02d:%02d", months + 3 * tm.tm_mon,
			 tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
	(void)put_text(line, text);
}

static void put_new_header(struct line *line, const struct syslog_format *format,
			   const struct tocsin_alert *alert)
{
	const char *name = notice_value(&alert->labels, "alertname");
	char text[512];

	snprintf(text, sizeof(text), "<%d>1 ", format->facility * 8 + severity_of(alert));
	(void)put_text(line, text);
	put_time(line, notice_time_ms(alert));
	snprintf(text, sizeof(text), " %s %s %d ", format->hostname, format->app_name,
		 format->process);
	(void)put_text(line, text);
	(void)(name ? put_name(line, name) : put_text(line, "-"));
	(void)put_text(line, " ");
}

static void put_old_header(struct line *line, const struct syslog_format *format,
			   const struct tocsin_alert *alert)
{
	char text[512];

	snprintf(text, sizeof(text), "<%d>", format->facility * 8 + severity_of(alert));
	(void)put_text(line, text);
	put_old_time(line, notice_time_ms(alert));
	snprintf(text, sizeof(text),
		 " %s%s%s[%d]: ", format->form == SYSLOG_LOCAL ? "" : format->hostname,
		 format->form == SYSLOG_LOCAL ? "" : " ", format->app_name, format->process);
	(void)put_text(line, text);
}

size_t syslog_format_put(const struct syslog_format *format, const struct tocsin_delivery *delivery,
			 const char *title, const char *message, char *out)
{
	struct line line = {.text = out, .max = format->max_size};

	if (format->form != SYSLOG_RFC5424) {
		put_old_header(&line, format, delivery->alert);
	} else {
		put_new_header(&line, format, delivery->alert);
		if (format->structured_data)
			put_structured(&line, format, delivery);
		else
			(void)put_text(&line, "-");
		(void)put_text(&line, format->bom ? " \xef\xbb\xbf" : " ");
	}
	put_message(&line, format, delivery->alert, title, message);
	return line.used;
}

static size_t usual_size(enum syslog_form form, enum syslog_kind kind)
{
	if (form == SYSLOG_RFC3164)
		return OLD_SIZE;
	return kind == SYSLOG_UDP ? DATAGRAM_SIZE : STREAM_SIZE;
}

/* The name of this machine as a header may have it. */
static void find_hostname(char *out, size_t size)
{
	if (gethostname(out, size) != 0)
		out[0] = '\0';
	out[size - 1] = '\0';
	for (const char *c = out; *c; c++) {
		if (*c <= ' ' || *c > '~')
			out[0] = '\0';
	}
	if (!*out)
		memcpy(out, "-", 2);
}

void syslog_format_init(struct syslog_format *format, const struct syslog_config *config,
			const struct syslog_address *address)
{
	*format = (struct syslog_format){
		.form = (enum syslog_form)config->format,
		.facility = (int)config->facility,
		.enterprise = (int)config->enterprise,
		.process = (int)getpid(),
		.bom = config->bom,
		.structured_data = config->structured_data,
		.app_name = config->app_name,
	};
	if (format->form == SYSLOG_AUTO) /* what listens there knows no other */
		format->form = address->kind == SYSLOG_UNIX ? SYSLOG_LOCAL : SYSLOG_RFC5424;
	format->max_size = config->max_size > 0 ? (size_t)config->max_size
						: usual_size(format->form, address->kind);
	if (config->hostname)
		snprintf(format->hostname, sizeof(format->hostname), "%s", config->hostname);
	else
		find_hostname(format->hostname, sizeof(format->hostname));
}
