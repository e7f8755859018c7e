/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an alert is, as sources make it and channels read it.
 *
 * Everything here is plain data. Strings are UTF-8 and end with NUL. Times are
 * milliseconds since 1970-01-01T00:00:00Z; 0 means "not known".
 */
#ifndef TOCSIN_ALERT_H
#define TOCSIN_ALERT_H

#include <stddef.h>
#include <stdint.h>

/* Ordered: a comparison of two severities is a comparison of their numbers. */
enum tocsin_severity {
	TOCSIN_DEBUG,
	TOCSIN_INFO,
	TOCSIN_NOTICE,
	TOCSIN_WARNING,
	TOCSIN_ERROR,
	TOCSIN_CRITICAL,
	TOCSIN_EMERGENCY,
};

enum tocsin_status {
	TOCSIN_FIRING,   /* a state that holds now */
	TOCSIN_RESOLVED, /* that state has ended */
	TOCSIN_EVENT,    /* it happened; there is nothing to resolve */
};

/* A name and its value: a label, an annotation, an HTTP header. */
struct tocsin_pair {
	const char *name;
	const char *value;
};

/* A list of pairs; in an alert they are sorted by name and names are unique. */
struct tocsin_map {
	const struct tocsin_pair *pair;
	size_t n;
};

struct tocsin_strings {
	const char *const *item;
	size_t n;
};

/*
 * An alert. A source fills in what it knows and leaves the rest zero; the core
 * completes it (id, fingerprint, source, times) before a channel sees it.
 */
struct tocsin_alert {
	size_t size;                   /* sizeof(struct tocsin_alert) of whoever made it */
	const char *id;                /* 32 hex digits, given by the core at intake */
	const char *source;            /* name of the source instance, given by the core */
	const char *fingerprint;       /* 16 hex digits over the labels, given by the core */
	const char *severity_name;     /* any known name or alias; overrides severity */
	enum tocsin_severity severity;
	enum tocsin_status status;
	int64_t starts_at_ms;          /* 0: the core takes the time of intake */
	int64_t ends_at_ms;            /* of a resolved alert */
	struct tocsin_map labels;      /* identity; at least one */
	struct tocsin_map annotations; /* text for people: summary, description, ... */
	struct tocsin_strings recipients; /* whom to notify; empty: the channel's own `to` */
	const char *link;              /* http(s) URL of the thing itself, or NULL */
};

#endif
