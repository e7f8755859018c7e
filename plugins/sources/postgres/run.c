/* SPDX-License-Identifier: Apache-2.0 */
/* The source's thread: connect, take the lock, sweep, wait; and all again when that ends. */
#include "postgres.h"

#include <errno.h>
#include <sys/random.h>

#define ONCE_RECONNECTS 5 /* of a run that had begun: a restart of the server takes seconds */

void run_end(struct postgres *p)
{
	connection_close(p);
	table_close(&p->table);
	queue_table_close(&p->queue);
	position_done(&p->last);
}

/* Until the lock is ours. -EBUSY: somebody else has it, and this run ends at once. */
static int take_lock(struct postgres *p)
{
	bool locked, said = false;
	int rc;

	while (!(rc = session_lock(p, &locked)) && !locked) {
		if (p->host->once(p->self))
			return -EBUSY;
		if (!said)
			p->host->log(p->self, TOCSIN_LOG_INFO,
				     "another dispatcher is at work on table %s; standing by",
				     p->config->table);
		said = true;
		rc = session_wait(p, p->config->poll);
		if (rc)
			return rc;
	}
	return rc;
}

static int begin_session(struct postgres *p)
{
	int rc = connection_open(p);

	if (rc)
		return rc;
	p->host->log(p->self, TOCSIN_LOG_INFO, "database connected");
	rc = table_open(p);
	if (!rc)
		rc = take_lock(p);
	if (rc)
		return rc;
	p->owner = true;
	p->counted = p->swept = false;
	p->host->park(p->self);
	/* Before the first sweep: what is announced during it is read after it. */
	session_listen(p);
	return 0;
}

static int pause_after(struct postgres *p, int failures)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)database_now_ms();
	return session_wait(p, database_backoff_ms(failures, random));
}

/* One reading or one wait. */
static int step(struct postgres *p, bool *all)
{
	int64_t wait;

	session_drain(p);
	if (p->host->once(p->self))
		return session_wait(p, p->config->poll);
	wait = sweep_due_ms(p, database_now_ms(), all);
	if (wait > 0)
		return session_wait(p, wait);
	return *all ? sweep_all(p) : sweep_new(p);
}

/* The life of one connection. What may pass by itself is tried again on it; the rest ends it. */
static int work(struct postgres *p, int *failures)
{
	bool all = true;
	int rc = begin_session(p), busy = 0;

	if (!rc)
		rc = sweep_all(p);
	while (rc == 0 || (rc == -EAGAIN && p->owner && !p->host->once(p->self))) {
		if (rc) {
			database_complain(&p->db);
			rc = pause_after(p, ++busy);
			if (!rc)
				rc = sweep_all(p);
		} else {
			busy = *failures = 0;
			rc = step(p, &all);
		}
	}
	return rc;
}

/* Is there no sense in another connection? */
static bool gives_up(const struct postgres *p, int error, int failures)
{
	if (!p->host->once(p->self))
		return false;
	return error != -ENOTCONN || !p->swept || failures > ONCE_RECONNECTS;
}

int run_source(void *state)
{
	struct postgres *p = state;
	int failures = 0, rc;

	p->host->watch(p->self, p->events);
	while ((rc = work(p, &failures)) != -ESHUTDOWN) {
		bool owner = p->owner;

		if (rc == -EBUSY) {
			p->host->log(p->self, TOCSIN_LOG_INFO,
				     "another dispatcher is at work on "
				     "table %s; nothing to do",
				     p->config->table);
			return 0;
		}
		run_end(p);
		/* Without the lock nothing of ours may go out: another one may have it now. */
		if (owner)
			p->host->park(p->self);
		database_complain(&p->db);
		failures++;
		if (gives_up(p, rc, failures))
			return rc;
		p->host->count(p->self, "reconnects", 1);
		rc = pause_after(p, failures);
		if (rc)
			break;
	}
	/* The connection, and with it the lock, is kept until close: deliveries are ending. */
	return p->host->once(p->self) ? p->failed : 0;
}
