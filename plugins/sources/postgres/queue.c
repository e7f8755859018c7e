/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: connect, then renew, recover, claim, wait, over and over; and how it ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "postgres.h"

#define STOPPING "tocsin is stopping; its row is handed back"
#define WITHDRAW_MS 500 /* between two times that what came back pending is withdrawn, at the end */

int64_t queue_now_ms(void)
{
	struct timespec now;

	/* Boot time: a lease runs on while the machine sleeps. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void name_worker(struct postgres *p)
{
	const char *name = p->config->queue.worker;
	char host[64] = "localhost";

	if (name && *name) {
		snprintf(p->queue.worker, sizeof(p->queue.worker), "%s", name);
		return;
	}
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	snprintf(p->queue.worker, sizeof(p->queue.worker), "%s:%d", host, (int)getpid());
}

/* What is left of the row's claim by a delivery that ended. */
static const char *how_it_ended(const struct postgres *p, const struct tocsin_settled *settled)
{
	if (settled->delivered)
		return FINISH_DONE;
	if (settled->outcome == TOCSIN_SETTLED_DEAD || settled->attempts > 0)
		return FINISH_FAILED;
	/* Of another process, or lost: it may have begun there, so its lease has to decide. */
	if (!held_find(&p->queue.held, settled->mark))
		return NULL;
	return p->queue.stopping ? FINISH_BACK : FINISH_LATER;
}

static bool split_mark(char *mark, const char **key, const char **token)
{
	char *blank = strrchr(mark, ' ');

	if (!blank)
		return false;
	*blank = '\0';
	*key = mark;
	*token = blank + 1;
	return true;
}

/* What was told, as endings; the texts that were cut are in one array for the caller to free(). */
static int endings_of(const struct postgres *p, const struct tocsin_settled *settled, size_t n,
		      struct ending *ending, char **text, size_t *n_endings)
{
	*n_endings = 0;
	for (size_t i = 0; i < n; i++) {
		struct ending *one = &ending[*n_endings];

		one->how = how_it_ended(p, &settled[i]);
		if (!one->how)
			continue;
		text[*n_endings] = strdup(settled[i].mark);
		if (!text[*n_endings])
			return -ENOMEM;
		if (!split_mark(text[*n_endings], &one->key, &one->token)) {
			free(text[*n_endings]);
			continue;
		}
		one->mark = settled[i].mark;
		one->dead = settled[i].outcome == TOCSIN_SETTLED_DEAD;
		one->error = settled[i].delivered || !settled[i].reason ? "" : settled[i].reason;
		one->output = settled[i].output ? settled[i].output : "";
		one->started_ms = settled[i].started_ms;
		one->ended_ms = settled[i].started_ms ? settled[i].ended_ms : 0;
		++*n_endings;
	}
	return 0;
}

static int withdraw(struct postgres *p, const struct ending *ending, size_t n, bool last,
		    const char *reason)
{
	const char **mark = calloc(n + 1, sizeof(*mark));
	size_t n_marks = 0;
	int rc;

	if (!mark)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (ending[i].dead && !ending[i].locked && ending[i].last == last)
			mark[n_marks++] = ending[i].mark;
	rc = p->host->withdraw(p->self, mark, n_marks, reason);
	free(mark);
	return rc;
}

/* What could not be written because of a lock is told again. */
static int put_off(struct postgres *p, const struct ending *ending, size_t n)
{
	const char **locked = calloc(n + 1, sizeof(*locked));
	size_t n_locked = 0;

	if (!locked)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (ending[i].locked)
			locked[n_locked++] = ending[i].mark;
	if (n_locked > 0)
		p->host->later(p->self, locked, n_locked);
	free(locked);
	return 0;
}

/* The row's own policy tries again: nobody may replay the delivery of a claim that is over. */
static int bury(struct postgres *p, const struct ending *ending, size_t n)
{
	int rc = withdraw(p, ending, n, false,
			  "failed, which its row says now; the row decides on another attempt");

	if (!rc)
		rc = withdraw(p, ending, n, true,
			      "failed, which its row says now; no attempt is left");
	if (!rc)
		rc = put_off(p, ending, n);
	return rc ? -EAGAIN : 0;
}

int queue_settled(struct postgres *p, const struct tocsin_settled *settled, size_t n)
{
	struct ending *ending;
	char **text;
	size_t wanted = 0;
	int rc = -ENOMEM;

	if (!p->db.connection || p->db.lost || !p->queue.finish)
		return -EAGAIN;
	ending = calloc(n + 1, sizeof(*ending));
	text = calloc(n + 1, sizeof(*text));
	if (ending && text)
		rc = endings_of(p, settled, n, ending, text, &wanted);
	if (!rc)
		rc = finish_rows(p, ending, wanted);
	else
		database_error(&p->db, rc, "out of memory");
	if (rc)
		database_complain(&p->db);
	else
		rc = bury(p, ending, wanted);
	for (size_t i = 0; text && i < wanted; i++)
		free(text[i]);
	free(text);
	free(ending);
	session_drain(p);
	session_wake(p); /* there may be room for more */
	p->failed = rc == -EINVAL || rc == -EDOM ? -EINVAL : 0;
	return rc && !p->failed ? -EAGAIN : p->failed;
}

/* Whether to look for rows now; *at_ms: when otherwise, unless something happens before. */
static bool is_time_to_claim(const struct postgres *p, int64_t now_ms, int64_t *at_ms)
{
	const struct queue_config *config = &p->config->queue;
	size_t room = claim_room(p),
	       most = (size_t)(config->prefetch ? config->prefetch : config->batch);
	size_t enough = most / 2 < (size_t)config->batch ? most / 2 : (size_t)config->batch;
	bool limited = config->max_running > 0 || config->max_per_key > 0;

	*at_ms = INT64_MAX;
	if (room == 0)
		return false;
	*at_ms = p->queue.claim_ms;
	if (now_ms >= *at_ms || p->notified)
		return true;
	/* Not for each that ended: together they cost as much as one. */
	return room >= enough && (p->queue.more || (p->queue.freed && limited));
}

static int claim(struct postgres *p)
{
	size_t claimed;
	int rc = claim_rows(p, &claimed);

	p->queue.claim_ms = queue_now_ms() + p->config->queue.poll;
	if (!rc && !p->swept) {
		/* What an earlier process claimed: its leases run out. */
		p->host->swept(p->self);
		p->swept = true;
	}
	return rc;
}

/* One thing that is due, or one wait. */
static int step(struct postgres *p)
{
	int64_t now, at;

	session_drain(p);
	now = queue_now_ms();
	if (p->queue.held.n > 0 && now >= p->queue.renew_ms)
		return lease_renew(p);
	if (now >= p->queue.recover_ms)
		return lease_recover(p);
	if (is_time_to_claim(p, now, &at))
		return claim(p);
	if (p->queue.held.n > 0 && p->queue.renew_ms < at)
		at = p->queue.renew_ms;
	if (p->queue.recover_ms < at)
		at = p->queue.recover_ms;
	return session_wait(p, at > now ? at - now : 0);
}

/* In a run that is once: is there still something to do after all that was claimed has ended? */
static bool goes_on(struct postgres *p)
{
	size_t before = p->queue.held.n;

	if (!p->host->once(p->self) || !p->queue.freed || claim_room(p) == 0)
		return false;
	return claim(p) == 0 && p->queue.held.n > before;
}

static int begin(struct postgres *p)
{
	int rc = connection_open(p);

	if (rc)
		return rc;
	p->host->log(p->self, TOCSIN_LOG_INFO, "database connected");
	rc = table_open(p);
	if (rc)
		return rc;
	p->queue.renew_ms = p->queue.recover_ms = p->queue.claim_ms = 0;
	session_listen(p);
	return 0;
}

static int pause_after(struct postgres *p, int failures)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)queue_now_ms();
	return session_wait(p, database_backoff_ms(failures, random));
}

/* The life of one connection. */
static int work(struct postgres *p, int *failures)
{
	int rc = begin(p), busy = 0;
	bool begun = rc == 0;

	while (rc == 0 || (rc == -EAGAIN && begun && !p->host->once(p->self))) {
		if (rc) {
			database_complain(&p->db);
			/* Renewing goes on meanwhile: a wait is never longer than that. */
			rc = session_wait(p, p->queue.held.n ? p->config->queue.lease / 10
							     : database_backoff_ms(++busy, 0));
			continue;
		}
		*failures = 0;
		rc = step(p);
		if (rc == 0)
			busy = 0;
		if (rc == -ESHUTDOWN && goes_on(p))
			rc = 0;
	}
	return rc;
}

int queue_run(struct postgres *p)
{
	int failures = 0, rc;

	name_worker(p);
	p->swept = false;
	/* Before the first claim: nothing that an earlier process claimed may begin. */
	p->host->lease(p->self, queue_now_ms());
	p->host->park(p->self);
	while ((rc = work(p, &failures)) != -ESHUTDOWN) {
		run_end(p);
		database_complain(&p->db);
		failures++;
		if (p->host->once(p->self) && (rc != -ENOTCONN || !p->swept || failures > 5))
			return rc;
		p->host->count(p->self, "reconnects", 1);
		p->db.lost = false;
		if (pause_after(p, failures))
			break;
	}
	p->queue.stopping = true;
	return p->host->once(p->self) ? p->failed : 0;
}

bool queue_ending(struct postgres *p)
{
	int64_t now = queue_now_ms();

	/* Without the connection, or after its lease, nothing can be written of a row any more. */
	if (!p->db.connection || p->db.lost || !lease_any(p, now))
		return false;
	if (now >= p->queue.renew_ms && lease_renew(p))
		return false;
	if (now >= p->queue.withdraw_ms) {
		lease_withdraw_all(p, STOPPING);
		p->queue.withdraw_ms = now + WITHDRAW_MS;
	}
	return p->queue.held.n > 0;
}
