/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of deliveries, with their alert, as callers of the store see them. */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include "statement.h"

/* Parameter 1 is the number of the delivery. */
extern const char rows_select[];

/* Fills the struct from the current row; its texts live until the statement moves on. */
void rows_delivery(struct statement *st, struct tocsin_stored_delivery *delivery);

#endif
