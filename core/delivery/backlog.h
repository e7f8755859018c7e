/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/backlog: how many deliveries of each source wait for each channel,
 * so that a source does not run far ahead of its channels. Any thread.
 *
 * The figures begin at 0 with the process; they count what was emitted or
 * unparked since, and go down with each attempt. They bound what a source puts
 * into the store ahead of time, not what the store may hold.
 */
#ifndef DELIVERY_BACKLOG_H
#define DELIVERY_BACKLOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A channel that is not available lets a source run this many windows ahead: its own alerts for other
 * channels must not wait behind a dead one. */
#define BACKLOG_UNAVAILABLE 100

struct backlog;

struct backlogs {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct backlog *first;
	bool once, idle;
};

/* once: a source stops instead of running ahead when all of its channels are unavailable, and
 * instead of waiting when nothing moves. */
void backlogs_init(struct backlogs *backlogs, bool once);
void backlogs_done(struct backlogs *backlogs);

/* n more deliveries (n < 0: fewer) wait for an attempt. Count them before they are committed: an
 * attempt may end before the commit's answer is here. 0 or -ENOMEM. */
int backlogs_add(struct backlogs *backlogs, const char *source, const char *channel, int64_t n);
/* The entry of a source and channel, else of a source that leases, for any channel; valid until
 * backlogs_done. NULL when there is neither. */
struct backlog *backlogs_find(struct backlogs *backlogs, const char *source, const char *channel);
/* The source holds its deliveries until that boot time only; 0: as long as it takes. 0 or -ENOMEM. */
int backlogs_lease(struct backlogs *backlogs, const char *source, int64_t until_ms);
/* Whether its source said so; whether that time is over. Without the lock. */
bool backlog_is_leased(const struct backlog *backlog);
bool backlog_lapsed(const struct backlog *backlog, int64_t now_ms);
/* An attempt ended. */
void backlogs_tried(struct backlogs *backlogs, struct backlog *backlog);
/* The source starts anew: its deliveries were parked. */
void backlogs_reset(struct backlogs *backlogs, const char *source);
/* Nothing waits for the channel, in memory or in the store: whatever is still counted was not
 * tried but settled otherwise. */
void backlogs_rest(struct backlogs *backlogs, const char *channel);
/* A channel became or ceased to be available. */
void backlogs_available(struct backlogs *backlogs, const char *channel, bool available);
/* Whether nothing can be delivered now, of a run that is once. */
void backlogs_idle(struct backlogs *backlogs, bool idle);
/* A channel that is gone holds nobody up. */
void backlogs_gone(struct backlogs *backlogs, const char *channel);

/*
 * Waits while the source is `window` deliveries ahead of every channel it feeds. 0; -ESHUTDOWN when
 * it should stop instead: *stop was set, or (once) no channel it feeds will take more; -EINTR when the
 * descriptor fd (-1: none) is readable, which is looked at a few times a second.
 */
int backlogs_wait(struct backlogs *backlogs, const char *source, int64_t window,
		  const atomic_bool *stop, int fd);
/* Wakes those that wait, after *stop was set. */
void backlogs_wake(struct backlogs *backlogs);

#endif
