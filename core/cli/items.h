/* SPDX-License-Identifier: Apache-2.0 */
/* cli/items: heartbeats, jobs and checks of the daemon: what their commands have in common. */
#ifndef CLI_ITEMS_H
#define CLI_ITEMS_H

#include "cli/cli.h"

/* A kind of items, by its name in the API: "heartbeats", "jobs", "checks". */

/* "/api/v1/KIND/NAME[/VERB][?source=]", with --source; name and verb may be NULL. */
void items_path(const struct cli *cli, const char *kind, const char *name, const char *verb,
		struct buffer *path);
/* All of them. STATUS_DONE and *items (a new reference, an array), or the exit status after telling
 * why. With --source only those of that one. */
int items_list(struct cli *cli, const char *kind, json_t **items);
/* One, or what it answers to a verb (not NULL; body is taken over). */
int items_ask(struct cli *cli, const char *kind, const char *name, const char *verb, json_t *body,
	      json_t **answer);

/* The items of a list, each by a function that adds the cells of its row: as a table or as JSON. */
struct items_table {
	const char *kind;
	const struct column *column; /* the last one is for the source */
	size_t n;
	void (*add)(struct table *table, const json_t *item);
	const char *none;            /* what is said when there are none */
};
int items_print(struct cli *cli, const struct items_table *layout);
/* The item that the first operand names, as text by a function or as JSON. */
int items_show(struct cli *cli, const char *kind,
	       void (*show)(struct cli *cli, const json_t *item));
/* Tells every operand the verb, and what each is then: "backup: paused". */
int items_order(struct cli *cli, const char *kind, const char *verb);

/* A value that is a number or a text, with its unit; "" for none. */
void items_value(struct buffer *text, const json_t *value, const char *unit);

#endif
