/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between tocsin and its plugins.
 *
 * A plugin is a shared object with one exported symbol, the descriptor that
 * TOCSIN_PLUGIN makes. It links to nothing of tocsin: everything the core does
 * for it comes through the host table passed to `open`.
 *
 * Life of an instance (one per channel or source in the configuration; one per
 * worker of a blocking channel):
 *
 *	check? -> open -> deliver* | run -> close        (a source: also call* inside run)
 *
 * All calls into one instance come from one thread, never two at once, so a
 * plugin needs no lock. Module-global mutable state is a mistake: several
 * instances live side by side.
 *
 * Ownership: what a call passes in is borrowed until the call returns (a
 * delivery: until host->done). What a plugin hands to the host is copied.
 * A failing `open` frees what it made; `close` is then not called.
 *
 * History of the ABI. Fields are only ever added at the end of a struct; the
 * loader copies the smaller of both sizes, so older plugins keep loading.
 *	1	first release
 */
#ifndef TOCSIN_PLUGIN_H
#define TOCSIN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/alert.h>
#include <tocsin/http.h>
#include <tocsin/option.h>

#define TOCSIN_ABI 1

struct tocsin_self;      /* the instance as the core knows it; passed back to the host */
struct tocsin_store_ops; /* <tocsin/store.h> */

enum tocsin_kind { TOCSIN_CHANNEL = 1, TOCSIN_SOURCE, TOCSIN_STORE };

enum tocsin_level { TOCSIN_LOG_DEBUG, TOCSIN_LOG_INFO, TOCSIN_LOG_WARNING, TOCSIN_LOG_ERROR };

/* One delivery on its way through a channel. */
struct tocsin_delivery {
	size_t size;
	int64_t id;                       /* number of the delivery in the store */
	const char *key;                  /* idempotency key, 32 hex digits: the same at every attempt */
	const char *recipient;            /* one address, "" when the channel has none */
	const char *channel;              /* name of the channel instance */
	const char *route;                /* the route that chose it, for people */
	int attempt;                      /* 1 for the first */
	const struct tocsin_alert *alert;
	/* Of a digest, the alerts that it folds into one (at least 2), oldest first; `alert` then sums
	 * them up in words. NULL: this is an alert as it came. */
	const struct tocsin_alert *const *folded;
	size_t n_folded;
};

/* An alert that a source hands in, and what became of it. */
enum tocsin_intake { TOCSIN_ACCEPTED = 1, TOCSIN_KNOWN, TOCSIN_INVALID };
struct tocsin_emission {
	struct tocsin_alert alert;
	const char *mark;                 /* the source's own key for it (a row id), or NULL */
	enum tocsin_intake result;        /* set by emit */
};

/* What became of an alert that a source emitted with a mark. */
enum tocsin_settlement {
	TOCSIN_SETTLED = 1,               /* every delivery delivered, or suppressed by policy */
	TOCSIN_SETTLED_DEAD,              /* at least one delivery was given up */
};
struct tocsin_settled {
	const char *mark;
	enum tocsin_settlement outcome;
	/* Of the delivery that decides: one that was given up, else one that was delivered, else one
	 * that was suppressed. */
	bool delivered;                   /* false and SETTLED: nothing was delivered */
	int attempts;                     /* 0: it never began */
	int64_t started_ms, ended_ms;     /* wall time; of the last attempt; started_ms 0: none ended it */
	const char *reason;               /* what the channel said, or why it ended without; "" */
	const char *output;               /* what a program wrote; NULL: nothing */
};

/* What the items of a source are, if outsiders speak of them by name: the words of the commands
 * and of the paths of the API (/api/v1/heartbeats, /api/v1/jobs, /api/v1/checks). */
enum tocsin_items { TOCSIN_HEARTBEATS = 1, TOCSIN_JOBS, TOCSIN_CHECKS };

/* A word from outside to a source: a ping, a report, a question, an order. What the verbs of each kind
 * of items are, and what they say and answer, is in tocsin-calls(7). */
struct tocsin_call {
	size_t size;
	const char *verb;                 /* "list", "show", "ping", ... */
	const char *item;                 /* which one it is about; NULL: all of them */
	const char *body;                 /* a JSON object; "{}" when nothing was said */
	/* set by the source */
	int status;                       /* as in HTTP: 200, 201, 400, 404, 409, 503 (later) */
	char *answer;                     /* JSON, or of 400 and more a sentence; from malloc(), taken
					     over by the core. NULL: out of memory */
};

/* The status of a call that cannot be answered yet, without an answer: `call` is given it again with each
 * host->wait, its status as it was left, until it is answered or nobody waits for it any more (about half
 * a minute). Which one of the hundred it is helps the plugin to know what it waits for. */
#define TOCSIN_CALL_LATER 100
#define TOCSIN_CALL_LATEST 199

/* One saved value, see each. */
typedef int tocsin_value_fn(const char *name, const char *value, void *data);

/* Room for a local time as text, such as "2025-11-18 14:30:45 CET". */
#define TOCSIN_LOCAL_TIME 40

enum tocsin_wait { TOCSIN_STOP = -1, TOCSIN_TIMEOUT = 0, TOCSIN_READY = 1 };

typedef void tocsin_reply_fn(const struct tocsin_reply *reply, void *data);
typedef void tocsin_timer_fn(void *data);

/* What the core does for a plugin. Every call is made on the instance's own thread. */
struct tocsin_host {
	size_t size;

	/* Writes one line to the log, marked with the instance; secrets are masked. */
	void (*log)(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/* Adds to a counter of this instance, shown in status and metrics. */
	void (*count)(struct tocsin_self *self, const char *counter, int64_t add);
	/* Small durable values of this instance. save: value NULL forgets it. load: 0 and *value for the
	 * caller to free(), -ENOENT when never saved. Both return a negative errno when the store fails. */
	int (*save)(struct tocsin_self *self, const char *name, const char *value);
	int (*load)(struct tocsin_self *self, const char *name, char **value);

	/* channels, optional: from now on this delivery may reach somebody; attempts are timed from
	 * here. A plugin that `begins` waits in it while too many of the channel's may be repeated by
	 * a crash: called when all is ready, just before what counts as sent. False (only there): the
	 * channel closes, or the source holds it no longer; send nothing and call done, the delivery
	 * stays as it was, untried. */
	bool (*begin)(struct tocsin_delivery *delivery);
	/* channels: completes one delivery, exactly once. retry_after_ms is a floor for the
	 * next attempt (0: none); after DELIVERED and REJECTED the channel pauses for it. why: one line for a person. The delivery is gone afterwards. */
	void (*done)(struct tocsin_delivery *delivery, enum tocsin_outcome outcome,
		     int64_t retry_after_ms, const char *why);
	/* Sends the request and completes the delivery by the standard mapping: 2xx delivered;
	 * 429 throttled; 408, 425, 5xx and transport errors unavailable; anything else
	 * rejected. Only in channels that are not `blocking`. */
	void (*post)(struct tocsin_delivery *delivery, const struct tocsin_request *request);
	/* Sends the request and calls reply_fn on the instance's thread. 0 or negative errno. */
	int (*http)(struct tocsin_self *self, const struct tocsin_request *request,
		    tocsin_reply_fn *reply_fn, void *data);
	/* Calls fn once on the instance's thread after the time; not after close. Only in
	 * channels that are not `blocking`. 0 or negative errno. */
	int (*timer)(struct tocsin_self *self, int64_t after_ms, tocsin_timer_fn *fn, void *data);

	/* sources: waits while the source is too far ahead of its channels (one with `items` never
	 * does), hands in n alerts in one transaction and returns after the commit.
	 * 0: each result is set; -EAGAIN: the store cannot take them now, none was taken,
	 * emit them again later; -EINTR: none was taken, see watch;
	 * -ESHUTDOWN: stop, and nothing was taken. A source with `items` that was told to stop, so or by
	 * wait, may emit once more before its run returns, within ten seconds: the end of what it did. */
	int (*emit)(struct tocsin_self *self, struct tocsin_emission *batch, size_t n);
	/* sources: while emit waits it also watches this descriptor (-1: none), and says -EINTR when it
	 * is readable: see whether the alerts are still the source's own, and emit them again. */
	void (*watch)(struct tocsin_self *self, int fd);
	/* Says how many alerts the source is about to emit, or has just emitted, for the progress shown
	 * to people and the sum of a run that is once. */
	void (*expect)(struct tocsin_self *self, int64_t alerts);
	/* The source begins to own its alerts (it connected, it took its lock): deliveries of
	 * earlier runs stay parked until emitted again. */
	void (*park)(struct tocsin_self *self);
	/* The source has emitted all that is pending in it: what is still parked is no longer
	 * wanted and is suppressed. */
	void (*swept)(struct tocsin_self *self);
	/* Waits until fd is readable (fd -1: none) or the time is over, and calls `settled`
	 * meanwhile. TOCSIN_STOP: return from run. TOCSIN_TIMEOUT comes early after a `call`: what
	 * was heard may have changed what there is to wait for; and within a minute after somebody set
	 * the wall clock, which changes how long it is until a time of day. */
	enum tocsin_wait (*wait)(struct tocsin_self *self, int fd, int64_t timeout_ms);
	/* True when tocsin runs once: emit what is pending now, call swept, then wait for STOP. */
	bool (*once)(struct tocsin_self *self);

	/* channels: what a TEMPLATE or STRUCTURE option says for this delivery, valid until it is
	 * done. NULL: nothing is configured there, or it failed (the core has said so in the log);
	 * the built-in text takes its place. */
	const char *(*text)(struct tocsin_delivery *delivery,
			    const struct tocsin_template *template);
	/* channels: one durable note per alert (fingerprint), channel and recipient, such as the
	 * number of the first message, to which later ones are attached. note: kept in the same
	 * commit as the outcome of this delivery; at most 4 KiB. recall: 0 and *note for the caller
	 * to free(), -ENOENT when there is none, another negative errno when the store cannot say now.
	 * It sees the notes of all deliveries done before and waits for the store: call it once a
	 * delivery. Notes not used for a month are forgotten. */
	void (*note)(struct tocsin_delivery *delivery, const char *note);
	int (*recall)(struct tocsin_delivery *delivery, char **note);
	/* channels: the standard mapping, for plugins that use http and done in place of post. */
	void (*verdict)(const struct tocsin_reply *reply, struct tocsin_verdict *verdict);
	/* channels: keeps what a program wrote with this attempt, for 'tocsin dead show' and the
	 * history; cut at 4 KiB, controls and invalid UTF-8 replaced. */
	void (*output)(struct tocsin_delivery *delivery, const char *text, size_t length);

	/* sources: the names of the items that it has now; replaces what it said before. Called before
	 * the first wait, and whenever they change. 0 or -ENOMEM. */
	int (*announce)(struct tocsin_self *self, const char *const item[], size_t n);
	/* As save, but in the same commit as the next emit, which may be one of no alerts: so what is
	 * remembered and what was raised never differ. value NULL: forgets it. 0 or -ENOMEM. When emit
	 * says -EAGAIN nothing was written and what was kept stays kept for the next one. */
	int (*keep)(struct tocsin_self *self, const char *name, const char *value);
	/* Calls fn for the saved values whose names begin with prefix, in the order of their names
	 * (newest_first: backwards), at most limit of them (0: all), until it returns other than 0. What was
	 * kept but not yet emitted is not seen. 0, what fn returned, or a negative errno of the store. */
	int (*each)(struct tocsin_self *self, const char *prefix, bool newest_first, size_t limit,
		    tocsin_value_fn *fn, void *data);
	/* The first moment after `after_ms` (wall time) at which the schedule says so in that zone
	 * (NULL: the one of the system); INT64_MAX: never again. Any thread.
	 * What is to be done once for each moment: keep up to which wall time it was done. It is due when
	 * next(that) is not after now, and then done up to now. A kept time that is ahead of now by more
	 * than a round of the schedule is of a clock that was set back since: now takes its place. */
	int64_t (*next)(const struct tocsin_schedule *schedule, const struct tocsin_zone *zone,
			int64_t after_ms);
	/* A wall time for people, "2025-11-18 14:30:45 CET". Any thread. */
	void (*local)(const struct tocsin_zone *zone, int64_t wall_ms, char text[TOCSIN_LOCAL_TIME]);

	/* sources that hold what they emit for a time only (a lease): from now on their deliveries begin
	 * only before that moment of CLOCK_BOOTTIME, in milliseconds; one whose turn comes later is
	 * suppressed untried. To be said anew when the lease is renewed. Such a source limits itself:
	 * its emit no longer waits for the window. */
	void (*lease)(struct tocsin_self *self, int64_t until_boot_ms);
	/* sources: the alerts with these marks are to be delivered no more. What has not begun is
	 * suppressed for that reason, and so is what was given up (nobody can replay it); what is under
	 * way ends with this attempt, and is told. 0, or a negative errno of the store. */
	int (*withdraw)(struct tocsin_self *self, const char *const mark[], size_t n,
			const char *reason);

	/* channels that are `blocking` and `begins`, optional: one more delivery, to be made ready while
	 * the one in hand is under way; NULL: nothing waits, or it waits for another worker. Called with
	 * one in hand, in deliver, which does not return before this one is completed, too. */
	struct tocsin_delivery *(*more)(struct tocsin_self *self);
	/* sources, in `settled`, which then returns 0: these marks of what it is being told cannot be
	 * noted yet and are told again after a second; the others are noted. */
	void (*later)(struct tocsin_self *self, const char *const mark[], size_t n);

	/* sources: replaces every known secret in text by three stars, in place. For what others said
	 * (servers, programs) and becomes part of an alert; the log is masked by itself. Any thread. */
	void (*mask)(struct tocsin_self *self, char *text);
};

struct tocsin_channel_ops {
	size_t size;                         /* sizeof(struct tocsin_channel_ops) */
	int (*open)(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		    void **state);
	/* Starts n (1 ... batch) deliveries; each must be completed by host->done or host->post,
	 * now or later (a blocking channel: before it returns). */
	void (*deliver)(void *state, struct tocsin_delivery *const batch[], size_t n);
	void (*close)(void *state);
	/* optional: cross-field checks. NULL when fine, else one sentence (static or in why). */
	const char *(*check)(const void *config, char *why, size_t why_size);
	/* optional: files were rotated, reopen them. */
	void (*reopen)(void *state);
	/* optional: nothing to deliver for a second; a chance to let go of idle connections. Called again
	 * while it stays so, after pauses that double up to a minute. */
	void (*idle)(void *state);
	/* optional: what deliver would send for this one, for people to read and with secrets as ***;
	 * nothing is sent or written. For the core to free(); NULL when memory is short. Channels that
	 * use host->post do not need it: the core shows the request. Called without open. */
	char *(*preview)(const struct tocsin_host *host, const void *config,
			 struct tocsin_delivery *delivery);
};

struct tocsin_source_ops {
	size_t size;                         /* sizeof(struct tocsin_source_ops) */
	int (*open)(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		    void **state);
	/* Runs on the source's own thread until host->wait says stop. 0, or a negative errno
	 * when it cannot go on (tocsind --once then exits with status 2). */
	int (*run)(void *state);
	/* optional: what became of emitted marks; called inside host->wait, and once more
	 * between run and close. 0: noted in the source. Negative errno: not now, the core tells
	 * again later; -EINVAL: one of them can never be noted, and each is told alone. */
	int (*settled)(void *state, const struct tocsin_settled *settled, size_t n);
	void (*close)(void *state);
	/* optional: as for channels. */
	const char *(*check)(const void *config, char *why, size_t why_size);
	/* optional, of a source with `items`: takes all words that wait, oldest first. Called inside
	 * host->wait. Each has its status and answer when it returns; what a 200 acknowledges is
	 * committed by then (emit, save). What has to wait for somebody else is TOCSIN_CALL_LATER; no
	 * pointer to it is to be held. `tocsin check --local` calls it without run, just once. */
	void (*call)(void *state, struct tocsin_call *const call[], size_t n);
	/* optional: called a few times a second between run and close, before what ended meanwhile is
	 * told. True while deliveries of its own are under way whose end it wants to be told: close
	 * waits for that (where channels go on working, as after a reload). */
	bool (*ending)(void *state);
};

struct tocsin_plugin {
	uint32_t abi;                        /* TOCSIN_ABI; set by the macro */
	uint32_t size;                       /* sizeof(struct tocsin_plugin); set by the macro */
	uint32_t option_size;                /* sizeof(struct tocsin_option); set by the macro */
	enum tocsin_kind kind;
	const char *name;                    /* the `type:` in YAML; [a-z][a-z0-9_-]* */
	const char *version;
	const char *summary;                 /* one line */
	const struct tocsin_option *options;
	size_t option_count;
	size_t config_size;                  /* of the struct that the options fill */
	const struct tocsin_channel_ops *channel;
	const struct tocsin_source_ops *source;
	const struct tocsin_store_ops *store;
	/* channels */
	bool blocking;                       /* deliver may block: the core gives it worker threads */
	bool recipients;                     /* one delivery per recipient; the core offers `to` */
	size_t batch;                        /* most deliveries in one call; 0 is 1 */
	const char *rate;                    /* preset of the core's `rate`; NULL: unlimited */
	int concurrency;                     /* preset of `concurrency` (not blocking); 0: 4 */
	/* sources */
	bool rereads;                        /* emits unsettled alerts again after a restart */
	/* channels, for the table of what each can do ('tocsin plugins table') */
	unsigned int supports;               /* bits of enum tocsin_supports */
	const char *limits;                  /* what the peer takes, in words; NULL: any length */
	/* sources */
	enum tocsin_items items;             /* what `call` speaks of; 0: nothing */
	/* channels that are `blocking`: nothing of a delivery reaches anybody before host->begin said
	 * true, so the next one is made ready while outcomes are written to the store */
	bool begins;
};

/* What a channel does beyond sending a text. */
enum tocsin_supports {
	TOCSIN_SUPPORTS_THREADS = 1,     /* later news of an alert go to the first message */
	TOCSIN_SUPPORTS_UPDATE = 2,      /* the first message or incident changes or closes */
	TOCSIN_SUPPORTS_RICH_TEXT = 4,   /* markup, colours, cards */
	TOCSIN_SUPPORTS_LINKS = 8,       /* links can be followed */
	TOCSIN_SUPPORTS_IDEMPOTENCY = 16, /* the peer recognises a repetition by its key */
};

/* Makes the one symbol that a plugin exports. */
#define TOCSIN_PLUGIN(...) \
	__attribute__((visibility("default"))) extern const struct tocsin_plugin tocsin_plugin; \
	const struct tocsin_plugin tocsin_plugin = { \
		.abi = TOCSIN_ABI, .size = sizeof(struct tocsin_plugin), \
		.option_size = sizeof(struct tocsin_option), __VA_ARGS__ }

/* Number of elements, for .option_count. */
#define TOCSIN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
