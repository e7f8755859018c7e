/* SPDX-License-Identifier: Apache-2.0 */
/* config/yaml_reader: libyaml's events, with what it finds wrong put into our words. */
#ifndef CONFIG_YAML_READER_H
#define CONFIG_YAML_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "config/problems.h"

struct reader {
	yaml_parser_t parser;
	bool initialized;
	const char *name;
	const char *text;
	size_t length;
	struct problems *problems;
	int code; /* -ENOMEM when memory is short */
};

/* reader->problems is set. All borrow name and text. False: the reason is in the problems. */
bool reader_init(struct reader *reader, const char *name, const char *text, size_t length);
void reader_done(struct reader *reader);

/* The next event, to be deleted by the caller. False: not YAML, the reason is in the problems. */
bool reader_next(struct reader *reader, yaml_event_t *event);
/* Passes over the next event, which must be of this type by libyaml's grammar. */
bool reader_skip(struct reader *reader, yaml_event_type_t type);

struct place reader_place(const struct reader *reader, const yaml_event_t *event);
/* A copy for the caller to free. NULL: memory is short, which is among the problems. */
char *reader_copy(struct reader *reader, const char *text);
/* Adds that problem; false. */
bool reader_out_of_memory(struct reader *reader);
/* Adds a problem when the event is an alias or carries an anchor or a tag. */
void reader_refuse_marks(struct reader *reader, const yaml_event_t *event);

#endif
