/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of base/zone share. */
#ifndef BASE_ZONE_PARTS_H
#define BASE_ZONE_PARTS_H

#include "base/zone.h"

struct zone_type {
	int32_t offset;
	bool dst;
	char abbreviation[ZONE_ABBREVIATION];
};

/* The day and the local time at which a rule sets the clock in every year. */
struct zone_change {
	enum { ZONE_MONTH, ZONE_JULIAN, ZONE_DAY } form; /* M3.5.0; J60 without and 59 with leap days */
	int month, week, day;
	int32_t time;
};

/* How it goes on after the last change that is listed; as in TZ. */
struct zone_rule {
	struct zone_type standard, summer;
	struct zone_change begin, end; /* of summer */
	bool has_summer;
};

struct zone {
	struct tocsin_zone pub;
	char *name;
	int64_t *at;            /* changes, ascending */
	uint8_t *to;            /* the type that each begins */
	size_t n;
	struct zone_type *type; /* the first is that before all changes */
	size_t types;
	bool has_rule;          /* else the last type goes on */
	struct zone_rule rule;
	bool lasting;           /* never freed */
};

/* Even one that is lasting. */
void zone_drop(struct zone *zone);
/* Reads all of text. 0 or -EINVAL. */
int zone_rule_parse(const char *text, struct zone_rule *rule);
/* The span around a moment by the rule alone. */
struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t utc_s);

#endif
