/* SPDX-License-Identifier: Apache-2.0 */
/* In place of feed.c, where there is no PostgreSQL to build with. */
#include "cron.h"

#include <errno.h>

const char *feed_check(const struct table_config *config)
{
	(void)config;
	return NULL; /* feed_open says it */
}

int feed_open(struct cron *cron)
{
	if (!cron->config->table.connection)
		return 0;
	cron->host->log(cron->self, TOCSIN_LOG_ERROR,
			"'table' cannot be read: tocsin was built without PostgreSQL (libpq)");
	return -ENOSYS;
}

void feed_close(struct cron *cron)
{
	(void)cron;
}

int feed_read(struct cron *cron, int64_t now_ms, int64_t *wait_ms)
{
	(void)cron;
	(void)now_ms;
	*wait_ms = CRON_WAKE_MS;
	return 0;
}

bool feed_swept(const struct cron *cron)
{
	(void)cron;
	return true;
}

void feed_reset(struct cron *cron)
{
	(void)cron;
}
