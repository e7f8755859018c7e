/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/notice: what a channel says about an alert in words, the same in every channel.
 * Pure functions; what they return is borrowed from the alert or static. The text is
 * that of the alert: hostile until escaped for where it goes.
 */
#ifndef COMMON_NOTICE_H
#define COMMON_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/alert.h>

#define NOTICE_TIME_SIZE 40

/* The value of a name, or NULL when it is absent or empty. */
const char *notice_value(const struct tocsin_map *map, const char *name);

/* "critical" */
const char *notice_severity(enum tocsin_severity severity);
/* "firing", "resolved", "event" */
const char *notice_status(enum tocsin_status status);
/* "CRITICAL", or "RESOLVED" when that is the news. */
const char *notice_heading(const struct tocsin_alert *alert);
/* One emoji for the severity, or for good news. */
const char *notice_emoji(const struct tocsin_alert *alert);
/* A colour as six hex digits, for services that show one: the annotation `color` if it is that, else by
 * severity. */
const char *notice_color(const struct tocsin_alert *alert);

/* The first line as the alert wants it said (annotation `headline`), in place of emoji, severity and
 * title; NULL: it leaves that to us. */
const char *notice_headline(const struct tocsin_alert *alert);
/* What it is about, in one line: the summary, else the alertname, else a label such as site. */
const char *notice_title(const struct tocsin_alert *alert);
/* What there is to say about it: description or message, else NULL. */
const char *notice_message(const struct tocsin_alert *alert);
/* The figure that raised it, else NULL. */
const char *notice_metric(const struct tocsin_alert *alert);
/* An annotation that title, message and metric have not said already. */
bool notice_is_detail(const struct tocsin_alert *alert, const struct tocsin_pair *annotation);
/* What is shown below the text, in this order, in place of all labels and annotations, when the alert
 * says so (annotation `fields`, "Status=status, Took=duration": the title, and the name of an annotation
 * or label; what the alert does not have is left out). 0: it does not. */
#define NOTICE_FIELDS 16
struct notice_field {
	char title[64];
	const char *value;
};
size_t notice_fields(const struct tocsin_alert *alert, struct notice_field fields[NOTICE_FIELDS]);
/* The link if it is safe to offer as one (see notice_links), as it was written. */
const char *notice_link(const struct tocsin_alert *alert);

/*
 * What can be followed: the alert's own link ("Open"), and runbook_url, dashboard_url and
 * generator_url, annotations or labels ("Runbook", "Dashboard", "Source"), each address once.
 *
 * Only what is safe is offered: http or https with a plain host name or address, no user name before
 * it (that poses as another host), no spaces, controls, backslashes. The url is ready for use: all that
 * is not plain ASCII, and each of "<>^`{|} is percent-encoded. One that gets too long is left out.
 */
#define NOTICE_LINKS 4
#define NOTICE_URL_SIZE 2049
struct notice_link {
	const char *title;
	char url[NOTICE_URL_SIZE];
};
size_t notice_links(const struct tocsin_alert *alert, struct notice_link links[NOTICE_LINKS]);
/* A label or annotation that notice_links offers, for channels that do not show it twice. */
bool notice_is_link(const struct tocsin_alert *alert, const struct tocsin_pair *pair);

/* When it happened: the end of a resolved alert, else the start; now when neither is known. */
int64_t notice_time_ms(const struct tocsin_alert *alert);
/* "2025-11-18 14:30:45" in local time. */
const char *notice_local_time(int64_t time_ms, char out[NOTICE_TIME_SIZE]);
/* "2025-11-18T13:30:45.123Z" */
const char *notice_iso_time(int64_t time_ms, char out[NOTICE_TIME_SIZE]);

#endif
