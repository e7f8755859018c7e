/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source's thread: what is due is asked on a free connection, what has come is
 * made a step and committed, and then it waits for the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "threshold.h"

#define PREFIX "check/"
#define STORE_PAUSE_MS 1000
#define LOST_TWICE 2
#define LONGEST_WAIT_MS 60000

int run_out_of_memory(struct threshold *t)
{
	t->host->log(t->self, TOCSIN_LOG_ERROR, "memory is short");
	return -ENOMEM;
}

static int wait_for(struct threshold *t, int64_t timeout_ms)
{
	return t->host->wait(t->self, t->events, timeout_ms) == TOCSIN_STOP ? -ESHUTDOWN : 0;
}

int run_hand_in(struct threshold *t, struct batch *batch)
{
	int rc;

	while ((rc = t->host->emit(t->self, batch->emission, batch->n)) == -EAGAIN) {
		/* Whoever commits now would commit the state without its alerts. */
		t->committing = true;
		/* Who only asks does not wait for the store. */
		by_hand_start(t);
		if (t->host->wait(t->self, by_hand_fd(t), STORE_PAUSE_MS) == TOCSIN_STOP)
			rc = -ESHUTDOWN;
		by_hand_forget(t);
		by_hand_take(t);
		t->committing = false;
		if (rc == -ESHUTDOWN)
			break;
	}
	return rc;
}

static int keep_check(struct threshold *t, const struct check *check, bool next)
{
	char *text = saved_write(check, next), *name = NULL;
	int rc = -ENOMEM;

	if (text && asprintf(&name, PREFIX "%s", check->config->name) >= 0) {
		rc = t->host->keep(t->self, name, text);
		free(name);
	}
	free(text);
	return rc;
}

/* --- one run --- */

/* Makes the step that the findings ask for. */
static int step(struct threshold *t, struct check *check, const struct findings *findings)
{
	struct steady now = steady_now(&t->clock);
	struct batch batch = {0};
	bool changed = false;
	int rc = check_step(check, findings, &now, &batch, &changed);

	/* Of a schedule it is remembered that its turn was taken. */
	changed |= check->config->schedule != NULL;
	if (!rc && changed)
		rc = keep_check(t, check, true);
	if (!rc && (changed || batch.n > 0))
		rc = run_hand_in(t, &batch);
	if (rc)
		check_abort(check);
	else
		check_commit(check, findings, now.wall_ms);
	batch_done(&batch);
	return rc;
}

static void say_failure(struct threshold *t, const struct check *check, const char *why)
{
	/* The same sentence again and again helps nobody; the state shows it. */
	if (strcmp(check->reason, why) != 0)
		t->host->log(t->self, TOCSIN_LOG_WARNING, "check '%s': %s", check->config->name,
			     why);
}

static int finish(struct threshold *t, struct check *check, struct findings *findings, int rc)
{
	check->duration_ms = steady_boot_ms() - check->began_ms;
	if (!rc)
		by_hand_answer(check, findings, check->duration_ms);
	if (!rc && *findings->error)
		say_failure(t, check, findings->error);
	due_next(check, t->config, t->host);
	if (!rc)
		rc = step(t, check, findings);
	if (rc == -ENOMEM)
		run_out_of_memory(t);
	findings_done(findings);
	/* A run that memory did not hold is one that was missed. */
	check->ran = true;
	t->host->count(t->self, "runs", 1);
	return rc == -ENOMEM ? 0 : rc;
}

/* A server that ended one connection may have ended all: what is idle is made anew, so that no check
 * loses two of them and is taken for the one that ends them. */
static void close_idle(struct threshold *t)
{
	for (size_t i = 0; i < (size_t)t->config->connections; i++)
		if (!t->running[i])
			database_close(&t->db[i]);
}

int run_listen(struct threshold *t, struct database *db)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (epoll_ctl(t->events, EPOLL_CTL_ADD, PQsocket(db->connection), &event) < 0 &&
	    errno != EEXIST)
		return database_error(db, -ENOTCONN, "cannot wait on the connection");
	return 0;
}

/* Only a connection from which an answer is awaited may wake us: one that the server ended would do so
 * for ever, until the next check needs it. */
void run_listen_no_more(struct threshold *t, const struct database *db)
{
	if (db->connection && PQsocket(db->connection) >= 0)
		epoll_ctl(t->events, EPOLL_CTL_DEL, PQsocket(db->connection), NULL);
}

struct database_read run_reading(const struct threshold *t, const struct check *check)
{
	const struct check_config *config = check->config;

	return (struct database_read){
		.option = "query",
		.sql = config->query,
		.timeout_ms = config->timeout > 0 ? config->timeout : t->config->timeout,
		.most = (size_t)config->max_rows,
	};
}

/* What has come on a connection. */
static int take(struct threshold *t, size_t i)
{
	struct database *db = &t->db[i];
	struct check *check = t->running[i];
	struct findings findings = {0};
	PGresult *rows = NULL;
	bool more = false;
	int rc = database_take(db, &rows, &more);

	if (rc == -EINPROGRESS)
		return 0;
	run_listen_no_more(t, db);
	t->running[i] = NULL;
	check->running = false;
	if (rc == -ENOTCONN)
		close_idle(t);
	if (rc == -ENOTCONN && ++check->losses < LOST_TWICE)
		return 0; /* it is due as before */
	check->losses = 0;
	if (rc == -ENOMEM)
		return finish(t, check, &findings, rc);
	rc = rc ? findings_fail(db->why, &findings)
		: findings_read(check->config, rows, more, &findings);
	return finish(t, check, &findings, rc);
}

/* Of the checks that are due the one that has waited longest; NULL and the time until one is. */
static struct check *next_due(struct threshold *t, int64_t *in_ms)
{
	struct check *chosen = NULL;
	bool once = t->host->once(t->self);
	int64_t boot = steady_boot_ms(), wall = steady_wall_ms();

	*in_ms = INT64_MAX;
	for (size_t i = 0; i < t->n; i++) {
		struct check *check = &t->check[i];
		int64_t in;

		if (check->running || (once && (check->ran || check->paused)))
			continue;
		in = once ? 0 : due_in_ms(check, boot, wall);
		if (in < *in_ms)
			*in_ms = in;
		if (in == 0 && (!chosen || check->began_ms < chosen->began_ms))
			chosen = check;
	}
	return chosen;
}

/* Sends a check's query off. */
static int start(struct threshold *t, size_t i, struct check *check)
{
	struct database *db = &t->db[i];
	const struct database_read read = run_reading(t, check);
	bool fresh = !db->connection;
	int rc = database_keep(db);

	check->running = true; /* nobody runs it by hand while the store is waited for */
	if (!rc)
		rc = run_listen(t, db);
	if (!rc && fresh && i == 0)
		rc = down_note(t, NULL);
	if (!rc)
		rc = database_start(db, &read);
	check->running = rc == 0;
	if (rc)
		return rc;
	check->began_ms = steady_boot_ms();
	t->running[i] = check;
	return 0;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The first connection tells whether the database is there; the others only help. */
static int cannot_start(struct threshold *t, size_t i, int64_t *wait_ms)
{
	struct database *db = &t->db[i];
	int64_t now = steady_now(&t->clock).now_ms, left = db->retry_ms - database_now_ms();
	int rc;

	database_complain(db);
	*wait_ms = sooner(*wait_ms, left > 0 ? left : 0);
	if (i > 0)
		return 0;
	rc = down_note(t, db->why);
	if (!rc && t->host->once(t->self))
		rc = -ENOTCONN;
	left = t->down.odd_ms + t->config->down_after - now;
	if (t->down.level != LEVEL_ERROR)
		*wait_ms = sooner(*wait_ms, left > 0 ? left : 0);
	return rc;
}

/* Puts what is due on free connections. *wait_ms: until something is to be done again. */
static int start_due(struct threshold *t, int64_t *wait_ms)
{
	bool failed = false;

	*wait_ms = LONGEST_WAIT_MS;
	for (size_t i = 0; i < (size_t)t->config->connections; i++) {
		struct check *check = NULL;
		int64_t in = INT64_MAX;
		int rc;

		/* While one cannot be made those that are there go on, and no other is tried. */
		if (!t->running[i] && !(failed && !t->db[i].connection))
			check = next_due(t, &in);
		if (check && (rc = start(t, i, check))) {
			failed = true;
			rc = rc == -ESHUTDOWN ? rc : cannot_start(t, i, wait_ms);
			if (rc)
				return rc;
			continue;
		}
		*wait_ms = sooner(*wait_ms, t->running[i] ? database_left_ms(&t->db[i]) : in);
	}
	return 0;
}

static bool all_ran(const struct threshold *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->check[i].ran && !t->check[i].paused)
			return false;
	return true;
}

/* --- begin and end --- */

static struct check *find_check(struct threshold *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->check[i].config->name, name) == 0)
			return &t->check[i];
	return NULL;
}

/* What is known of checks that are no longer there. */
struct gone {
	struct threshold *t;
	struct check *check;
	char **name;
	size_t n;
};

static int load_one(const char *name, const char *value, void *data)
{
	struct gone *gone = data;
	struct check *check = find_check(gone->t, name + strlen(PREFIX)), *more;
	char **names;

	if (check)
		return saved_read(check, value);
	more = realloc(gone->check, (gone->n + 1) * sizeof(*more));
	if (more)
		gone->check = more;
	names = realloc(gone->name, (gone->n + 1) * sizeof(*names));
	if (names)
		gone->name = names;
	if (!more || !names)
		return -ENOMEM;
	gone->check[gone->n] = (struct check){0};
	gone->name[gone->n] = strdup(name);
	if (!gone->name[gone->n])
		return -ENOMEM;
	return saved_read(&gone->check[gone->n++], value);
}

/* Their alerts are over, because nobody would ever end them. */
static int end_gone(struct threshold *t, const struct gone *gone)
{
	struct steady now = steady_now(&t->clock);
	struct batch batch = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < gone->n; i++) {
		for (size_t j = 0; j < gone->check[i].n; j++)
			if (gone->check[i].row[j]->track.firing)
				tell_gone(&batch, gone->check[i].row[j],
					  gone->name[i] + strlen(PREFIX), &now);
		rc = t->host->keep(t->self, gone->name[i], NULL);
	}
	if (!rc && batch.failed)
		rc = -ENOMEM;
	if (!rc && gone->n > 0)
		rc = run_hand_in(t, &batch);
	batch_done(&batch);
	return rc;
}

static int load_states(struct threshold *t)
{
	struct gone gone = {.t = t};
	char clock[120], *saved = NULL;
	int rc = t->host->load(t->self, "clock", &saved);

	steady_open(&t->clock, rc == 0 ? saved : NULL);
	free(saved);
	steady_save(&t->clock, clock, sizeof(clock));
	rc = t->host->save(t->self, "clock", clock);
	down_load(t);
	if (!rc)
		rc = t->host->each(t->self, PREFIX, false, 0, load_one, &gone);
	if (!rc)
		rc = end_gone(t, &gone);
	for (size_t i = 0; i < gone.n; i++) {
		check_done(&gone.check[i]);
		free(gone.name[i]);
	}
	free(gone.check);
	free(gone.name);
	return rc;
}

static int announce(struct threshold *t)
{
	const char **name = calloc(t->n + 1, sizeof(*name));
	int rc = -ENOMEM;

	for (size_t i = 0; name && i < t->n; i++)
		name[i] = t->check[i].config->name;
	if (name)
		rc = t->host->announce(t->self, name, t->n);
	free(name);
	return rc;
}

/* Somebody set the wall clock back: schedules would wait for a day that has been. */
static void watch_wall(struct threshold *t)
{
	int64_t wall = steady_wall_ms();

	if (wall < t->wall_ms - 1000)
		for (size_t i = 0; i < t->n; i++)
			due_again(&t->check[i], t->host);
	t->wall_ms = wall;
}

/* From now on nothing is missed, also of what is new. */
static int first_turns(struct threshold *t)
{
	struct batch none = {0};
	int rc = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct check *check = &t->check[i];
		bool fresh = check->until_ms == 0;

		due_first(check->config, t->host, check);
		if (!rc && check->config->schedule && fresh)
			rc = keep_check(t, check, false);
	}
	if (!rc)
		rc = run_hand_in(t, &none);
	return rc == -ESHUTDOWN ? 0 : rc;
}

static int work(struct threshold *t)
{
	int64_t wait_ms;
	bool swept = false;
	int rc = 0;

	t->working = true;
	while (!rc) {
		watch_wall(t);
		by_hand_start(t);
		rc = start_due(t, &wait_ms);
		if (rc)
			break;
		if (!swept && t->host->once(t->self) && all_ran(t)) {
			t->host->swept(t->self);
			swept = true;
		}
		if (t->by_hand_check)
			wait_ms = sooner(wait_ms, database_left_ms(&t->by_hand));
		rc = wait_for(t, wait_ms);
		by_hand_forget(t);
		by_hand_take(t);
		for (int64_t i = 0; !rc && i < t->config->connections; i++)
			if (t->running[i])
				rc = take(t, (size_t)i);
	}
	t->working = false;
	return rc == -ESHUTDOWN ? 0 : rc;
}

int run_source(void *state)
{
	struct threshold *t = state;
	int rc = announce(t);

	while (!rc && (rc = load_states(t)) && rc != -ESHUTDOWN && rc != -ENOMEM) {
		t->host->log(t->self, TOCSIN_LOG_ERROR, "cannot read the states of the checks: %s",
			     strerror(-rc));
		for (size_t i = 0; i < t->n; i++)
			check_done(&t->check[i]);
		rc = wait_for(t, STORE_PAUSE_MS);
	}
	if (rc)
		return rc == -ESHUTDOWN ? 0 : rc;
	t->wall_ms = steady_wall_ms();
	rc = first_turns(t);
	return rc ? rc : work(t);
}
