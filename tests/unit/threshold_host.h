/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of one page for tests of the threshold source on a real server: a store in memory that
 * commits what was kept with what is emitted. The server is that of TOCSIN_TEST_POSTGRES.
 */
#ifndef THRESHOLD_HOST_H
#define THRESHOLD_HOST_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../plugins/sources/threshold/threshold.h"

extern const struct tocsin_plugin tocsin_plugin;

#define MOST_VALUES 40

struct value {
	char *name, *value;
};

struct tocsin_self {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	void *state;
	int stop, result;
	bool once, full, dying; /* dying: nothing is committed any more, as after a kill */
	int refusals, swept;
	int waits; /* how often it waited */
	struct value saved[MOST_VALUES], kept[MOST_VALUES];
	size_t n_saved, n_kept;
	char alerts[16000]; /* "firing critical backlog [labels] description\n" */
	int n_alerts;
	char log[8000];
	char announced[400];
	struct tocsin_call *call;
};

extern const struct tocsin_host watch_host;

struct fixture {
	struct tocsin_self self;
	PGconn *admin;
	char *connection;
	struct config config;
	struct check_config check[4];
};

int watch_begin(void **state);
int watch_end(void **state);
void watch_sql(struct fixture *f, const char *text);
int64_t watch_number(struct fixture *f, const char *text);
/* A check that is critical by this condition. */
void watch_add(struct fixture *f, const char *name, const char *query, const char *critical);
/* Starts the source's thread; stop ends it and gives its result. */
void watch_start(struct fixture *f);
int watch_stop(struct fixture *f);
/* As a kill -9: what was kept and not committed is gone. */
void watch_die(struct fixture *f);
/* The store takes nothing from now on, or again; waits until it has refused so often. */
void watch_full(struct fixture *f, bool full);
void watch_refused(struct fixture *f, int times);
/* As --once: runs until it returns, and gives that. */
int watch_once(struct fixture *f);
/* Waits for so many alerts; told compares what was written down of them, and forgets it. */
void watch_until(struct fixture *f, int n);
void watch_told(struct fixture *f, const char *expected);
/* A word from outside, with the status that its answer must have. */
json_t *watch_ask(struct fixture *f, const char *verb, const char *item, int status);

#endif
