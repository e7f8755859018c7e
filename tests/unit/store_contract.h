/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promises of <tocsin/store.h> as tests, for any store plugin. A test program of a
 * store describes how to open it and calls store_contract_run.
 */
#ifndef STORE_CONTRACT_H
#define STORE_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <tocsin/store.h>

struct store_subject {
	const struct tocsin_store_ops *ops;
	/* Makes the store empty. */
	void (*reset)(struct store_subject *subject);
	/* Opens it, again after a close. 0 or a negative errno. */
	int (*open)(struct store_subject *subject, void **state);
	void *data;
	bool may_hold; /* alerts are given to it to hold on to; the run decides */
};

/* Runs every test of the contract, with and without alerts that the store may hold; the number of
 * failures. */
int store_contract_run(struct store_subject *subject);

/* What a test gets: an open store, no transaction begun. */
struct contract {
	struct store_subject *subject;
	const struct tocsin_store_ops *ops;
	void *store;
	int64_t alerts; /* made so far, for their ids */
};

void contract_begin(struct contract *c);
/* Commits, and checks that the counters add up. */
void contract_commit(struct contract *c);
void contract_reopen(struct contract *c);

#define NOW INT64_C(1700000000000)
#define LEASE (NOW + 60000)

/* An alert as tests like to say it; what is left out has a preset. */
struct sample {
	const char *source; /* "site-alerts" */
	const char *mark;
	int generation;
	bool tell;
	const char *body;       /* "{}" */
	const char *channel[4]; /* one delivery each; "mail" */
	const char *recipient;  /* "" */
	const char *key[4];     /* made up */
	enum tocsin_state state;
	const char *reason;
	int64_t due_ms; /* NOW */
	int64_t now_ms; /* NOW */
	bool no_delivery;
};
/* The result of accept. */
int contract_try(struct contract *c, const struct sample *sample, int64_t *number);
/* Its number; fails the test when accept does. */
int64_t contract_accept(struct contract *c, const struct sample *sample);
/* Its 32 digits. */
void contract_id(int64_t nth, char id[33]);

/* Copies of what the store handed out. */
struct copy {
	int64_t id, alert, token, created_ms, due_ms, done_ms, received_ms;
	enum tocsin_state state;
	int attempt, crashes;
	char alert_id[33], source[32], channel[32], recipient[64], route[32], key[64], reason[96];
	char body[64];
};
struct copies {
	size_t n;
	struct copy item[1024];
};
int contract_copy(const struct tocsin_stored_delivery *delivery, void *copies);

/* Claims up to limit at that time, in a transaction that is already begun. */
void contract_claim(struct contract *c, const char *channel, int64_t now_ms, size_t limit,
		    struct copies *copies);
/* Claims exactly one of the channel. */
struct copy contract_claim_one(struct contract *c, const char *channel);
struct tocsin_attempt_result contract_settle(struct contract *c, const struct copy *claim,
					     enum tocsin_state state, int64_t due_ms);
/* The one delivery with that number, wherever it is. */
struct copy contract_delivery(struct contract *c, int64_t id);
void contract_list(struct contract *c, const struct tocsin_query *query, struct copies *copies);
struct tocsin_counters contract_counters(struct contract *c);

/* Alerts that the source has to be told of: how many, and the last one. */
struct telling {
	size_t n;
	int64_t alert;
	char mark[64], reason[96], output[96];
	bool dead, delivered;
	int attempts;
	int64_t started_ms, ended_ms;
};
struct telling contract_untold(struct contract *c, const char *source);

/* Accepts one marked alert for "mail", whose delivery ends in that state; its delivery. */
struct copy contract_settled(struct contract *c, const char *mark, enum tocsin_state state);

struct contract_test {
	const char *name;
	CMUnitTestFunction run;
};
#define CONTRACT_TEST(function) \
	{ \
#function, function \
	}
extern const struct contract_test contract_intake[], contract_claims[], contract_sources[],
	contract_operators[], contract_notes[], contract_instead[],
	contract_again[], contract_values[]; /* each ends with a NULL name */

#endif
