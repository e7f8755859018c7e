/* SPDX-License-Identifier: Apache-2.0 */
/* cli/show: deliveries and labels of the API's answers as text. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/cli.h"

/* A table of an array of deliveries. */
void show_deliveries(struct cli *cli, const json_t *deliveries);
/* All about one, with its attempts and its alert. */
void show_delivery(struct cli *cli, const json_t *delivery);
/* "site=\"example.com\", team=\"web\"" appended to text, not made safe. */
void show_labels(struct buffer *text, const json_t *labels);

/* "name         value", and nothing for an empty value. */
void show_line(struct cli *cli, const char *name, enum style style, const char *value);

/* GET a list page after page. Calls each for every entry, borrowed; limit 0 means all. path has its
 * parameters but limit and before. Returns an exit status. */
int show_pages(struct cli *cli, const char *path, const char *list, long long limit,
	       void (*each)(struct cli *cli, json_t *entry, void *data), void *data);
/* --limit (or the preset) and --all. STATUS_DONE and *limit (0: all), or STATUS_USAGE. */
int show_limit(struct cli *cli, long long preset, long long *limit);
/* Adds --since as an API parameter. STATUS_DONE or STATUS_USAGE. */
int show_add_since(struct cli *cli, struct buffer *path);

#endif
