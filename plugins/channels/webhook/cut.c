/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <string.h>

#include "../../common/text.h"

#define JOINER 0x200du

static size_t weight(uint32_t point, enum webhook_unit unit)
{
	if (unit == UNIT_BYTES)
		return text_size(point);
	return unit == UNIT_UTF16 && point >= 0x10000 ? 2 : 1;
}

/* What changes the character before it: accents, variants, skin colours, tags. */
static bool is_continuation(uint32_t point)
{
	return (point >= 0x300 && point <= 0x36f) || (point >= 0x483 && point <= 0x489) ||
	       (point >= 0x591 && point <= 0x5bd) || (point >= 0x64b && point <= 0x65f) ||
	       (point >= 0x1ab0 && point <= 0x1aff) || (point >= 0x1dc0 && point <= 0x1dff) ||
	       (point >= 0x20d0 && point <= 0x20ff) || (point >= 0xfe00 && point <= 0xfe0f) ||
	       (point >= 0xfe20 && point <= 0xfe2f) || (point >= 0x1f3fb && point <= 0x1f3ff) ||
	       (point >= 0xe0020 && point <= 0xe007f) || (point >= 0xe0100 && point <= 0xe01ef) ||
	       point == JOINER;
}

/* Two of these are one flag. */
static bool is_flag_half(uint32_t point)
{
	return point >= 0x1f1e6 && point <= 0x1f1ff;
}

size_t webhook_length(const char *text, enum webhook_unit unit)
{
	size_t length = 0;
	uint32_t point;

	while ((point = text_next(&text)) != 0)
		length += weight(point, unit);
	return length;
}

size_t webhook_cut(const char *text, size_t most, enum webhook_unit unit)
{
	size_t mark = unit == UNIT_BYTES ? strlen(CUT_MARK) : 1, used = 0;
	const char *at = text, *good = text, *fits = text;
	uint32_t point, before = 0;
	bool half = false; /* an odd number of halves of flags stands before */

	for (;;) {
		const char *begin = at;

		point = text_next(&at);
		if (used + mark <= most) {
			fits = begin;
			if (!is_continuation(point) && before != JOINER &&
			    !(half && is_flag_half(point)))
				good = begin;
		}
		if (point == 0)
			return (size_t)(begin - text);
		used += weight(point, unit);
		if (used > most)
			break;
		half = is_flag_half(point) && !half;
		before = point;
	}
	return (size_t)((good > text ? good : fits) - text);
}
