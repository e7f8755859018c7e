/* SPDX-License-Identifier: Apache-2.0 */
/* alert/pattern: runs a compiled expression over a text, all alternatives at once. */
#include "alert/pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alert/pattern_program.h"

/* The steps at which the run stands before one character. */
struct front {
	uint16_t step[PATTERN_STEPS];
	size_t n;
};

struct run {
	const struct pattern *pattern;
	uint32_t seen[PATTERN_STEPS]; /* the last position (from 1) at which a step was visited */
	uint16_t stack[2 * PATTERN_STEPS];
	uint32_t position;
	bool at_end;
	bool matched;
	size_t visits;
};

uint32_t pattern_decode(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	size_t length = s[0] < 0x80   ? 1
			: s[0] < 0xc2 ? 0
			: s[0] < 0xe0 ? 2
			: s[0] < 0xf0 ? 3
			: s[0] < 0xf5 ? 4
				      : 0;
	uint32_t c = length == 1 ? s[0] : s[0] & (0xffU >> (length + 1));

	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			length = 0;
		else
			c = c << 6 | (s[i] & 0x3fU);
	}
	*text += length ? length : 1;
	return length ? c : 0xfffd;
}

static uint32_t swap_case(uint32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return c ^ 0x20U;
	return c;
}

static bool in_class(const struct pattern *pattern, const struct class *class, uint32_t c)
{
	if (c < 128)
		return class->ascii[c / 64] >> (c % 64) & 1U;

	size_t low = class->first, high = class->first + class->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c < pattern->range[middle].first)
			high = middle;
		else if (c > pattern->range[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static bool takes(const struct pattern *pattern, const struct step *step, uint32_t c)
{
	const struct class *class;

	switch (step->kind) {
	case STEP_ANY:
		return true;
	case STEP_CHARACTER:
		return (uint32_t)step->a == c ||
		       (pattern->fold && (uint32_t)step->a == swap_case(c));
	case STEP_CLASS:
		class = &pattern->class[step->a];
		return (in_class(pattern, class, c) ||
			(pattern->fold && in_class(pattern, class, swap_case(c)))) !=
		       class->negated;
	default:
		return false;
	}
}

/* Adds a step and all that can be reached from it without a character. Each step is entered once
 * per position and pushes at most two others, which bounds the stack. */
static void enter(struct run *run, struct front *front, size_t first)
{
	size_t depth = 0;

	run->stack[depth++] = (uint16_t)first;
	while (depth > 0) {
		size_t at = run->stack[--depth];
		const struct step *step = &run->pattern->step[at];

		if (run->seen[at] == run->position)
			continue;
		run->seen[at] = run->position;
		run->visits++;
		switch (step->kind) {
		case STEP_SPLIT:
			run->stack[depth++] = (uint16_t)((int32_t)at + step->b);
			run->stack[depth++] = (uint16_t)((int32_t)at + step->a);
			break;
		case STEP_JUMP:
			run->stack[depth++] = (uint16_t)((int32_t)at + step->a);
			break;
		case STEP_START:
			if (run->position == 1)
				run->stack[depth++] = (uint16_t)(at + 1);
			break;
		case STEP_END:
			if (run->at_end)
				run->stack[depth++] = (uint16_t)(at + 1);
			break;
		case STEP_MATCH:
			run->matched = run->at_end;
			break;
		default:
			front->step[front->n++] = (uint16_t)at;
		}
	}
}

bool pattern_matches(const struct pattern *pattern, const char *text, size_t *visits)
{
	struct run run;
	struct front fronts[2];
	struct front *now = &fronts[0], *next = &fronts[1];

	/* Not with an initializer: clearing the unused rest would cost more than most matches. */
	run.pattern = pattern;
	run.position = 1;
	run.at_end = *text == '\0';
	run.matched = false;
	run.visits = 0;
	memset(run.seen, 0, pattern->n_steps * sizeof(run.seen[0]));
	now->n = 0;
	enter(&run, now, 0);
	while (*text != '\0' && now->n > 0) {
		uint32_t c = pattern_decode(&text);

		run.position++;
		run.at_end = *text == '\0';
		next->n = 0;
		for (size_t i = 0; i < now->n; i++) {
			if (takes(pattern, &pattern->step[now->step[i]], c))
				enter(&run, next, now->step[i] + 1U);
		}

		struct front *swap = now;

		now = next;
		next = swap;
	}
	if (visits)
		*visits = run.visits;
	return run.matched;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	free(pattern->step);
	free(pattern->class);
	free(pattern->range);
	free(pattern);
}
