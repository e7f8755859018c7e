/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of deliveries, with their alert, as callers of the store see them. */
#ifndef SQLITE_ROWS_H
#define SQLITE_ROWS_H

#include "statement.h"

/* The first one pending or claimed, the other settled. Parameter 1 is the number. */
extern const char rows_select_pending[];
extern const char rows_select_settled[];

/* Fills the struct from the current row; its texts live until the statement moves on. */
void rows_delivery(struct statement *st, struct tocsin_stored_delivery *delivery);

#endif
