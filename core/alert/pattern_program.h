/* SPDX-License-Identifier: Apache-2.0 */
/* alert/pattern_program: what pattern_compile.c makes and pattern.c runs. */
#ifndef ALERT_PATTERN_PROGRAM_H
#define ALERT_PATTERN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert/pattern.h"

enum step_kind {
	STEP_CHARACTER, /* the character a */
	STEP_ANY,
	STEP_CLASS, /* a character of class number a */
	STEP_SPLIT, /* go on at a and at b */
	STEP_JUMP,  /* go on at a */
	STEP_START, /* only at the start of the text */
	STEP_END,   /* only at its end */
	STEP_MATCH,
};

/* Jumps are relative to the step itself, so that blocks of steps can be moved and copied. */
struct step {
	enum step_kind kind;
	int32_t a, b;
};

struct range {
	uint32_t first, last;
};

/* A set of characters: bits for ASCII, sorted ranges (searched by halves) for the rest. */
struct class
{
	uint64_t ascii[2];
	size_t first, n; /* its ranges */
	bool negated;
};

struct pattern {
	struct step *step;
	size_t n_steps;
	struct class *class;
	size_t n_classes;
	struct range *range;
	size_t n_ranges;
	bool fold; /* ASCII letters match in any case */
};

/* Decodes the character at *text and steps over it; an invalid byte counts as U+FFFD. */
uint32_t pattern_decode(const char **text);

/* In pattern_class.c: reads [...] after its opening bracket, up to and with the closing one. Sets
 * *step, or *mistake to half a sentence. Returns where the text goes on, NULL for a mistake (-ENOMEM
 * when *mistake is NULL). */
const char *pattern_read_class(struct pattern *pattern, const char *text, struct step *step,
			       const char **mistake);
/* The class of \d \w \s \D \W \S by its letter; false when it is none. */
bool pattern_is_shorthand(char letter);
/* 0 or -ENOMEM. */
int pattern_shorthand(struct pattern *pattern, char letter, struct step *step);

#endif
