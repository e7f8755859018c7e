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
/* A colour as six hex digits, for services that show one. */
const char *notice_color(const struct tocsin_alert *alert);

/* What it is about, in one line: the summary, else the alertname, else a label such as site. */
const char *notice_title(const struct tocsin_alert *alert);
/* What there is to say about it: description or message, else NULL. */
const char *notice_message(const struct tocsin_alert *alert);
/* The figure that raised it, else NULL. */
const char *notice_metric(const struct tocsin_alert *alert);
/* An annotation that title, message and metric have not said already. */
bool notice_is_detail(const struct tocsin_alert *alert, const struct tocsin_pair *annotation);
/* The link if it is safe to offer as one: http or https, without spaces or controls. */
const char *notice_link(const struct tocsin_alert *alert);

/* When it happened: the end of a resolved alert, else the start; now when neither is known. */
int64_t notice_time_ms(const struct tocsin_alert *alert);
/* "2025-11-18 14:30:45" in local time. */
const char *notice_local_time(int64_t time_ms, char out[NOTICE_TIME_SIZE]);
/* "2025-11-18T13:30:45.123Z" */
const char *notice_iso_time(int64_t time_ms, char out[NOTICE_TIME_SIZE]);

#endif
