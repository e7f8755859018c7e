/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mails about one incident as one conversation. The first one's Message-ID is kept as the note
 * of its alert and recipient; those that follow refer to it. A conversation ends when the alert is
 * resolved: the next time that it fires is another incident.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "../../common/text.h"
#include "smtp.h"

/* So that what fires for months is not one endless conversation. */
#define LONGEST_MS (7 * 24 * INT64_C(3600000))
#define NOTE_MAX 1400

bool smtp_threads(const struct smtp_config *config, const struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;

	return config->threading != SMTP_THREADING_OFF && !delivery->folded &&
	       alert->status != TOCSIN_EVENT && alert->fingerprint && *alert->fingerprint;
}

static bool is_id(const char *text)
{
	const char *at = strchr(text, '@');

	for (const char *c = text; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && c != at)
			return false;
	}
	return at && at > text && smtp_is_domain(at + 1);
}

/* The word at the beginning, and the space behind it; false when it is too long or there is none. */
static bool take_word(const char **at, char *word, size_t size)
{
	size_t length = strcspn(*at, " ");

	if (length == 0 || length >= size || (*at)[length] == '\0')
		return false;
	memcpy(word, *at, length);
	word[length] = '\0';
	*at += length + 1;
	return true;
}

/* "1 ID STARTED_MS open|ended SUBJECT" */
void smtp_thread_read(struct smtp_thread *thread, const char *note)
{
	char version[4], started[24], state[8], *end = started;

	*thread = (struct smtp_thread){0};
	if (!take_word(&note, version, sizeof(version)) || strcmp(version, "1") != 0 ||
	    !take_word(&note, thread->first, sizeof(thread->first)) ||
	    !take_word(&note, started, sizeof(started)) ||
	    !take_word(&note, state, sizeof(state)) || !is_id(thread->first)) {
		thread->first[0] = '\0';
		return;
	}
	thread->started_ms = strtoll(started, &end, 10);
	if (*end != '\0') {
		thread->first[0] = '\0';
		return;
	}
	thread->ended = strcmp(state, "ended") == 0;
	snprintf(thread->subject, sizeof(thread->subject), "%.*s",
		 (int)text_prefix(note, sizeof(thread->subject) - 1), note);
}

bool smtp_thread_goes_on(const struct smtp_thread *thread, const struct tocsin_alert *alert,
			 int64_t now_ms)
{
	if (!*thread->first)
		return false;
	return alert->status == TOCSIN_RESOLVED ||
	       (!thread->ended && now_ms - thread->started_ms < LONGEST_MS);
}

static char *make_note(const char *first, const char *subject, int64_t started_ms,
		       const char *state)
{
	char start[32];
	struct sheet note = {0};

	snprintf(start, sizeof(start), " %" PRId64 " ", started_ms);
	sheet_texts(&note, "1 ", first, start, state, " ");
	sheet_line(&note, subject);
	/* more than is read back would be in the store for nothing */
	if (note.length > NOTE_MAX)
		note.length = text_prefix(note.text, NOTE_MAX);
	return sheet_end(&note, NULL);
}

char *smtp_thread_begin(const char *first, const char *subject, int64_t now_ms)
{
	return make_note(first, subject, now_ms, "open");
}

char *smtp_thread_end(const struct smtp_thread *thread)
{
	return make_note(thread->first, thread->subject, thread->started_ms, "ended");
}
