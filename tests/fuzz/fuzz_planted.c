/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control: a mistake put here on purpose, a few letters away from a harmless input. A run of the
 * fuzzers that does not find it within a minute proves nothing about the others.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* How many letters of the word are right. Not optimised, so that each is a branch of its own, which
 * is what an engine steers by. */
__attribute__((optnone)) static int right_letters(const char *text)
{
	if (text[0] != 'a')
		return 0;
	if (text[1] != 'l')
		return 1;
	if (text[2] != 'e')
		return 2;
	if (text[3] != 'r')
		return 3;
	return text[4] == 't' ? 5 : 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = calloc(1, size + 6);

	if (!copy)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	if (right_letters(copy) == 5)
		copy[size + 6] = '!'; /* one past its end */
	free(copy);
	return 0;
}
