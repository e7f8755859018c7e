/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/tally: how a run that is once is going, by alerts rather than deliveries: how many
 * are begun, sent and failed. An alert is named by its number in the store. Any thread.
 *
 * What failed is remembered, 16 to 32 bytes each; of a daemon, which has no end to sum up, nothing is.
 */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_RECENT 1024 /* begun alerts that are recognised when their next delivery begins */

struct tally {
	pthread_mutex_t lock;
	bool remembers;           /* what failed */
	int64_t expected, begun, sent;
	uint64_t recent[TALLY_RECENT];
	uint64_t *failed;         /* open addressing; 0 is empty */
	size_t in_table, capacity;
	int64_t n_failed;         /* without those that were delivered in the end */
};

/* remembers: it is a run that is once. */
void tally_init(struct tally *tally, bool remembers);
void tally_done(struct tally *tally);

void tally_expect(struct tally *tally, int64_t alerts);
/* True the first time for an alert: *number is its place in the run, *of how many are expected (at
 * least number). */
bool tally_begin(struct tally *tally, int64_t alert, int64_t *number, int64_t *of);
/* Counted once for each alert, unless this remembers nothing. */
void tally_failed(struct tally *tally, int64_t alert);
/* What never became an alert: the mark at its source. Counts as failed. */
void tally_refused(struct tally *tally, const char *mark);
/* Its last delivery is settled, or its source has noted that: counts as sent unless it failed. */
void tally_settled(struct tally *tally, int64_t alert);
/* Its source has noted that it was delivered, in the end: counts as sent and not as failed. */
void tally_delivered(struct tally *tally, int64_t alert);
void tally_read(struct tally *tally, int64_t *expected, int64_t *sent, int64_t *failed);

#endif
