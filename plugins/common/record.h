/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/record: a delivery as it is kept for people (a block of text) and for programs
 * (one JSON object a line). Pure functions.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdio.h>

#include <tocsin/plugin.h>

#include "draft.h"

/* Terminal sequences around the heading; "" for none. */
struct record_paint {
	const char *on, *off;
};

/* Words in place of those of the alert; NULL, as a whole or one of them: the alert's own. */
struct record_words {
	const char *title, *message;
};

/* The block of an alerts.log: rule, heading, rule, time, message, details, rule, empty line. */
void record_put_text(FILE *out, const struct tocsin_delivery *delivery,
		     const struct record_words *words, const struct record_paint *paint);

/* One JSON object and a newline; controls are escaped, also those that JSON would allow. */
void record_put_json(struct draft *draft, const struct tocsin_delivery *delivery,
		     const struct record_words *words);

#endif
