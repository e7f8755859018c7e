/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that are told of by pings, as heartbeats are: a start, and a success, a failure or an exit
 * status. Each becomes a report.
 */
#include "cron.h"

#include <stdio.h>
#include <string.h>

#include "../../common/instant.h"

struct ping {
	const char *kind, *rid, *at, *body; /* NULL: not said */
	const json_t *exit;
	int64_t at_ms; /* 0: not said */
};

static bool is_kind(const char *kind)
{
	static const char *const known[] = {"success", "start", "fail", "exit"};

	for (size_t i = 0; kind && i < TOCSIN_COUNT(known); i++)
		if (strcmp(kind, known[i]) == 0)
			return true;
	return false;
}

/* False: it is there, and no text. */
static bool read_text(const json_t *body, const char *name, const char **text)
{
	const json_t *value = json_object_get(body, name);

	*text = json_string_value(value);
	return *text || !value || json_is_null(value);
}

/* NULL, or what is wrong. The rest is looked at when it is a report. */
static const char *read_ping(struct ping *ping, const json_t *body)
{
	*ping = (struct ping){.exit = json_object_get(body, "exit")};
	if (!read_text(body, "kind", &ping->kind))
		return "kind: write success, start, fail or exit";
	if (!ping->kind)
		ping->kind = "success";
	if (!is_kind(ping->kind))
		return "kind: of a job write success, start, fail or exit";
	if (strcmp(ping->kind, "exit") == 0 && !json_is_integer(ping->exit))
		return "exit: write a number from 0 to 255";
	if (!read_text(body, "rid", &ping->rid))
		return "rid: write a UUID";
	if (!read_text(body, "body", &ping->body))
		return "body: write a text";
	if (!read_text(body, "at", &ping->at) ||
	    (ping->at && !instant_read(ping->at, &ping->at_ms)))
		return "at: write a time such as 2026-01-31T12:00:00.000Z";
	return NULL;
}

/* Ends the newest run that was reported, and has not ended. */
static bool ends_open_run(const struct job *job)
{
	for (size_t i = 0; i < job->n_running; i++)
		if (job->running[i]->cause == CAUSE_REPORT)
			return true;
	return false;
}

/* The end that ended the last run, which had another id: its time makes it known. */
static bool came_again(const struct job *job, const struct ping *ping)
{
	return !ping->rid && ping->at_ms > 0 && strcmp(ping->kind, "start") != 0 && job &&
	       job->has_last && job->last.cause == CAUSE_REPORT &&
	       job->last.ended_ms == ping->at_ms;
}

static json_t *report_of(const struct ping *ping, const struct job *job)
{
	bool starts = strcmp(ping->kind, "start") == 0;
	json_t *report = json_pack("{ss}", "event", starts ? "start" : "end");
	char id[CRON_ID + 1];
	int rc = report ? 0 : -1;

	/* so that the same one, said again, is known */
	snprintf(id, sizeof(id), "ping-%lld", (long long)ping->at_ms);
	if (ping->rid)
		rc |= json_object_set_new(report, "id", json_string(ping->rid));
	else if (ping->at_ms > 0 && (starts || !job || !ends_open_run(job)))
		rc |= json_object_set_new(report, "id", json_string(id));
	if (ping->at)
		rc |= json_object_set_new(report, starts ? "started_at" : "ended_at",
					  json_string(ping->at));
	if (strcmp(ping->kind, "fail") == 0)
		rc |= json_object_set_new(report, "failed", json_true());
	if (strcmp(ping->kind, "exit") == 0)
		rc |= json_object_set(report, "exit", (json_t *)(uintptr_t)ping->exit);
	if (ping->body)
		rc |= json_object_set_new(report, "output", json_string(ping->body));
	if (rc == 0)
		return report;
	json_decref(report);
	return NULL;
}

void call_ping(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	const struct job *job = call->item ? job_find(cron, call->item) : NULL;
	struct ping ping;
	const char *why = read_ping(&ping, body);
	json_t *report;

	if (why) {
		call_refuse(call, 400, "%s", why);
		return;
	}
	if (came_again(job, &ping)) {
		call_answer(call, 200, json_pack("{ss sb}", "id", job->last.id, "known", 1));
		return;
	}
	report = report_of(&ping, job);
	if (report)
		call_report(cron, call, report);
	else
		call_refuse(call, 503, "out of memory");
	json_decref(report);
}
