/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_reader.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "config/yaml.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* Line and column of a byte of the text. */
static struct place place_at(const struct reader *reader, size_t offset)
{
	struct place place = {.file = reader->name, .line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < reader->length; i++) {
		place.column++;
		if (reader->text[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

static struct place place_of_mark(const struct reader *reader, const yaml_mark_t *mark)
{
	/* A file of at most YAML_SIZE bytes has no more lines and columns than an int holds. */
	return (struct place){
		.file = reader->name,
		.line = (int)mark->line + 1,
		.column = (int)mark->column + 1,
	};
}

struct place reader_place(const struct reader *reader, const yaml_event_t *event)
{
	return place_of_mark(reader, &event->start_mark);
}

/* libyaml would take UTF-16 too, and says little about what is wrong in UTF-8. */
static bool check_utf8(struct reader *reader)
{
	size_t good = text_valid_prefix(reader->text, reader->length);
	struct place place;

	if (good == reader->length)
		return true;
	place = place_at(reader, good);
	problems_add(reader->problems, &place,
		     "this is not UTF-8 text; save the file as UTF-8, without NUL characters");
	return false;
}

bool reader_init(struct reader *reader, const char *name, const char *text, size_t length)
{
	struct place whole = {.file = name};

	if (length >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
		text += 3;
		length -= 3;
	}
	reader->name = name;
	reader->text = text;
	reader->length = length;
	if (length > YAML_SIZE) {
		problems_add(reader->problems, &whole,
			     "this file is larger than %d KiB; split it into several files",
			     YAML_SIZE / 1024);
		return false;
	}
	if (!check_utf8(reader))
		return false;
	if (!yaml_parser_initialize(&reader->parser)) {
		problems_add(reader->problems, &whole, "memory is short");
		reader->code = -ENOMEM;
		return false;
	}
	reader->initialized = true;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, length);
	return true;
}

void reader_done(struct reader *reader)
{
	if (reader->initialized)
		yaml_parser_delete(&reader->parser);
	reader->initialized = false;
}

/* What to do about a complaint of libyaml; the first entry that it contains counts. */
static const struct {
	const char *complaint, *advice;
} advices[] = {
	{"mapping values are not allowed",
	 "check the indentation, and put a text that contains ': ' in quotes"},
	{"cannot start any token", "put a text that begins with this character in quotes"},
	{"did not find expected key", "check the indentation, and the quotes in the line above"},
	{"did not find expected '-' indicator",
	 "begin each item of the list with '- ' in the same column"},
	{"did not find expected <document start>", "write 'name: value' lines, indented alike"},
	{"did not find expected ',' or", "close the bracket, and put commas between the items"},
	{"could not find expected ':'", "write 'name: value'"},
	{"unexpected end of stream", "close the quote"},
	{"found unknown escape character",
	 "double the backslash, or use single quotes instead of double ones"},
	{"control characters are not allowed", "take the character out"},
};

static const char *advice_for(const char *complaint, char at)
{
	if (at == '\t')
		return "indent with spaces instead of tabs";
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (strstr(complaint, advices[i].complaint) != NULL)
			return advices[i].advice;
	}
	return "check the indentation, quotes and brackets";
}

static void add_syntax_problem(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *complaint = parser->problem != NULL ? parser->problem : "unknown error";
	size_t offset = parser->problem_mark.index;
	struct place place;

	if (parser->error == YAML_MEMORY_ERROR) {
		problems_add(reader->problems, NULL, "memory is short");
		reader->code = -ENOMEM;
		return;
	}
	/* What cannot even be read has an offset but no mark. */
	if (parser->error == YAML_READER_ERROR) {
		offset = parser->problem_offset;
		place = place_at(reader, offset);
	} else {
		place = place_of_mark(reader, &parser->problem_mark);
	}
	if (parser->context != NULL && parser->context_mark.line != parser->problem_mark.line)
		problems_add(reader->problems, &place,
			     "this is not YAML: %s (%s that begins on line %zu); %s", complaint,
			     parser->context, parser->context_mark.line + 1,
			     advice_for(complaint, '\0'));
	else
		problems_add(reader->problems, &place, "this is not YAML: %s; %s", complaint,
			     advice_for(complaint,
					offset < reader->length ? reader->text[offset] : '\0'));
}

bool reader_next(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	add_syntax_problem(reader);
	return false;
}

bool reader_skip(struct reader *reader, yaml_event_type_t type)
{
	yaml_event_t event;

	if (!reader_next(reader, &event))
		return false;
	assert(event.type == type);
	yaml_event_delete(&event);
	return true;
}

void reader_refuse_marks(struct reader *reader, const yaml_event_t *event)
{
	struct place place = reader_place(reader, event);
	bool anchor = false, tag = false;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor != NULL;
		tag = event->data.scalar.tag != NULL;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor != NULL;
		tag = event->data.sequence_start.tag != NULL;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor != NULL;
		tag = event->data.mapping_start.tag != NULL;
	}
	/* Names are not quoted: this may be a password that should stand in quotes. */
	if (event->type == YAML_ALIAS_EVENT)
		problems_add(reader->problems, &place,
			     "aliases (*name) are not supported; write the value out, or put a "
			     "text that begins with * in quotes");
	if (anchor)
		problems_add(reader->problems, &place,
			     "anchors (&name) are not supported; take it out, or put a text that "
			     "begins with & in quotes");
	if (tag)
		problems_add(reader->problems, &place,
			     "tags (!name) are not supported; take it out, or put a text that "
			     "begins with ! in quotes");
}

bool reader_out_of_memory(struct reader *reader)
{
	problems_add(reader->problems, NULL, "memory is short");
	reader->code = -ENOMEM;
	return false;
}

char *reader_copy(struct reader *reader, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		reader_out_of_memory(reader);
	return copy;
}
