/* SPDX-License-Identifier: Apache-2.0 */
#include "clip.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define ZERO_WIDTH_JOINER 0x200d
#define MARKUP_PIECE 2200 /* the longest <url|text> that is kept in one piece */

static size_t units_of(uint32_t point)
{
	return point >= 0x10000 ? 2 : 1;
}

size_t clip_length(const char *text)
{
	size_t units = 0;
	uint32_t point;

	while ((point = text_next(&text)) != 0)
		units += units_of(point);
	return units;
}

void clip_begin(struct clip *clip, size_t most, const char *note)
{
	*clip = (struct clip){.most = most, .note = note, .note_units = clip_length(note)};
}

static void append(struct clip *clip, const char *bytes, size_t length)
{
	if (!clip->text || clip->length + length >= clip->room) {
		size_t room = 2 * clip->room + length + 64;
		char *grown = clip->failed ? NULL : realloc(clip->text, room);

		clip->failed = !grown;
		if (!grown)
			return;
		clip->text = grown;
		clip->room = room;
	}
	memcpy(clip->text + clip->length, bytes, length);
	clip->length += length;
	clip->text[clip->length] = '\0';
}

/* One piece that must not be split. */
static void put(struct clip *clip, const char *bytes, size_t length, size_t units)
{
	if (clip->units + units > clip->most)
		clip->cut = true;
	if (clip->cut || length == 0)
		return;
	append(clip, bytes, length);
	clip->units += units;
	if (clip->units + clip->note_units <= clip->most)
		clip->fits = clip->length;
}

static void put_cluster(struct clip *clip)
{
	put(clip, clip->cluster, clip->cluster_length, clip->cluster_units);
	clip->cluster_length = clip->cluster_units = 0;
}

void clip_mark(struct clip *clip, const char *mark)
{
	put_cluster(clip);
	put(clip, mark, strlen(mark), clip_length(mark));
	clip->line_begun = clip->digits = false;
}

/* What a reader does not see as a character of its own: accents, variants, tones of skin, tags. */
static bool extends(uint32_t point)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0x300, 0x36f},   {0x483, 0x489},     {0x591, 0x5bd},     {0x610, 0x61a},
		{0x64b, 0x65f},   {0x900, 0x903},     {0x93a, 0x94f},     {0xe31, 0xe31},
		{0xe34, 0xe3a},   {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff},   {0x200c, 0x200d},
		{0x20d0, 0x20ff}, {0x302a, 0x302f},   {0x3099, 0x309a},   {0xfe00, 0xfe0f},
		{0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0020, 0xe007f}, {0xe0100, 0xe01ef},
	};

	for (size_t i = 0; point >= 0x300 && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (point >= ranges[i].from && point <= ranges[i].to)
			return true;
	}
	return false;
}

/* A piece that stands for one code point joins the character before it when it belongs there. */
static void put_piece(struct clip *clip, const char *piece, size_t length, uint32_t point)
{
	bool joins = clip->joined || extends(point);
	size_t units = length;

	if (point >= 0x80)
		units = units_of(point);
	if (!joins || clip->cluster_length + length > sizeof(clip->cluster))
		put_cluster(clip);
	memcpy(clip->cluster + clip->cluster_length, piece, length);
	clip->cluster_length += length;
	clip->cluster_units += units;
	clip->joined = point == ZERO_WIDTH_JOINER;
}

static const char *entity(uint32_t point)
{
	switch (point) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	default:
		return NULL;
	}
}

/* Some characters mean something everywhere, some only where a line begins or before another. */
static bool needs_backslash(const struct clip *clip, uint32_t point, char next)
{
	if (point == 0 || point >= 0x80)
		return false;
	if (strchr("\\`*_~|<>[]{}@&", (int)point))
		return true;
	if (point == ':')
		return next == '/';
	if (clip->line_begun)
		return false;
	return clip->digits ? strchr(".)", (int)point) != NULL : strchr("#+-=", (int)point) != NULL;
}

/* What may be cut away where a line begins, so that the character after it begins the line. */
static bool is_blank(uint32_t point)
{
	return point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200b) ||
	       point == 0x202f || point == 0x205f || point == 0x2060 || point == 0x3000 ||
	       point == 0xfeff;
}

static void put_point(struct clip *clip, uint32_t point, enum clip_escape escape, char next)
{
	char piece[8] = "\\";
	const char *name = escape == CLIP_ENTITIES ? entity(point) : NULL;
	bool space = point == ' ' || point == '\t', digit = point >= '0' && point <= '9';

	if (name) {
		put_piece(clip, name, strlen(name), point);
	} else if (escape == CLIP_MARKDOWN && needs_backslash(clip, point, next)) {
		piece[1] = (char)point;
		put_piece(clip, piece, 2, point);
	} else {
		/* A line that begins with spaces would be code, or the deeper part of a list. */
		if (escape == CLIP_MARKDOWN && space && !clip->line_begun && !clip->digits)
			point = 0xa0;
		put_piece(clip, piece, text_encode(point, piece), point);
	}
	if (point == '\n')
		clip->line_begun = clip->digits = false;
	else if (digit && !clip->line_begun)
		clip->digits = true;
	else if (!is_blank(point) || clip->digits)
		clip->line_begun = true;
}

/* How many bytes from here on are characters for themselves, which nothing has to escape. */
static size_t plain_bytes(const char *text, enum clip_escape escape)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~' &&
	       (escape == CLIP_PLAIN || (text[n] != '&' && text[n] != '<' && text[n] != '>')))
		n++;
	return n;
}

/* As put for each of n characters of one byte. */
static void put_bytes(struct clip *clip, const char *bytes, size_t n)
{
	size_t room = clip->most - clip->units, length = clip->length;
	size_t taken = n < room ? n : room;

	if (clip->cut || n == 0)
		return;
	append(clip, bytes, taken);
	if (clip->units + clip->note_units + 1 <= clip->most && taken > 0) {
		size_t before_note = room - clip->note_units;

		clip->fits = length + (taken < before_note ? taken : before_note);
	}
	clip->units += taken;
	clip->cut = taken < n;
}

/* Most text by far, without the care that the rest needs. What follows may belong to its last
 * character. */
static void put_plain(struct clip *clip, const char *text, size_t n)
{
	size_t digits = clip->line_begun ? 0 : strspn(text, "0123456789");

	put_cluster(clip);
	put_bytes(clip, text, n - 1);
	clip->cluster[0] = text[n - 1];
	clip->cluster_length = clip->cluster_units = 1;
	clip->digits |= digits > 0;
	clip->line_begun |= digits < n;
}

static void put_text(struct clip *clip, const char *text, enum clip_escape escape, bool lines)
{
	uint32_t point;
	size_t plain;

	while (!clip->cut && *text) {
		plain = escape == CLIP_MARKDOWN || clip->joined ? 0 : plain_bytes(text, escape);
		if (plain > 0) {
			put_plain(clip, text, plain);
			text += plain;
			continue;
		}
		point = text_next(&text);
		if (point == '\r' && *text == '\n')
			continue;
		if (point == '\r' || point == 0x2028 || point == 0x2029 || point == 0x85)
			point = '\n';
		if (text_is_control(point) && !(lines && (point == '\n' || point == '\t')))
			point = ' ';
		put_point(clip, point, escape, *text);
	}
}

void clip_line(struct clip *clip, const char *text, enum clip_escape escape)
{
	put_text(clip, text, escape, false);
}

void clip_lines(struct clip *clip, const char *text, enum clip_escape escape)
{
	put_text(clip, text, escape, true);
}

/* The length of what must stay together at the beginning of the text: an entity, a character with its
 * backslash, a <link>. 0: nothing. */
static size_t markup_piece(const char *text)
{
	size_t length;

	if (*text == '\\' && text[1] > ' ' && text[1] < 0x7f)
		return 2;
	if (*text == '&') {
		length = 1 + strspn(text + 1, "#0123456789abcdefghijklmnopqrstuvwxyzABCDEFX");
		return length > 1 && length <= 10 && text[length] == ';' ? length + 1 : 0;
	}
	if (*text != '<')
		return 0;
	for (length = 1; length < MARKUP_PIECE && (unsigned char)text[length] >= ' '; length++) {
		if (text[length] == '<' || (unsigned char)text[length] == 0x7f)
			return 0;
		if (text[length] == '>')
			return length + 1;
	}
	return 0;
}

/* True when the piece is valid, and none of its characters is a control. */
static bool is_clean(const char *piece, size_t length, size_t *units)
{
	const char *at = piece;
	uint32_t point;

	*units = 0;
	while (at < piece + length) {
		bool spelled = strncmp(at, "\xef\xbf\xbd", 3) == 0;

		point = text_next(&at);
		if (text_is_control(point) || (point == TEXT_REPLACEMENT && !spelled))
			return false;
		*units += units_of(point);
	}
	return true;
}

void clip_markup(struct clip *clip, const char *text, bool lines)
{
	while (*text && !clip->cut) {
		size_t length = markup_piece(text), units;
		uint32_t point;

		if (length > 0 && is_clean(text, length, &units)) {
			put_cluster(clip);
			put(clip, text, length, units);
			text += length;
			continue;
		}
		point = text_next(&text);
		if (point == '\r' && *text == '\n')
			continue;
		if (text_is_control(point) && !(lines && (point == '\n' || point == '\t')))
			point = ' ';
		put_point(clip, point, CLIP_PLAIN, *text);
	}
}

bool clip_has_room(const struct clip *clip, size_t units)
{
	return !clip->cut && clip->units + clip->cluster_units + units <= clip->most;
}

char *clip_end(struct clip *clip)
{
	put_cluster(clip);
	if (clip->cut && !clip->failed) {
		clip->length = clip->fits;
		append(clip, clip->note, clip->note_units <= clip->most ? strlen(clip->note) : 0);
	} else if (!clip->text) {
		append(clip, "", 0);
	}
	if (!clip->failed)
		return clip->text;
	free(clip->text);
	return NULL;
}
