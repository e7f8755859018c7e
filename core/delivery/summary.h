/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/summary: many alerts as one, in words. Pure. */
#ifndef DELIVERY_SUMMARY_H
#define DELIVERY_SUMMARY_H

#include "alert/alert.h"

/*
 * An alert that sums up n others (n > 0): its summary counts them by severity, its description has a
 * line for each, its labels and further annotations are those that all have alike. It has the highest
 * severity, is resolved only when all are, and began with the first. 0 or -ENOMEM.
 */
int summary_new(const struct tocsin_alert *const alerts[], size_t n, struct alert **summary);

#endif
