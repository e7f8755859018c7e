/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of one page for tests of the cron source: it keeps values, takes alerts, and has a clock and
 * schedules that the test sets.
 */
#ifndef CRON_HOST_H
#define CRON_HOST_H

#include "../../plugins/sources/cron/cron.h"

extern const struct tocsin_plugin tocsin_plugin;

struct value {
	char *name, *text;
	bool pending;   /* kept, and not committed */
	bool forgotten; /* so pending */
	char *fresh;    /* the text after the commit */
};

struct tocsin_self {
	struct value value[2048];
	size_t n;
	char log[16384];
	char alerts[65536]; /* one a line: status severity label=value ... | annotation=value ... */
	int emits, n_alerts, announced;
	bool full;          /* the store takes nothing */
	bool once, swept;
	bool stopping;      /* the next emit says so, and takes nothing */
	int waits;          /* until TOCSIN_STOP; -1: never */
	int stop_ms;        /* how long it takes until that is said */
};

/* The wall clock of the source under test. Its boot clock goes on with it, and with the real time,
 * but for what the wall clock was set by. */
extern int64_t host_now_ms, host_set_ms;
/* Somebody sets it. */
void host_set_clock(int64_t by_ms);

void host_init(struct tocsin_self *self);
void host_done(struct tocsin_self *self);
const struct tocsin_host *host_of_tests(void);
/* The committed text of a value, or NULL. */
const char *host_value(struct tocsin_self *self, const char *name);
/* How many committed values begin with this. */
size_t host_values(struct tocsin_self *self, const char *prefix);
/* Sets a value as an earlier process left it. */
void host_set(struct tocsin_self *self, const char *name, const char *text);
/* Forgets the alerts so far. */
void host_forget(struct tocsin_self *self);

/* A schedule that names every multiple of the period. */
struct host_schedule {
	struct tocsin_schedule schedule;
	int64_t period_ms;
};

#endif
