/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/delivery: a claimed delivery in memory. Owned by the channel that
 * holds it from the claim's commit to the commit of its settlement.
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include <stdbool.h>

#include <tocsin/store.h>

#include "alert/alert.h"
#include "base/error.h"
#include "store/store.h"

struct arena;
struct backlog;
struct channel;

/* Deliveries that take the place of one; free with instead_free. */
struct instead {
	struct arena *arena;          /* owns all of it */
	struct tocsin_new_delivery *delivery;
	size_t n;
};
void instead_free(struct instead *instead);
struct rendering;

struct delivery {
	struct tocsin_delivery pub;   /* what the plugin sees; first, so that it can be cast back */
	struct delivery *next;        /* in the channel's queue */
	struct delivery *held_next, *held_previous; /* all in memory; the store thread's own */
	bool unwanted;                /* its source took it back; the store thread's own */
	struct channel *channel;
	struct backlog *backlog;      /* its source's window, until an attempt ended; or NULL */
	struct alert *alert;
	struct rendering *rendering;  /* what the channel's templates say; NULL: nothing */
	int64_t alert_number, token, created_ms;
	int64_t started_ms;           /* wall time at which this attempt began */
	size_t underway;              /* its slot while in the plugin's hands */
	struct delivery **member;     /* of a digest, those that it folds (see digest.h) */
	size_t n_members;             /* 0: this is no digest */
	struct delivery *digest;      /* of which it is a member; or NULL */
	uint64_t lane;                /* by the label that limits what is under way; 0: none */
	bool begun;                   /* the plugin (or the core for it) said so */
	bool asked;                   /* the core saw an answer of the peer */
	bool refused;                 /* the core did not let it begin */
	/* how it ended */
	struct store_request request;
	struct tocsin_attempt attempt;
	struct tocsin_attempt_result result;
	bool release;                 /* hand it back untried instead of settling */
	int64_t release_after_ms;     /* then it is due that much later */
	int64_t paused_until_ms;      /* its peer asked for that, own time; 0: it did not (pause.h) */
	bool handed_over;             /* untried, to the channel's fallback */
	bool condemned;               /* it is held for the cause why processes ended */
	bool untried;                 /* it ended so, see channel_end_untried */
	struct instead *instead;      /* what takes its place; or NULL */
	char *note;                   /* what the channel wants to remember; NULL: nothing new */
	char *output;                 /* what a program wrote; or NULL */
	char detail[320];
	char text[];                  /* key, recipient and route */
};

/* Copies what the store handed out. 0, -ENOMEM, or -EINVAL when the alert cannot be read. */
int delivery_new(const struct tocsin_stored_delivery *stored, struct channel *channel,
		 const char *channel_name, struct delivery **delivery, struct error *err);
void delivery_free(struct delivery *delivery);

#endif
