/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Longer words are compared by their beginning; nobody mistypes 48 letters by two. */
#define WORD 48

struct word {
	char letter[WORD];
	size_t n;
};

/* Letters and digits in lower case: send-resolved, sendResolved and send_resolved are one word. */
static struct word simplify(const char *text)
{
	struct word word = {.n = 0};

	for (; *text != '\0' && word.n < WORD; text++) {
		if (*text != '-' && *text != '_' && *text != ' ')
			word.letter[word.n++] = (char)tolower((unsigned char)*text);
	}
	return word;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours that turn a into b. */
static size_t edits(const struct word *a, const struct word *b)
{
	size_t row[3][WORD + 1];
	size_t *before = row[0], *above = row[1], *now = row[2];

	for (size_t j = 0; j <= b->n; j++)
		above[j] = j;
	for (size_t i = 1; i <= a->n; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= b->n; j++) {
			char x = a->letter[i - 1], y = b->letter[j - 1];

			now[j] = least(least(above[j], now[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == b->letter[j - 2] && a->letter[i - 2] == y)
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = above;
		above = now;
		now = spare;
	}
	return above[b->n];
}

static size_t tolerated(size_t letters)
{
	if (letters < 3)
		return 0;
	return letters < 6 ? 1 : letters < 9 ? 2 : 3;
}

/* How far word is from the candidate; SIZE_MAX: it cannot have been meant. */
static size_t distance(const struct word *word, const struct word *candidate)
{
	size_t n = edits(word, candidate);
	size_t common = least(word->n, candidate->n);

	if (n <= tolerated(word->n))
		return n;
	/* "pass" for "password": a beginning counts, but after every near miss. */
	if (common >= 3 && memcmp(word->letter, candidate->letter, common) == 0)
		return WORD + n;
	return SIZE_MAX;
}

const char *text_closest(const char *word, const char *const candidates[], size_t n)
{
	struct word wanted = simplify(word);
	const char *closest = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		struct word candidate = simplify(candidates[i]);
		size_t d = distance(&wanted, &candidate);

		if (d < best) {
			best = d;
			closest = candidates[i];
		}
	}
	return closest;
}
