/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/note: what a channel wants to be kept besides the outcome of an
 * attempt. A note is what it remembers of an alert and a recipient, such as the
 * number of its first message; output is what a program wrote. Both are kept in
 * the transaction that settles the delivery, so that neither is there without
 * the other.
 */
#ifndef DELIVERY_NOTE_H
#define DELIVERY_NOTE_H

#include "delivery/delivery.h"

#define NOTE_MAX 4096                      /* bytes of a note */
#define OUTPUT_MAX 4096                    /* bytes of output that are kept */
#define NOTE_KEEP_MS (INT64_C(30) * 86400000) /* notes not used for that long are forgotten */

/* As host->note: copied; in place of an earlier one of the same attempt. */
void note_set(struct delivery *delivery, const char *note);
/* Inside the transaction of a settlement that was not stale. 0 or a negative errno. */
int note_apply(const struct delivery *delivery, const struct transaction *transaction);
/* As host->recall, on an instance's thread. */
int note_recall(const struct delivery *delivery, char **note);
/* As host->output: what is worth keeping of it becomes attempt.output. */
void note_output(struct delivery *delivery, const char *text, size_t length);

#endif
