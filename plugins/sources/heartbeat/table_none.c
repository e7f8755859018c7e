/* SPDX-License-Identifier: Apache-2.0 */
/* table.c of a tocsin that was built without PostgreSQL. */
#include <errno.h>

#include "heartbeat.h"

int table_new(struct heartbeat *h)
{
	(void)h;
	return -ENOTSUP;
}

void table_free(struct heartbeat *h)
{
	(void)h;
}

void table_load(struct heartbeat *h)
{
	(void)h;
}

bool table_recall(struct heartbeat *h, const char *name, const struct moment *since)
{
	(void)h, (void)name, (void)since;
	return false;
}

int table_step(struct heartbeat *h, const struct moment *now)
{
	(void)h, (void)now;
	return 0;
}

int table_fd(const struct heartbeat *h)
{
	(void)h;
	return -1;
}

int64_t table_next_ms(const struct heartbeat *h)
{
	(void)h;
	return BEAT_NEVER;
}

bool table_done(const struct heartbeat *h, int *result)
{
	(void)h, (void)result;
	return true;
}

unsigned table_ask(struct heartbeat *h)
{
	(void)h;
	return 0;
}

bool table_answers(const struct heartbeat *h, unsigned number, const char **why)
{
	(void)h, (void)number, (void)why;
	return true;
}

int table_read(struct heartbeat *h, const struct moment *now, const char **why)
{
	(void)h, (void)now, (void)why;
	return -ENOTSUP;
}

bool table_is_blind(const struct heartbeat *h, const struct moment *now)
{
	(void)h, (void)now;
	return false;
}

struct reading table_clock(const struct heartbeat *h)
{
	(void)h;
	return (struct reading){0, 0};
}
