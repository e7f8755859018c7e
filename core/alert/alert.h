/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/alert: an alert as the core keeps it. Owns all its strings; immutable
 * once made, so that threads may share it. Whoever makes one holds it.
 */
#ifndef ALERT_ALERT_H
#define ALERT_ALERT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <tocsin/alert.h>

#include "alert/severity.h"
#include "base/error.h"

/* Bounds of one alert; more is refused. */
#define ALERT_LABELS 64
#define ALERT_NAME 256           /* bytes of a label or annotation name */
#define ALERT_VALUE 4096         /* bytes of a label value */
#define ALERT_TEXT (64 * 1024)   /* bytes of an annotation value */
#define ALERT_RECIPIENTS 256
#define ALERT_BODY (256 * 1024)  /* bytes of the whole as JSON */

struct alert {
	struct tocsin_alert pub; /* what plugins see; points into this alert's own memory; first */
	atomic_int holders;
};

/*
 * Makes a complete alert from what a source or client said: labels sorted,
 * empty-valued labels dropped, invalid UTF-8 replaced, severity resolved
 * (severity_name, else the label `severity`, else the number), times and id and
 * fingerprint set. 0, or -EINVAL with the sentence that the sender should read.
 */
int alert_new(const struct tocsin_alert *from, const char *source, int64_t now_ms,
	      const struct severity_aliases *aliases, struct alert **alert, struct error *err);
/* One more holder: it is there until each has freed it. */
struct alert *alert_hold(struct alert *alert);
void alert_free(struct alert *alert);

/*
 * JSON, the form of the store, the API and the exec channel:
 * {"id","source","fingerprint","status","severity","starts_at","ends_at","labels":{},
 *  "annotations":{},"recipients":[],"link"}; times in RFC 3339, absent ones left out.
 */
char *alert_to_json(const struct tocsin_alert *alert);      /* for the caller to free(); NULL: memory */
/* What alert_to_json wrote, unchanged (the store's rows). 0 or -EINVAL, -ENOMEM. */
int alert_from_json(const char *text, struct alert **alert, struct error *err);
/* What a client sent: also Alertmanager's startsAt, endsAt and generatorURL; "status" may be
 * firing, resolved or event (default firing; endsAt in the past means resolved). Then as alert_new. */
int alert_from_client(const json_t *object, const char *source, int64_t now_ms,
		      const struct severity_aliases *aliases, struct alert **alert,
		      struct error *err);

/* FNV-1a 64 over the labels in byte order of name: name 0xFF value 0xFF, as Alertmanager does. */
uint64_t alert_fingerprint(const struct tocsin_map *labels);

/* May an alert have this link? NULL is fine. 0, or -EINVAL with the sentence. */
int alert_check_link(const char *link, struct error *err);

/* The value of a label or annotation, or NULL. */
const char *alert_get(const struct tocsin_map *map, const char *name);
/* "firing", "resolved", "event" */
const char *alert_status_name(enum tocsin_status status);
/* What the alert is about, for one line: the label site, instance, host, job, else alertname,
 * else the first label's value. */
const char *alert_subject(const struct tocsin_alert *alert);

#endif
