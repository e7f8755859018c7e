/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/pack: one block of memory that holds an alert and all its texts, so
 * that an alert costs one allocation and one free().
 */
#ifndef ALERT_PACK_H
#define ALERT_PACK_H

#include "alert/alert.h"

/*
 * Copies an alert with all that it points to. On the way invalid UTF-8 is
 * replaced, labels without a value are dropped, as are annotations and
 * recipients that are NULL and recipients that are empty or repeated; labels
 * and annotations are sorted by name in byte order. 0, -E2BIG (far more than
 * ALERT_BODY bytes), -ENOMEM.
 */
int alert_pack(const struct tocsin_alert *from, struct alert **alert);

/* Overwrites the fingerprint (of the same length) of an alert that nobody else holds yet. */
void alert_pack_fingerprint(struct alert *alert, const char *fingerprint);

#endif
