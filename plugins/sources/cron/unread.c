/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the table cannot be read: a state like those of jobs, kept as "unread" with the labels that
 * it ends with, also when the next configuration reads no table.
 */
#include "cron.h"

#include <errno.h>
#include <stdlib.h>

static int keep(struct cron *cron)
{
	struct unread *unread = &cron->unread;
	json_t *object = unread->fired ? json_pack("{sI sO}", "since", (json_int_t)unread->since_ms,
						   "labels", unread->fired)
				       : NULL;
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc = unread->fired && !text ? -ENOMEM : cron->host->keep(cron->self, "unread", text);

	cron->dirty = true;
	free(text);
	json_decref(object);
	return rc;
}

static int begin(struct cron *cron, const char *why, int64_t lasted_ms, int64_t now_ms)
{
	struct unread *unread = &cron->unread;
	int rc;

	unread->since_ms = now_ms - lasted_ms;
	unread->fired = letter_table_labels(cron);
	if (!unread->fired)
		return -ENOMEM;
	rc = book_post(cron, letter_of_table(cron, unread, why, lasted_ms, now_ms));
	return rc ? rc : keep(cron);
}

static int end(struct cron *cron, int64_t now_ms)
{
	struct unread *unread = &cron->unread;
	int rc = book_post(
		cron,
		letter_of_table(cron, unread, NULL,
				now_ms > unread->since_ms ? now_ms - unread->since_ms : 0, now_ms));

	unread_forget(cron);
	return rc ? rc : keep(cron);
}

int unread_note(struct cron *cron, const char *why, int64_t now_ms)
{
	struct unread *unread = &cron->unread;
	int64_t boot = cron_boot_ms();

	if (!why) {
		unread->failing = false;
		return unread->fired ? end(cron, now_ms) : 0;
	}
	if (!unread->failing)
		unread->from_boot_ms = boot;
	unread->failing = true;
	if (unread->fired || boot - unread->from_boot_ms < cron->config->table.unreachable_after)
		return 0;
	return begin(cron, why, boot - unread->from_boot_ms, now_ms);
}

int unread_load(struct cron *cron)
{
	struct unread *unread = &cron->unread;
	char *text = NULL;
	int rc = cron->host->load(cron->self, "unread", &text);
	json_t *object = rc == 0 ? json_loads(text, 0, NULL) : NULL;
	json_t *labels = json_object_get(object, "labels");

	if (json_is_object(labels)) {
		unread->fired = json_incref(labels);
		unread->since_ms = json_integer_value(json_object_get(object, "since"));
	}
	json_decref(object);
	free(text);
	if (rc != 0 && rc != -ENOENT)
		return -EAGAIN;
	/* nobody reads it any more, so nobody would ever end it */
	return unread->fired && !cron->config->table.connection ? end(cron, cron_wall_ms()) : 0;
}

void unread_forget(struct cron *cron)
{
	json_decref(cron->unread.fired);
	cron->unread = (struct unread){0};
}
