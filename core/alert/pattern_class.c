/* SPDX-License-Identifier: Apache-2.0 */
/* alert/pattern_class: sets of characters, [a-z_[:digit:]\w]. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/pattern_program.h"

#define LAST_CHARACTER 0x10ffffU

static int new_class(struct pattern *pattern, struct class **class, struct step *step)
{
	struct class *grown =
		realloc(pattern->class, (pattern->n_classes + 1) * sizeof(*pattern->class));

	if (!grown)
		return -ENOMEM;
	pattern->class = grown;
	*class = &grown[pattern->n_classes];
	**class = (struct class){.first = pattern->n_ranges};
	*step = (struct step){.kind = STEP_CLASS, .a = (int32_t)pattern->n_classes};
	pattern->n_classes++;
	return 0;
}

static int add_range(struct pattern *pattern, struct class *class, uint32_t first, uint32_t last)
{
	for (uint32_t c = first; c <= last && c < 128; c++)
		class->ascii[c / 64] |= UINT64_C(1) << (c % 64);
	if (last < 128)
		return 0;

	struct range *grown =
		realloc(pattern->range, (pattern->n_ranges + 1) * sizeof(*pattern->range));

	if (!grown)
		return -ENOMEM;
	pattern->range = grown;
	grown[pattern->n_ranges++] = (struct range){first < 128 ? 128 : first, last};
	class->n++;
	return 0;
}

/* Adds the ASCII characters for which is() holds; with `inverse` all the others, and all beyond
 * ASCII. */
static int add_kind(struct pattern *pattern, struct class *class, int (*is)(int),
		    bool also_underscore, bool inverse)
{
	for (int c = 0; c < 128; c++) {
		bool in = (is(c) != 0 || (also_underscore && c == '_')) != inverse;

		if (in)
			class->ascii[c / 64] |= UINT64_C(1) << (c % 64);
	}
	return inverse ? add_range(pattern, class, 128, LAST_CHARACTER) : 0;
}

bool pattern_is_shorthand(char letter)
{
	return letter != '\0' && strchr("dwsDWS", letter) != NULL;
}

static int add_shorthand(struct pattern *pattern, struct class *class, char letter)
{
	bool inverse = letter == 'D' || letter == 'W' || letter == 'S';
	bool word = letter == 'w' || letter == 'W';

	return add_kind(pattern, class,
			word                             ? isalnum
			: letter == 'd' || letter == 'D' ? isdigit
							 : isspace,
			word, inverse);
}

int pattern_shorthand(struct pattern *pattern, char letter, struct step *step)
{
	struct class *class;

	if (new_class(pattern, &class, step) < 0)
		return -ENOMEM;
	return add_shorthand(pattern, class, letter);
}

/* [:alpha:] inside a class. Returns where the text goes on, NULL for an unknown name. */
static const char *read_named(struct pattern *pattern, struct class *class, const char *text)
{
	static const struct {
		const char *name;
		int (*is)(int);
	} named[] = {
		{"[:alnum:]", isalnum}, {"[:alpha:]", isalpha}, {"[:blank:]", isblank},
		{"[:cntrl:]", iscntrl}, {"[:digit:]", isdigit}, {"[:graph:]", isgraph},
		{"[:lower:]", islower}, {"[:print:]", isprint}, {"[:punct:]", ispunct},
		{"[:space:]", isspace}, {"[:upper:]", isupper}, {"[:xdigit:]", isxdigit},
	};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		size_t length = strlen(named[i].name);

		if (strncmp(text, named[i].name, length) == 0) {
			add_kind(pattern, class, named[i].is, false, false);
			return text + length;
		}
	}
	return NULL;
}

/* One character of a class, perhaps behind a backslash. */
static const char *read_member(const char *text, uint32_t *c, const char **mistake)
{
	if (*text == '\\') {
		text++;
		switch (*text) {
		case 'n':
			*c = '\n';
			return text + 1;
		case 't':
			*c = '\t';
			return text + 1;
		case 'r':
			*c = '\r';
			return text + 1;
		default:
			if (*text == '\0' || isalnum((unsigned char)*text)) {
				*mistake = "this backslash sequence has no meaning in [...]";
				return NULL;
			}
		}
	}
	*c = pattern_decode(&text);
	return text;
}

/* A character or a range such as a-z. */
static const char *read_range(struct pattern *pattern, struct class *class, const char *text,
			      const char **mistake)
{
	uint32_t first, last;

	text = read_member(text, &first, mistake);
	if (!text)
		return NULL;
	last = first;
	if (text[0] == '-' && text[1] != ']' && text[1] != '\0') {
		text = read_member(text + 1, &last, mistake);
		if (!text)
			return NULL;
	}
	if (last < first) {
		*mistake = "the range in [...] runs backwards";
		return NULL;
	}
	return add_range(pattern, class, first, last) < 0 ? NULL : text;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

/* Sorts and joins the ranges of the newest class, for the search by halves. */
static void order_ranges(struct pattern *pattern, struct class *class)
{
	struct range *range;
	size_t kept = 0;

	if (class->n == 0)
		return;
	range = pattern->range + class->first;
	qsort(range, class->n, sizeof(*range), compare_ranges);
	for (size_t i = 1; i < class->n; i++) {
		if (range[i].first <= range[kept].last + 1) {
			if (range[i].last > range[kept].last)
				range[kept].last = range[i].last;
		} else {
			range[++kept] = range[i];
		}
	}
	class->n = kept + 1;
	pattern->n_ranges = class->first + class->n;
}

const char *pattern_read_class(struct pattern *pattern, const char *text, struct step *step,
			       const char **mistake)
{
	struct class *class;
	bool first = true;

	*mistake = NULL;
	if (new_class(pattern, &class, step) < 0)
		return NULL;
	if (*text == '^') {
		class->negated = true;
		text++;
	}
	/* A closing bracket in the first place stands for itself. */
	for (; text && (*text != ']' || first); first = false) {
		if (*text == '\0') {
			*mistake = "the closing ] is missing";
			return NULL;
		}
		if (text[0] == '\\' && pattern_is_shorthand(text[1])) {
			if (add_shorthand(pattern, class, text[1]) < 0)
				return NULL;
			text += 2;
		} else if (text[0] == '[' && text[1] != '\0' && strchr(":.=", text[1])) {
			*mistake = "only [:alpha:] and the other POSIX class names may stand here";
			text = read_named(pattern, class, text);
			if (text)
				*mistake = NULL;
		} else {
			text = read_range(pattern, class, text, mistake);
		}
	}
	if (text)
		order_ranges(pattern, class);
	return text ? text + 1 : NULL;
}
