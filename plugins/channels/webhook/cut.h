/* SPDX-License-Identifier: Apache-2.0 */
/* webhook/cut: texts that must not be longer than a receiver takes. Pure. */
#ifndef WEBHOOK_CUT_H
#define WEBHOOK_CUT_H

#include <stddef.h>

#include "webhook.h"

#define CUT_MARK "…"

/* How long a text is, as the unit counts. */
size_t webhook_length(const char *text, enum webhook_unit unit);
/* The bytes of the longest beginning that has room for at most so many, the mark behind it
 * included, and that ends between two characters as people see them, if it can. A text that fits
 * is kept whole. */
size_t webhook_cut(const char *text, size_t most, enum webhook_unit unit);

#endif
