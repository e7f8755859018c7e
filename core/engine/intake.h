/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/intake: alerts on their way into the store: decided on the caller's
 * thread, written in one transaction on the store's.
 */
#ifndef ENGINE_INTAKE_H
#define ENGINE_INTAKE_H

#include "engine/decide.h"
#include "engine/internal.h"
#include "store/kept.h"

struct intake_entry {
	struct alert *alert;        /* owned by the intake */
	const char *mark;           /* borrowed until done; NULL: none */
	struct decisions decisions;
	/* as the store takes it; of one with a mark in the transaction, which knows the generation */
	char *body;                 /* owned by the intake; NULL: not written yet */
	struct tocsin_new_delivery *delivery; /* of each decision, in the arena; NULL: not yet */
	int generation;             /* by which their keys were made */
	/* results of the transaction */
	enum tocsin_intake result;
	int64_t number;             /* of the alert in the store */
	int64_t unparked;           /* of a known alert: deliveries that are due again */
	bool failed_at_once;        /* a delivery of it is dead from the start */
};

struct intake {
	struct store_request request;
	struct engine *engine;
	struct arena *arena;
	const struct kept *kept;    /* values of the source, saved in the same commit; NULL: none */
	const char *instance;       /* whose they are */
	bool tell;                  /* the source wants to hear when they are settled */
	struct intake_entry *entry;
	size_t n;
	engine_accepted_fn *done;   /* of an asynchronous intake */
	void *data;
};

/* Takes the alerts over (also when it fails, then they are freed) and decides. NULL marks: none. There
 * may be no alerts, when only values are to be saved. */
int intake_new(struct engine *engine, struct alert **alerts, const char *const *marks, size_t n,
	       const char *channel, struct intake **intake);
/* The same for an alert about that channel, which any other may hear of; *intake is NULL when none
 * does. */
int intake_about(struct engine *engine, struct alert *alert, const char *channel,
		 struct intake **intake);
/* Hands it to the store; done is called there after the commit or the failure. Frees it. */
void intake_submit(struct intake *intake, engine_accepted_fn *done, void *data);
void intake_free(struct intake *intake);

/* What the transaction does, and what is done after it; for store_call. */
int intake_apply(struct store_request *request, const struct transaction *transaction);
void intake_done(struct store_request *request, int result);

#endif
