/* SPDX-License-Identifier: Apache-2.0 */
/* A query of an operator with its names looked up: what lists, replay and drop share. */
#ifndef SQLITE_LISTS_H
#define SQLITE_LISTS_H

#include "statement.h"

struct filter {
	const struct tocsin_query *query;
	int64_t alert, channel, source; /* numbers; 0: not asked for */
	unsigned int states;
	int64_t before, limit; /* never 0 */
	bool nothing;          /* a name that no row has */
};

int filter_init(struct filter *filter, struct db *db, const struct tocsin_query *query);
/* Binds what the text of the statement asks for: :id :alert :channel :source :since :before :limit */
void filter_bind(const struct filter *filter, struct statement *st);
/* The conditions on id, alert, channel, source and created_ms, to follow WHERE or AND. */
void filter_conditions(const struct filter *filter, char *text, size_t size);

#endif
