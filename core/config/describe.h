/* SPDX-License-Identifier: Apache-2.0 */
/* config/describe: tables of options as documentation. */
#ifndef CONFIG_DESCRIBE_H
#define CONFIG_DESCRIBE_H

#include <stddef.h>

#include <jansson.h>

#include <tocsin/option.h>

#include "base/buffer.h"

/* For a terminal: name, type, default, help wrapped to width columns. */
void describe_text(struct buffer *out, const struct tocsin_option *table, size_t option_size,
		   size_t n, int width);
/* A definition list in Markdown as lowdown reads it, for manual pages. */
void describe_markdown(struct buffer *out, const struct tocsin_option *table, size_t option_size,
		       size_t n);
/* [{"name","type","required","default","min","max","choices","help","options":[...]}] */
json_t *describe_json(const struct tocsin_option *table, size_t option_size, size_t n);
/* A JSON Schema object for the table ("type":"object","properties":...). */
json_t *describe_schema(const struct tocsin_option *table, size_t option_size, size_t n);

#endif
