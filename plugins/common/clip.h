/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/clip: a text that never grows over its limit. What does not fit is left out from there to
 * the end, between characters as a reader sees them, and a note says so. Hostile text goes in;
 * controls, and what the escape takes the meaning from, never come out.
 *
 * Lengths are UTF-16 units: what services count, or not less than that.
 */
#ifndef COMMON_CLIP_H
#define COMMON_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum clip_escape {
	CLIP_PLAIN,    /* where nothing has a meaning */
	CLIP_ENTITIES, /* & < > as entities, for Slack */
	CLIP_MARKDOWN, /* a backslash before what Markdown, Discord or Teams give a meaning */
};

#define CLIP_CLUSTER 64 /* bytes of one character with what belongs to it */

struct clip {
	char *text;
	size_t length, room;      /* bytes that are written, and that there is memory for */
	size_t units, most;
	const char *note;
	size_t note_units;
	size_t fits;              /* up to where the text goes when the note must follow */
	char cluster[CLIP_CLUSTER];
	size_t cluster_length, cluster_units;
	bool joined;              /* the last character asks for the next one: a zero-width joiner */
	bool line_begun;          /* the line has more than what may introduce a list or a heading */
	bool digits;              /* the line has nothing but digits so far */
	bool cut, failed;
};

/* At most `most` units, of which the note needs some when the text is cut. */
void clip_begin(struct clip *clip, size_t most, const char *note);
/* Our own words or marks, whole or not at all, as they are. */
void clip_mark(struct clip *clip, const char *mark);
/* Text of the alert: one line, in which controls and line breaks are spaces; or several. */
void clip_line(struct clip *clip, const char *text, enum clip_escape escape);
void clip_lines(struct clip *clip, const char *text, enum clip_escape escape);
/* Text that is markup already, such as a template's: no entity, escape or <link> is cut apart.
 * lines: false makes one line of it. */
void clip_markup(struct clip *clip, const char *text, bool lines);
/* True when another text of this many units would fit. */
bool clip_has_room(const struct clip *clip, size_t units);
/* The text, for the caller to free(); NULL when memory was short. */
char *clip_end(struct clip *clip);

/* The length of a valid text in UTF-16 units. */
size_t clip_length(const char *text);

#endif
