/* SPDX-License-Identifier: Apache-2.0 */
/* The cron source as its tests configure it, with a clock that the test sets. */
#ifndef CRON_SETTING_H
#define CRON_SETTING_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cron_host.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define NOON INT64_C(1763467200000) /* 2025-11-18T12:00:00Z */
#define ID "0f8fad5b-d9cb-469f-a165-70867728950e"

static struct tocsin_self self;
static struct job_config jobs[4];
static struct cron_config config;
static struct host_schedule hourly __attribute__((unused)) = {{"0 * * * *", NULL}, H};
static const char *script[] = {"/bin/sh", "-c", "exit 0"};
static struct cron *cron;

static inline void configure(void)
{
	static const struct triggers as_source = {0, 0, -1, -1, -1, -1, -1};

	memset(jobs, 0, sizeof(jobs));
	for (size_t i = 0; i < TOCSIN_COUNT(jobs); i++)
		jobs[i] = (struct job_config){.directory = "/",
					      .kill_after = 2000,
					      .catch_up = CATCH_UP_LAST,
					      .triggers = as_source};
	config = (struct cron_config){.jobs = {jobs, 0},
				      .triggers = {.failed = 1,
						   .error_rate = 50,
						   .min_tasks = 3,
						   .failed_tasks = 5,
						   .processing_errors = 3},
				      .severity = TOCSIN_ERROR,
				      .error_rate_severity = TOCSIN_WARNING,
				      .at_once = 16,
				      .keep_runs = 100};
}

static inline struct job_config *add(const char *name, const char *command)
{
	struct job_config *job = &jobs[config.jobs.n++];

	job->name = name;
	if (!command)
		return job;
	script[2] = command;
	job->command = (struct tocsin_strings){script, 3};
	return job;
}

static inline void open_cron(void)
{
	void *state = NULL;

	assert_int_equal(tocsin_plugin.source->open(&self, host_of_tests(), &config, &state), 0);
	cron = state;
}

static inline void begin(void)
{
	open_cron();
	assert_int_equal(cron_load(cron), 0);
	assert_int_equal(duty_resume(cron), 0);
	assert_int_equal(book_flush(cron), 0);
}

static inline void end(void)
{
	tocsin_plugin.source->close(cron);
	cron = NULL;
}

static inline int setup(void **state)
{
	(void)state;
	host_init(&self);
	configure();
	host_now_ms = NOON + 1;
	host_set_ms = NOON;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	if (cron)
		end();
	host_done(&self);
	return 0;
}

/* At this moment; returns when something is due next. */
static inline int64_t at(int64_t ms)
{
	int64_t wake;
	int rc;

	host_now_ms = ms;
	assert_int_equal(duty_collect(cron), 0);
	wake = duty_look(cron, ms, &rc);
	assert_int_equal(rc, 0);
	assert_int_equal(book_flush(cron), 0);
	return wake;
}

/* Until no program runs. */
static inline void settle(void)
{
	struct pollfd bell = {.fd = cron->notify, .events = POLLIN};

	for (int i = 0; i < 1000 && !duty_idle(cron); i++) {
		(void)poll(&bell, 1, 20);
		at(host_now_ms);
	}
	assert_true(duty_idle(cron));
}

static char answer_text[65536];

static inline int say(const char *item, const char *verb, const char *body)
{
	struct tocsin_call call = {.size = sizeof(call), .verb = verb, .item = item, .body = body};
	struct tocsin_call *const calls[] = {&call};

	tocsin_plugin.source->call(cron, calls, 1);
	assert_non_null(call.answer);
	snprintf(answer_text, sizeof(answer_text), "%s", call.answer);
	free(call.answer);
	return call.status;
}

static inline json_t *item_of(const char *name)
{
	json_t *item;

	assert_int_equal(say(name, "show", "{}"), 200);
	item = json_loads(answer_text, 0, NULL);
	assert_non_null(item);
	return item;
}

static inline void assert_item(const char *name, const char *key, const char *value)
{
	json_t *item = item_of(name);
	char *text = json_dumps(json_object_get(item, key), JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text ? text : "absent", value);
	free(text);
	json_decref(item);
}

static inline void assert_alert(const char *word)
{
	if (!strstr(self.alerts, word))
		fail_msg("'%s' not in: %s", word, self.alerts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
