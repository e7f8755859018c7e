/* SPDX-License-Identifier: Apache-2.0 */
/* alert/pattern_compile: an expression becomes a program. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert/pattern_program.h"
#include "base/text.h"

struct compiler {
	struct pattern *pattern;
	const char *start; /* of the whole text, for messages */
	const char *at;
	int depth;
	struct error *err;
};

static int compile_alternatives(struct compiler *compiler);

static int mistake(struct compiler *compiler, const char *at, const char *what)
{
	size_t character = 1;

	/* Count characters, not bytes, as a person does. */
	for (const char *s = compiler->start; s < at; s++)
		character += (*s & 0xc0) != 0x80;
	return error_set(compiler->err, -EINVAL, "%s (character %zu of the expression \"%.*s\")",
			 what, character,
			 (int)text_prefix(compiler->start, strlen(compiler->start), 80),
			 compiler->start);
}

static int too_large(struct compiler *compiler)
{
	return mistake(compiler, compiler->at,
		       "the expression is too large; write fewer or smaller repetitions");
}

/* Makes room for one step at index and puts it there. The steps behind it move as one block, so
 * their relative jumps stay right. */
static int insert(struct compiler *compiler, size_t index, struct step step)
{
	struct pattern *pattern = compiler->pattern;

	/* One place is kept for the final match. */
	if (pattern->n_steps + 1 >= PATTERN_STEPS)
		return too_large(compiler);
	memmove(&pattern->step[index + 1], &pattern->step[index],
		(pattern->n_steps - index) * sizeof(step));
	pattern->step[index] = step;
	pattern->n_steps++;
	return 0;
}

static int append(struct compiler *compiler, struct step step)
{
	return insert(compiler, compiler->pattern->n_steps, step);
}

static int repeat_any(struct compiler *compiler, size_t start)
{
	int32_t length = (int32_t)(compiler->pattern->n_steps - start);
	int rc = insert(compiler, start, (struct step){STEP_SPLIT, 1, length + 2});

	return rc < 0 ? rc : append(compiler, (struct step){STEP_JUMP, -(length + 1), 0});
}

static int repeat_some(struct compiler *compiler, size_t start)
{
	int32_t length = (int32_t)(compiler->pattern->n_steps - start);

	return append(compiler, (struct step){STEP_SPLIT, -length, 1});
}

static int make_optional(struct compiler *compiler, size_t start)
{
	int32_t length = (int32_t)(compiler->pattern->n_steps - start);

	return insert(compiler, start, (struct step){STEP_SPLIT, 1, length + 1});
}

/* Appends n copies of a block that lies in `from`. */
static int append_copies(struct compiler *compiler, const struct step *from, size_t length, long n)
{
	struct pattern *pattern = compiler->pattern;

	for (long i = 0; i < n && length > 0; i++) {
		if (pattern->n_steps + length + 1 >= PATTERN_STEPS)
			return too_large(compiler);
		memcpy(&pattern->step[pattern->n_steps], from, length * sizeof(*from));
		pattern->n_steps += length;
	}
	return 0;
}

/* x{2,4} becomes xx(x(x)?)?; most < 0 means without end. */
static int repeat_counted(struct compiler *compiler, size_t start, long least, long most)
{
	struct pattern *pattern = compiler->pattern;
	size_t length = pattern->n_steps - start;
	struct step *block = malloc((length + 1) * sizeof(*block));
	int rc;

	if (!block)
		return -ENOMEM;
	memcpy(block, &pattern->step[start], length * sizeof(*block));
	pattern->n_steps = start;
	rc = append_copies(compiler, block, length, least);
	if (rc == 0 && most < 0) {
		size_t loop = pattern->n_steps;

		rc = append_copies(compiler, block, length, 1);
		if (rc == 0)
			rc = repeat_any(compiler, loop);
	}
	/* Each optional copy may jump behind the last one. */
	for (long i = least; rc == 0 && length > 0 && i < most; i++) {
		int32_t to_end = (int32_t)((size_t)(most - i) * (length + 1));

		rc = append(compiler, (struct step){STEP_SPLIT, 1, to_end});
		if (rc == 0)
			rc = append_copies(compiler, block, length, 1);
	}
	free(block);
	return rc;
}

static int read_count(struct compiler *compiler, long *count)
{
	if (!isdigit((unsigned char)*compiler->at))
		return mistake(compiler, compiler->at,
			       "a repetition is written {2}, {2,} or {2,5}");
	*count = 0;
	for (; isdigit((unsigned char)*compiler->at); compiler->at++) {
		*count = *count * 10 + (*compiler->at - '0');
		if (*count > PATTERN_REPEAT)
			return mistake(compiler, compiler->at,
				       "the repetition is too high; 1000 is the most");
	}
	return 0;
}

/* {m}, {m,} and {m,n}, after the opening brace. */
static int compile_counted(struct compiler *compiler, size_t start)
{
	long least = 0, most;
	int rc = read_count(compiler, &least);

	if (rc < 0)
		return rc;
	most = least;
	if (*compiler->at == ',') {
		compiler->at++;
		most = -1;
		if (*compiler->at != '}')
			rc = read_count(compiler, &most);
		if (rc < 0)
			return rc;
	}
	if (*compiler->at != '}')
		return mistake(compiler, compiler->at,
			       "a repetition is written {2}, {2,} or {2,5}");
	if (most >= 0 && most < least)
		return mistake(compiler, compiler->at, "the repetition runs backwards");
	compiler->at++;
	return repeat_counted(compiler, start, least, most);
}

static bool at_repetition(const char *at)
{
	return *at == '*' || *at == '+' || *at == '?' ||
	       (*at == '{' && isdigit((unsigned char)at[1]));
}

static int compile_repetitions(struct compiler *compiler, size_t start)
{
	int rc = 0;

	while (rc == 0 && at_repetition(compiler->at)) {
		switch (*compiler->at++) {
		case '*':
			rc = repeat_any(compiler, start);
			break;
		case '+':
			rc = repeat_some(compiler, start);
			break;
		case '?':
			rc = make_optional(compiler, start);
			break;
		default:
			rc = compile_counted(compiler, start);
		}
	}
	return rc;
}

static int compile_group(struct compiler *compiler)
{
	const char *open = compiler->at - 1;
	int rc;

	if (strncmp(compiler->at, "?:", 2) == 0)
		compiler->at += 2;
	else if (*compiler->at == '?')
		return mistake(
			compiler, open,
			"only (...) and (?:...) are groups here, and (?i) may stand in front");
	if (++compiler->depth > PATTERN_DEPTH)
		return mistake(compiler, open, "too many groups inside each other");
	rc = compile_alternatives(compiler);
	compiler->depth--;
	if (rc < 0)
		return rc;
	if (*compiler->at != ')')
		return mistake(compiler, open, "the group that opens here is not closed");
	compiler->at++;
	return 0;
}

static int compile_character(struct compiler *compiler, uint32_t c)
{
	return append(compiler, (struct step){STEP_CHARACTER, (int32_t)c, 0});
}

/* What follows a backslash. */
static int compile_escape(struct compiler *compiler)
{
	const char *backslash = compiler->at - 1;
	char letter = *compiler->at;
	struct step step;

	if (letter == '\0')
		return mistake(compiler, backslash,
			       "nothing follows the backslash; write \\\\ for itself");
	if (pattern_is_shorthand(letter)) {
		compiler->at++;
		if (pattern_shorthand(compiler->pattern, letter, &step) < 0)
			return -ENOMEM;
		return append(compiler, step);
	}
	if (isdigit((unsigned char)letter))
		return mistake(compiler, backslash, "back-references are not supported");
	if (isalpha((unsigned char)letter) && !strchr("nrt", letter))
		return mistake(compiler, backslash,
			       "this backslash sequence is not supported; of letters only "
			       "\\d \\w \\s \\D \\W \\S \\n \\r \\t are");
	if (!isalpha((unsigned char)letter))
		return compile_character(compiler, pattern_decode(&compiler->at));
	compiler->at++;
	return compile_character(compiler, letter == 'n' ? '\n' : letter == 'r' ? '\r' : '\t');
}

static int compile_class(struct compiler *compiler)
{
	struct step step;
	const char *what;
	const char *behind = pattern_read_class(compiler->pattern, compiler->at, &step, &what);

	if (!behind)
		return what ? mistake(compiler, compiler->at - 1, what) : -ENOMEM;
	compiler->at = behind;
	return append(compiler, step);
}

static int compile_atom(struct compiler *compiler)
{
	if (at_repetition(compiler->at))
		return mistake(compiler, compiler->at,
			       "there is nothing to repeat here; write a backslash in front for "
			       "the character itself");
	switch (*compiler->at) {
	case '(':
		compiler->at++;
		return compile_group(compiler);
	case '[':
		compiler->at++;
		return compile_class(compiler);
	case '\\':
		compiler->at++;
		return compile_escape(compiler);
	case '.':
		compiler->at++;
		return append(compiler, (struct step){.kind = STEP_ANY});
	case '^':
		compiler->at++;
		return append(compiler, (struct step){.kind = STEP_START});
	case '$':
		compiler->at++;
		return append(compiler, (struct step){.kind = STEP_END});
	default:
		return compile_character(compiler, pattern_decode(&compiler->at));
	}
}

static int compile_sequence(struct compiler *compiler)
{
	int rc = 0;

	while (rc == 0 && !strchr("|)", *compiler->at)) {
		size_t start = compiler->pattern->n_steps;

		rc = compile_atom(compiler);
		if (rc == 0)
			rc = compile_repetitions(compiler, start);
	}
	return rc;
}

static int compile_alternatives(struct compiler *compiler)
{
	struct pattern *pattern = compiler->pattern;
	size_t start = pattern->n_steps;
	int rc = compile_sequence(compiler);

	while (rc == 0 && *compiler->at == '|') {
		int32_t length = (int32_t)(pattern->n_steps - start);
		size_t jump;

		compiler->at++;
		rc = insert(compiler, start, (struct step){STEP_SPLIT, 1, length + 2});
		jump = pattern->n_steps;
		if (rc == 0)
			rc = append(compiler, (struct step){.kind = STEP_JUMP});
		if (rc == 0)
			rc = compile_sequence(compiler);
		if (rc == 0)
			pattern->step[jump].a = (int32_t)(pattern->n_steps - jump);
	}
	return rc;
}

static int compile(struct compiler *compiler)
{
	size_t length = strlen(compiler->start);
	int rc;

	if (length > PATTERN_TEXT)
		return error_set(compiler->err, -EINVAL,
				 "the expression has %zu bytes; %d is the most", length,
				 PATTERN_TEXT);
	if (!text_is_valid(compiler->start, length))
		return error_set(compiler->err, -EINVAL, "the expression is not valid UTF-8");
	if (strncmp(compiler->at, "(?i)", 4) == 0) {
		compiler->pattern->fold = true;
		compiler->at += 4;
	}
	rc = compile_alternatives(compiler);
	if (rc == 0 && *compiler->at == ')')
		rc = mistake(compiler, compiler->at, "no group is open that this ) could close");
	if (rc == 0)
		compiler->pattern->step[compiler->pattern->n_steps++].kind = STEP_MATCH;
	return rc;
}

/* Room for the longest program while compiling, and what is needed afterwards. */
static int compile_program(struct compiler *compiler)
{
	struct pattern *pattern = compiler->pattern;
	struct step *fitted;
	int rc;

	pattern->step = calloc(PATTERN_STEPS, sizeof(*pattern->step));
	if (!pattern->step)
		return -ENOMEM;
	rc = compile(compiler);
	if (rc < 0)
		return rc;
	assert(pattern->n_steps > 0);
	fitted = realloc(pattern->step, pattern->n_steps * sizeof(*fitted));
	if (fitted)
		pattern->step = fitted;
	return 0;
}

int pattern_new(const char *text, struct pattern **pattern, struct error *err)
{
	struct pattern *made = calloc(1, sizeof(*made));
	struct compiler compiler = {.pattern = made, .start = text, .at = text, .err = err};
	int rc = made ? compile_program(&compiler) : -ENOMEM;

	if (rc == -ENOMEM)
		error_set(err, rc, "out of memory");
	if (rc < 0) {
		pattern_free(made);
		return rc;
	}
	*pattern = made;
	return 0;
}
