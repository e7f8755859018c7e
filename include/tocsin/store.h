/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a store plugin: alerts and deliveries kept durably.
 *
 * One thread makes all calls. Every call between begin and commit is one
 * transaction, shared by many requests (group commit); when commit returns 0
 * everything in it is on disk, also after a power cut.
 *
 * Results: 0, or a negative errno. -ENOSPC: no room now, the transaction must
 * be rolled back and later ones may work. -EIO: the store can no longer vouch
 * for what it wrote; the process must stop and open it again.
 *
 * A delivery is PENDING, CLAIMED, or settled for good: DELIVERED, DEAD or
 * SUPPRESSED. A pending delivery whose due time is TOCSIN_PARKED waits for its
 * source to emit the alert again. Counters change in the same transactions, so
 * that accepted = delivered + dead + suppressed + pending at every commit,
 * where pending counts PENDING and CLAIMED.
 *
 * Times are of two kinds, both milliseconds since 1970. What people read
 * (received, started, ended, done) is wall time. What is waited for or grows old
 * (due, leases, created, the age by which history is removed) is tocsin's own
 * time, which goes on evenly when the wall clock is set.
 */
#ifndef TOCSIN_STORE_H
#define TOCSIN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <tocsin/alert.h>
#include <tocsin/plugin.h>

#define TOCSIN_PARKED INT64_MAX

enum tocsin_state {
	TOCSIN_STATE_PENDING,
	TOCSIN_STATE_CLAIMED,
	TOCSIN_STATE_DELIVERED,
	TOCSIN_STATE_DEAD,
	TOCSIN_STATE_SUPPRESSED,
};

/* A delivery to create: pending at due_ms, or settled at once (DEAD, SUPPRESSED) with a reason. */
struct tocsin_new_delivery {
	const char *channel;
	const char *recipient;      /* "" when the channel has none */
	const char *route;
	const char *key;            /* idempotency key */
	enum tocsin_state state;
	const char *reason;         /* of a state other than PENDING */
	int64_t due_ms;             /* own time */
	bool stand_in;              /* revive: it may be there, and is not added when it is not */
};

struct tocsin_new_alert {
	const struct tocsin_alert *alert; /* complete: id, source, fingerprint are set */
	const char *body;           /* the alert as JSON; what list and claim hand back */
	const char *mark;           /* NULL: none */
	int generation;             /* 0 for the first alert of this source and mark */
	bool tell;                  /* the source wants to know when it is settled */
	int64_t now_ms;             /* wall time at which it was received */
	const struct tocsin_new_delivery *delivery;
	size_t n;
	/* The store may hold on to `alert` and hand it out with claims, so that it need not be read
	 * again; it releases it once for each hold, at the latest when it is closed. NULL: it may not. */
	void (*hold)(const struct tocsin_alert *alert);
	void (*release)(const struct tocsin_alert *alert);
};

/* The newest alert of a source and mark. */
struct tocsin_marked {
	int64_t alert;              /* its number; 0: there is none */
	int generation;
	bool told;                  /* the source knows that it is settled */
	int64_t pending, dead;      /* deliveries in these states */
};

/* A delivery as it is kept. Strings are valid until the callback returns. */
struct tocsin_stored_delivery {
	int64_t id;
	int64_t alert;              /* number of the alert */
	const char *alert_id;       /* its 32 hex digits */
	const char *source;
	const char *channel, *recipient, *route, *key;
	enum tocsin_state state;
	int attempt;                /* attempts so far */
	int crashes;                /* claim: of the process, while a plugin had it, since its last
				     * attempt that came to an end (see recover) */
	int64_t token;              /* of the claim; settle must present it */
	int64_t created_ms, due_ms; /* own time; created: or replayed, from when on it grows old */
	int64_t done_ms;            /* wall time */
	const char *reason;         /* last answer, or why it is dead or suppressed; "" */
	const char *body;           /* the alert as JSON; NULL when it is there as `accepted` */
	const struct tocsin_alert *accepted; /* claim: what accept was given and the store holds; or NULL */
	int64_t received_ms;        /* of the alert, wall time */
};
typedef int tocsin_delivery_fn(const struct tocsin_stored_delivery *delivery, void *data);

/* The end of one attempt. */
struct tocsin_attempt {
	int64_t delivery;
	int64_t token;
	enum tocsin_state state;    /* DELIVERED, DEAD, SUPPRESSED; PENDING: try again at due_ms */
	int64_t due_ms;             /* own time */
	int number;                 /* 1 for the first; 0: it is settled without an attempt */
	int64_t started_ms, ended_ms; /* wall time */
	const char *detail;         /* what the channel said */
	const char *output;         /* what a program wrote, kept with the attempt; NULL: nothing */
	/* Of a delivery that is settled: others of the same alert that take its place, added in the
	 * same step, but for those whose channel and recipient the alert has already. */
	const struct tocsin_new_delivery *instead;
	size_t n_instead;
};
struct tocsin_attempt_result {
	bool stale;                 /* the token is not (any more) the claim's: nothing changed */
	bool alert_settled;         /* that was the alert's last pending delivery */
};
typedef int tocsin_attempt_fn(const struct tocsin_attempt *attempt, void *data);

struct tocsin_stored_alert {
	int64_t number;
	const char *id, *source, *mark, *fingerprint; /* mark may be NULL */
	enum tocsin_severity severity;
	enum tocsin_status status;
	int64_t received_ms;
	const char *body;
	int64_t pending, delivered, dead, suppressed; /* its deliveries */
};
typedef int tocsin_alert_fn(const struct tocsin_stored_alert *alert, void *data);
typedef int tocsin_waiting_fn(const char *channel, int64_t n, void *data);
typedef int tocsin_untold_fn(int64_t alert, const struct tocsin_settled *settled, void *data);

/* What to list, replay or drop; zero and NULL mean any. Newest first, `before` pages on. */
struct tocsin_query {
	int64_t id;                 /* one delivery (or alert) by number */
	const char *alert_id;       /* 32 hex digits */
	const char *channel;
	const char *source;
	unsigned int states;        /* bits 1 << enum tocsin_state */
	int64_t since_ms;           /* alerts received (wall time), or deliveries created (own
				     * time), at or after */
	int64_t before;             /* numbers below this one */
	int64_t limit;              /* 0: 100; replay and drop: all */
};

struct tocsin_counters {
	int64_t accepted, delivered, dead, suppressed, pending; /* deliveries */
	int64_t alerts;             /* alerts accepted ever */
	int64_t known;              /* emitted again and recognised */
	int64_t stale;              /* settlements refused because of their token */
};

struct tocsin_store_ops {
	size_t size;                /* sizeof(struct tocsin_store_ops) */
	int (*open)(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		    void **state);  /* logs the reason before it fails; -EBUSY: in use elsewhere */
	void (*close)(void *state);

	/* now_ms: own time; what the transaction creates or settles grows old from then on */
	int (*begin)(void *state, int64_t now_ms);
	int (*commit)(void *state);
	void (*rollback)(void *state);

	/* intake; accept: -EEXIST and nothing is written, when its mark has an alert of that
	 * generation or a later one */
	int (*find_mark)(void *state, const char *source, const char *mark,
			 struct tocsin_marked *found);
	int (*accept)(void *state, const struct tocsin_new_alert *alert, int64_t *number);
	/* The alert was emitted again while unsettled: its n parked deliveries become due. */
	int (*unpark)(void *state, int64_t alert, int64_t now_ms, int64_t *n);
	/* As unpark, and in a run that tries failures again: dead deliveries whose key is in
	 * the list become pending as if they were new, those not in it become suppressed, keys
	 * not seen before are added. */
	int (*revive)(void *state, int64_t alert, const struct tocsin_new_delivery *wanted,
		      size_t n, int64_t now_ms);
	/* Every pending (not claimed) delivery of the source's alerts that it wants to be told
	 * of is parked. */
	int (*park)(void *state, const char *source);
	/* Of the newest alert of that source and mark, every delivery that is pending (not claimed) or
	 * dead is suppressed with the reason; now_ms: wall time. *alert: its number, 0 when there is
	 * none. */
	int (*withdraw)(void *state, const char *source, const char *mark, const char *reason,
			int64_t now_ms, int64_t *alert);
	/* Every parked delivery of the source is suppressed with the reason; now_ms: wall time. tell:
	 * of what thereby ended it is told. Otherwise that counts as told, but for alerts with a dead
	 * delivery, so that the next one with the mark is another alert. */
	int (*unwanted)(void *state, const char *source, const char *reason, bool tell,
			int64_t now_ms, int64_t *n);

	/* delivery; times are own time */
	int (*claim)(void *state, const char *channel, int64_t now_ms, int64_t lease_until_ms,
		     size_t limit, tocsin_delivery_fn *fn, void *data); /* oldest due first */
	int (*settle)(void *state, const struct tocsin_attempt *attempt,
		      struct tocsin_attempt_result *result);
	/* Gives a claim back untried: pending, due at due_ms. */
	int (*release)(void *state, int64_t delivery, int64_t token, int64_t due_ms);
	/* Both do nothing, and return 0, when the token is not (any more) the claim's. */
	int (*renew)(void *state, int64_t delivery, int64_t token, int64_t lease_until_ms);
	/* Claims whose lease is over (all claims when now_ms is TOCSIN_PARKED: nobody else
	 * holds the store) become pending again; a store that only one process can have may
	 * forget them with the process. The suspects were in a plugin's hands when the last
	 * process ended: they are due again from again_ms on, so that others get their turn between
	 * two deaths, and claim says how many there were. n: how many of either. */
	int (*recover)(void *state, int64_t now_ms, const int64_t *suspects, size_t n_suspects,
		       int64_t again_ms, int64_t *n);
	/* Pending deliveries that are not parked become due at now_ms at the latest. */
	int (*hasten)(void *state, int64_t now_ms);
	int (*next_due)(void *state, const char *channel, int64_t *due_ms); /* INT64_MAX: none */

	/* Pending deliveries of channels that are not among the known ones, counted by channel. */
	int (*waiting)(void *state, const char *const known[], size_t n_known,
		       tocsin_waiting_fn *fn, void *data);

	/* telling sources */
	/* Settled alerts that the source has not been told of, by number, above `after`. */
	int (*untold)(void *state, const char *source, int64_t after, size_t limit,
		      tocsin_untold_fn *fn, void *data);
	/* dead: the end that it was told of. When that is not the end any more, the alert stays untold. */
	int (*told)(void *state, int64_t alert, bool dead);

	/* operators; settled ones with state DEAD only for replay and drop */
	int (*deliveries)(void *state, const struct tocsin_query *query, tocsin_delivery_fn *fn,
			  void *data);
	int (*attempts)(void *state, int64_t delivery, tocsin_attempt_fn *fn, void *data);
	int (*alerts)(void *state, const struct tocsin_query *query, tocsin_alert_fn *fn,
		      void *data);
	/* Dead becomes pending as if it were new, with no attempts, due at now_ms (own time). */
	int (*replay)(void *state, const struct tocsin_query *query, int64_t now_ms, int64_t *n);
	/* Dead becomes suppressed; now_ms: wall time. */
	int (*drop)(void *state, const struct tocsin_query *query, const char *reason,
		    int64_t now_ms, int64_t *n);
	int (*counters)(void *state, struct tocsin_counters *counters);

	/* small values of plugin instances */
	int (*save)(void *state, const char *instance, const char *name, const char *value);
	int (*load)(void *state, const char *instance, const char *name, char **value);

	/* upkeep */
	/* Removes at most limit alerts all of whose deliveries were settled before the times (own
	 * time). */
	int (*prune)(void *state, int64_t settled_before_ms, int64_t dead_before_ms, size_t limit,
		     size_t *removed);
	/* Outside a transaction: checkpoint and the like; idle says that nothing waits. */
	int (*maintain)(void *state, bool idle);
	/* optional: memory, zero at first, that outlives the process (a mapped file); the same for
	 * every call. After a power cut it may be as it was at any moment before, or of several. NULL:
	 * there is none. */
	void *(*scratch)(void *state, size_t size);
	/* optional: since a call said -ENOSPC, there has not been room again for more than small
	 * changes; new alerts are refused untried meanwhile. Asked after maintain. NULL: only the
	 * results say so. */
	bool (*full)(void *state);

	/* Notes of channels, one per channel, fingerprint of the alert and recipient; all three may
	 * be NULL: the store keeps none. */
	/* Keeps it in place of the one before. */
	int (*note)(void *state, const char *channel, const char *fingerprint,
		    const char *recipient, const char *note);
	/* 0 and *note for the caller to free(), -ENOENT: there is none. It counts as used now; a
	 * store may write that once a day only. */
	int (*recall)(void *state, const char *channel, const char *fingerprint,
		      const char *recipient, char **note);
	/* Removes at most limit notes that were used last before that time (own time). */
	int (*forget)(void *state, int64_t used_before_ms, size_t limit, size_t *removed);

	/* The saved values of an instance whose names begin with prefix (bytes), by name, backwards when
	 * newest_first; at most limit (0: all). Stops with what fn returns when that is not 0. */
	int (*each)(void *state, const char *instance, const char *prefix, bool newest_first,
		    size_t limit, tocsin_value_fn *fn, void *data);
};

#endif
