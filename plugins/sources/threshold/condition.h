/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a figure is measured against: "> 300", ">= 20", "< 40 or > 95", or a range as Nagios plugins
 * take it: "10:20" (outside), "@10:20" (inside, with its ends), "10:" and "~:10". Pure functions.
 */
#ifndef THRESHOLD_CONDITION_H
#define THRESHOLD_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#define CONDITION_TERMS 4

enum comparison { BELOW, AT_MOST, ABOVE, AT_LEAST, EQUAL, UNEQUAL };

struct condition {
	struct term {
		enum comparison comparison;
		double bound;
	} term[CONDITION_TERMS];
	size_t n;   /* 0: there is none, and it never holds */
	bool all;   /* all terms must hold (a range with @), else one of them */
};

/* 0, or -EINVAL and one sentence. text NULL or "": none. */
int condition_parse(const char *text, struct condition *condition, char *why, size_t size);
bool condition_holds(const struct condition *condition, double value);
/* As perfdata has it: "20", "70:", "40:95", "@10:20"; "" where there is no such range. */
void condition_range(const struct condition *condition, char *text, size_t size);

#endif
