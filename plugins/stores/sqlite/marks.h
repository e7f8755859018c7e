/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks of the alerts that came in last, by a hash of them. Most sources mark their
 * alerts at random, so that each mark has a page of its own in the table of all
 * marks; a commit that had to write those would be twice as large, and larger with
 * every row that the table has. Here they cost nothing, and go into the table many
 * at a time and in order, of which a page takes its share at once (filing.c). What
 * is here is also in the table telling, from where it is read after a start. Of a
 * mark only the hash is kept. For the store's thread alone.
 */
#ifndef SQLITE_MARKS_H
#define SQLITE_MARKS_H

#include <stdint.h>

/* When they are that many, they are filed. */
#ifndef MARKS_MOST /* tests have less */
#ifdef FAULT_POINTS
#define MARKS_MOST 64 /* what is attacked has few alerts */
#else
#define MARKS_MOST 65536 /* 1.5 MiB */
#endif
#endif
#define MARKS_CHAINS 16384 /* by hash */

struct marks {
	struct mark {
		int64_t hash, alert;
		uint32_t older; /* 1 + the place of the next one in this chain, 0: none */
	} *mark;                /* in the order of their alerts */
	uint32_t n, room;       /* those there are; those that fit before it grows */
	uint32_t newest[MARKS_CHAINS]; /* as older */
};

/* Of the mark of a source: at least 0, below 2^47, so that it takes 6 bytes in the file. Two marks may
 * share one. */
int64_t marks_hash(int64_t source, const char *mark);
/* alert: above those of all the others. 0 or -ENOMEM. */
int marks_add(struct marks *marks, int64_t hash, int64_t alert);
/* The newest alert with that hash whose number is below `before`, or 0. */
int64_t marks_find(const struct marks *marks, int64_t hash, int64_t before);
/* Only those up to this alert stay: after a rollback, whose numbers are given out again. */
void marks_keep(struct marks *marks, int64_t last_alert);
/* Frees them; it is empty then, and can be used again. */
void marks_done(struct marks *marks);

#endif
