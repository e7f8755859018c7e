/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of one page for tests of the postgres source: it remembers marks as the
 * store does, tells the source what is settled, and writes down what happens.
 */
#ifndef POSTGRES_HOST_H
#define POSTGRES_HOST_H

#include <pthread.h>

#include "../../plugins/sources/postgres/postgres.h"

extern const struct tocsin_plugin tocsin_plugin;

/* An alert as the source handed it in. */
struct seen {
	char mark[80];
	char severity[16], link[80], recipients[200];
	char labels[400], annotations[400]; /* name=value;name=value; */
	int64_t starts_at_ms;
	bool done, told; /* its deliveries ended; the source has noted that */
	bool later;      /* it cannot note that yet */
	int accepted;    /* 2 and more: it would be sent again */
};

struct tocsin_self {
	pthread_mutex_t lock;
	pthread_t thread;
	void *state; /* of the source */
	int stop;    /* eventfd */
	bool once;
	bool full;             /* the store takes nothing */
	bool settle_when_full; /* what waits is done while the store is full */
	bool deliver;          /* every alert is done at once */
	enum tocsin_settlement outcome;
	const char *reason, *output; /* of each delivery */
	struct seen *seen;
	size_t n, room;
	int64_t known, expected;
	int64_t leased_ms; /* until then they may begin */
	int withdrawn;
	int parked, swept, told, refusals, errors, result;
	char log[16384];
};

void host_init(struct tocsin_self *self);
void host_done(struct tocsin_self *self);
/* Runs the source until it returns (once) and gives its result. */
int host_once(struct tocsin_self *self, const struct config *config);
/* Starts the source's thread; host_stop ends it and gives its result. */
void host_start(struct tocsin_self *self, const struct config *config);
int host_stop(struct tocsin_self *self);
/* The same, but the source has so long to write down what ends. */
int host_end(struct tocsin_self *self, int64_t most_ms);
/* Waits until the condition holds; false after ten seconds. */
bool host_until(struct tocsin_self *self, bool (*holds)(struct tocsin_self *self, int64_t n),
		int64_t n);
bool host_seen(struct tocsin_self *self, int64_t n);
bool host_told(struct tocsin_self *self, int64_t n);
bool host_parked(struct tocsin_self *self, int64_t n);
bool host_swept(struct tocsin_self *self, int64_t n);
bool host_logged(struct tocsin_self *self, const char *text);

#endif
