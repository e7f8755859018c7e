/* SPDX-License-Identifier: Apache-2.0 */
/* The source's thread: read what is kept, look at the time, wait; and over again. */
#include "cron.h"
#include "task.h"

#include <errno.h>

#define STORE_PAUSE_MS 1000

int cron_load(struct cron *cron)
{
	int rc;

	if (cron->loaded)
		return 0;
	rc = jobs_load(cron);
	if (rc == 0)
		rc = unread_load(cron);
	if (rc == 0)
		rc = jobs_configure(cron);
	if (rc == 0)
		rc = jobs_announce(cron);
	if (rc < 0) {
		jobs_free(cron);
		unread_forget(cron);
	}
	cron->loaded = rc == 0;
	return rc;
}

void cron_unload(struct cron *cron)
{
	for (size_t i = 0; i < cron->n_letters; i++)
		letter_free(cron->letter[i]);
	cron->n_letters = cron->n_starting = 0;
	jobs_free(cron);
	unread_forget(cron);
	cron->loaded = cron->broken = cron->dirty = false;
}

static enum tocsin_wait wait_for(struct cron *cron, int64_t ms)
{
	return cron->host->wait(cron->self, cron->poll, ms < CRON_WAKE_MS ? ms : CRON_WAKE_MS);
}

/* Until what an earlier life kept can be read. */
static int begin(struct cron *cron)
{
	while (cron_load(cron) < 0) {
		cron->host->log(cron->self, TOCSIN_LOG_WARNING,
				"what is kept of the jobs cannot be read now; trying again");
		if (wait_for(cron, STORE_PAUSE_MS) == TOCSIN_STOP)
			return -ESHUTDOWN;
	}
	cron->judge_from_ms = cron->host->once(cron->self) ? 0 : cron_boot_ms() + CRON_SETTLE_MS;
	return duty_resume(cron);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One look at everything; how long nothing will be due. */
static int look(struct cron *cron, int64_t *wait_ms)
{
	int64_t now = cron_wall_ms(), wake, read;
	int rc = duty_collect(cron);

	wake = duty_look(cron, now, rc == 0 ? &rc : &(int){0});
	if (rc == 0)
		rc = feed_read(cron, now, &read);
	if (rc == 0)
		rc = book_flush(cron);
	if (rc == 0 && cron->announce)
		(void)jobs_announce(cron);
	*wait_ms = sooner(wake == INT64_MAX ? CRON_WAKE_MS : wake - now, rc ? 0 : read);
	if (*wait_ms < 0)
		*wait_ms = 0;
	return rc;
}

int cron_run(void *state)
{
	struct cron *cron = state;
	bool swept = false;
	int64_t wait = 0;
	int rc;

	if (!cron->has_run)
		task_successor(-1);
	cron->has_run = true;
	rc = begin(cron);
	while (rc == 0) {
		rc = look(cron, &wait);
		if (cron->broken)
			rc = -ENOMEM;
		if (rc == -EAGAIN && !cron->host->once(cron->self)) {
			wait = STORE_PAUSE_MS;
			rc = 0;
		}
		if (rc != 0)
			break;
		if (!swept && duty_idle(cron) && feed_swept(cron)) {
			cron->host->swept(cron->self);
			swept = true;
		}
		if (wait_for(cron, wait) == TOCSIN_STOP)
			rc = -ESHUTDOWN;
	}
	/* What was not committed is read again by the next run of this instance or of another one. */
	duty_stop(cron, rc == -ESHUTDOWN, rc != -ESHUTDOWN && !cron->host->once(cron->self));
	cron_unload(cron);
	feed_reset(cron);
	return rc == -ESHUTDOWN ? 0 : rc;
}
