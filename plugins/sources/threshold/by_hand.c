/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that somebody asks for: a run of which nothing is kept, on a connection of its own, so that it
 * takes none from the others. No check runs twice at once: who asks for one that is under way is answered
 * by that run.
 */
#include <errno.h>
#include <string.h>

#include "threshold.h"

void by_hand_answer(struct check *check, const struct findings *findings, int64_t duration_ms)
{
	if (!check->asked)
		return;
	check->answer = item_checked(check, findings, duration_ms);
	check->asked = !check->answer;
}

void by_hand_forget(struct threshold *t)
{
	for (size_t i = 0; i < t->n; i++) {
		json_decref(t->check[i].answer);
		t->check[i].answer = NULL;
	}
}

int by_hand_fd(const struct threshold *t)
{
	return t->by_hand_check ? PQsocket(t->by_hand.connection) : -1;
}

/* Takes the rows, or (error) says why there are none. */
static void conclude(struct threshold *t, struct check *check, PGresult *rows, bool more, int error)
{
	struct findings findings = {0};
	int rc = error ? findings_fail(t->by_hand.why, &findings)
		       : findings_read(check->config, rows, more, &findings);

	if (rc == 0)
		by_hand_answer(check, &findings, database_now_ms() - t->by_hand_ms);
	findings_done(&findings);
}

/* Whoever asks by hand wants an attempt, not the story of the last one. */
static int connect_now(struct threshold *t)
{
	t->by_hand_ms = database_now_ms();
	t->by_hand.failures = 0;
	return database_keep(&t->by_hand);
}

void by_hand_read(struct threshold *t, struct check *check)
{
	const struct database_read read = run_reading(t, check);
	PGresult *rows = NULL;
	bool more = false;
	int rc = connect_now(t);

	check->asked = true;
	if (!rc)
		rc = database_read(&t->by_hand, &read, &rows, &more);
	conclude(t, check, rows, more, rc);
	check->asked = false;
}

static struct check *next_asked(struct threshold *t)
{
	struct check *first = NULL;

	for (size_t i = 0; i < t->n; i++) {
		struct check *check = &t->check[i];

		if (check->asked && !check->running &&
		    (!first || check->asked_ms < first->asked_ms))
			first = check;
	}
	return first;
}

static int send_off(struct threshold *t, struct check *check)
{
	const struct database_read read = run_reading(t, check);
	int rc = connect_now(t);

	if (!rc)
		rc = run_listen(t, &t->by_hand);
	return rc ? rc : database_start(&t->by_hand, &read);
}

void by_hand_start(struct threshold *t)
{
	struct check *check;

	while (!t->by_hand_check && (check = next_asked(t))) {
		int rc = send_off(t, check);

		if (rc) {
			conclude(t, check, NULL, false, rc);
			if (check->asked)
				return; /* memory is short */
		} else {
			t->by_hand_check = check;
			check->running = true;
		}
	}
}

void by_hand_take(struct threshold *t)
{
	struct check *check = t->by_hand_check;
	PGresult *rows = NULL;
	bool more = false, lost;
	int rc = check ? database_take(&t->by_hand, &rows, &more) : -EINPROGRESS;

	if (rc == -EINPROGRESS)
		return;
	run_listen_no_more(t, &t->by_hand);
	t->by_hand_check = NULL;
	check->running = false;
	/* A connection that lay idle may have ended long ago: once more, with a new one. */
	lost = rc == -ENOTCONN && !t->by_hand_lost;
	t->by_hand_lost = lost;
	if (!lost)
		conclude(t, check, rows, more, rc);
}
