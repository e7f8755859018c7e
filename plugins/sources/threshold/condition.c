/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char form[] = "write a comparison such as '> 300', '>= 20' or '< 40 or > 95', or a "
			   "range such as '10:20', '~:10' or '@10:20'";

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* A plain decimal number; strtod alone would take hexadecimal, infinities and a locale's comma. */
static const char *read_number(const char *text, double *value)
{
	size_t length = strspn(text, "+-0123456789.eE");
	char copy[64], *end;

	if (length == 0 || length >= sizeof(copy))
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*value = strtod(copy, &end);
	return *end || !isfinite(*value) ? NULL : text + length;
}

static const char *read_comparison(const char *text, enum comparison *comparison)
{
	static const struct {
		const char *sign;
		enum comparison comparison;
	} signs[] = {
		{"<=", AT_MOST}, {">=", AT_LEAST}, {"==", EQUAL}, {"!=", UNEQUAL},
		{"<>", UNEQUAL}, {"<", BELOW},     {">", ABOVE},  {"=", EQUAL},
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t length = strlen(signs[i].sign);

		if (strncmp(text, signs[i].sign, length) == 0) {
			*comparison = signs[i].comparison;
			return text + length;
		}
	}
	return NULL;
}

static int refuse(const char *text, const char *what, char *why, size_t size)
{
	snprintf(why, size, "'%.60s' %s; %s", text, what, form);
	return -EINVAL;
}

/* "< 40 or > 95" */
static int parse_terms(const char *text, struct condition *c, char *why, size_t size)
{
	const char *at = text;

	for (;;) {
		struct term *term = &c->term[c->n];

		if (c->n == CONDITION_TERMS)
			return refuse(text, "has too many parts", why, size);
		at = read_comparison(skip_blanks(at), &term->comparison);
		if (!at)
			return refuse(text, "is no condition", why, size);
		at = read_number(skip_blanks(at), &term->bound);
		if (!at)
			return refuse(text, "does not compare with a plain number", why, size);
		c->n++;
		at = skip_blanks(at);
		if (!*at)
			return 0;
		if (strncasecmp(at, "or ", 3) != 0)
			return refuse(text, "is no condition", why, size);
		at += 3;
	}
}

static void add_term(struct condition *c, enum comparison comparison, double bound)
{
	c->term[c->n++] = (struct term){comparison, bound};
}

/* "@10:20", "~:10", "10:" */
static int parse_range(const char *text, struct condition *c, char *why, size_t size)
{
	const char *at = text;
	double low = -HUGE_VAL, high = HUGE_VAL;

	c->all = *at == '@';
	at += c->all;
	if (*at == '~')
		at++;
	else
		at = read_number(at, &low);
	if (!at || *at != ':')
		return refuse(text, "is no range", why, size);
	at++;
	if (*at)
		at = read_number(at, &high);
	if (!at || *skip_blanks(at))
		return refuse(text, "is no range", why, size);
	if (low > high)
		return refuse(text, "begins above its end", why, size);
	if (low > -HUGE_VAL)
		add_term(c, c->all ? AT_LEAST : BELOW, low);
	if (high < HUGE_VAL)
		add_term(c, c->all ? AT_MOST : ABOVE, high);
	return c->n ? 0 : refuse(text, "has no bound", why, size);
}

int condition_parse(const char *text, struct condition *condition, char *why, size_t size)
{
	double number;
	const char *end;

	*condition = (struct condition){0};
	if (!text || !*skip_blanks(text))
		return 0;
	text = skip_blanks(text);
	end = read_number(text, &number);
	/* With Nagios it would mean outside of 0 to 10, with others above 10, or from 10 on. */
	if (end && !*skip_blanks(end)) {
		snprintf(why, size,
			 "'%.60s' does not say which side is meant; write '> %.30s', '< %.30s', or "
			 "the range '0:%.30s'",
			 text, text, text, text);
		return -EINVAL;
	}
	if (strchr(text, ':'))
		return parse_range(text, condition, why, size);
	return parse_terms(text, condition, why, size);
}

static bool term_holds(const struct term *term, double value)
{
	switch (term->comparison) {
	case BELOW:
		return value < term->bound;
	case AT_MOST:
		return value <= term->bound;
	case ABOVE:
		return value > term->bound;
	case AT_LEAST:
		return value >= term->bound;
	case EQUAL:
		return value == term->bound;
	case UNEQUAL:
		return value != term->bound;
	}
	return false;
}

bool condition_holds(const struct condition *condition, double value)
{
	size_t held = 0;

	for (size_t i = 0; i < condition->n; i++)
		held += term_holds(&condition->term[i], value);
	return condition->all ? held == condition->n && held > 0 : held > 0;
}

void condition_range(const struct condition *c, char *text, size_t size)
{
	double low = -HUGE_VAL, high = HUGE_VAL;

	*text = '\0';
	for (size_t i = 0; i < c->n; i++) {
		enum comparison comparison = c->term[i].comparison;
		bool under = comparison == BELOW || comparison == AT_MOST;
		double *bound = under != c->all ? &low : &high;

		if (comparison == EQUAL || comparison == UNEQUAL || isfinite(*bound))
			return;
		*bound = c->term[i].bound;
	}
	if (c->n == 0)
		return;
	if (!c->all && low == -HUGE_VAL && high >= 0)
		snprintf(text, size, "%.15g", high);
	else if (low == -HUGE_VAL)
		snprintf(text, size, "%s~:%.15g", c->all ? "@" : "", high);
	else if (high == HUGE_VAL)
		snprintf(text, size, "%s%.15g:", c->all ? "@" : "", low);
	else
		snprintf(text, size, "%s%.15g:%.15g", c->all ? "@" : "", low, high);
}
