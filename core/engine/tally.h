/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/tally: how a run is going, by alerts rather than deliveries: how many
 * are begun, sent and failed. Any thread.
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
	int64_t expected, begun, sent;
	uint64_t recent[TALLY_RECENT];
	uint64_t *failed;         /* open addressing; 0 is empty */
	size_t n_failed, capacity;
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);

void tally_expect(struct tally *tally, int64_t alerts);
/* True the first time for an alert: *number is its place in the run, *of how many are expected (at
 * least number). */
bool tally_begin(struct tally *tally, const char *alert_id, int64_t *number, int64_t *of);
/* Counted once for each alert. */
void tally_failed(struct tally *tally, const char *alert_id);
/* Its last delivery is settled: counts as sent unless it failed. */
void tally_settled(struct tally *tally, const char *alert_id);
/* Alerts that their sources noted as sent. */
void tally_told(struct tally *tally, int64_t alerts);
void tally_read(struct tally *tally, int64_t *expected, int64_t *sent, int64_t *failed);

#endif
