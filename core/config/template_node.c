/* SPDX-License-Identifier: Apache-2.0 */
/* YAML nodes as templates: texts, files, and structures. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "config/template_parts.h"

static struct template_source source_of(const struct node *node)
{
	struct template_source source = {.text = node->text, .place = node->place};

	if (node->block)
		source.form = TEMPLATE_BLOCK;
	else if (node->quoted)
		source.form = TEMPLATE_QUOTED;
	source.place.column += source.form == TEMPLATE_QUOTED; /* the quote itself */
	return source;
}

static void refuse_file(struct template_reading *reading, const struct node *node, const char *path,
			const char *why)
{
	struct buffer sentence = {0};

	buffer_printf(&sentence, "the file '%s': %s", path, why);
	template_refuse(reading, &node->place,
			sentence.failed ? "memory is short" : buffer_text(&sentence));
	buffer_done(&sentence);
}

/* The content of an open file into text[TEMPLATE_SIZE + 1]; its last newline is not meant. */
static bool read_open_file(struct template_reading *reading, const struct node *node,
			   const char *path, int fd, char *text)
{
	struct stat status;
	ssize_t length;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		refuse_file(reading, node, path, "this is not a regular file");
		return false;
	}
	length = file_read(fd, text, TEMPLATE_SIZE + 1);
	if (length < 0) {
		refuse_file(reading, node, path, strerror((int)-length));
		return false;
	}
	if (length > TEMPLATE_SIZE) {
		refuse_file(reading, node, path, "it is larger than 64 KiB; make it shorter");
		return false;
	}
	if (!text_is_valid(text, (size_t)length)) {
		refuse_file(reading, node, path, "it is not UTF-8 text; write it as UTF-8");
		return false;
	}
	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return true;
}

static bool read_file(struct template_reading *reading, const struct node *node, const char *path,
		      struct template_text *out)
{
	struct template_source source = {.place = {.line = 1, .column = 1}};
	char *text = NULL;
	int fd;
	bool good;

	if (path[0] != '/') {
		refuse_file(reading, node, path, "this must be an absolute path");
		return false;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		refuse_file(reading, node, path, strerror(errno));
		return false;
	}
	text = template_alloc(reading, TEMPLATE_SIZE + 2, 1);
	reading->file = arena_strdup(reading->context->arena, path);
	good = text && reading->file && read_open_file(reading, node, path, fd, text);
	close(fd);
	source.text = text;
	source.place.file = reading->file;
	return good && template_read_text(reading, &source, out);
}

bool template_read_scalar(struct template_reading *reading, const struct tocsin_option *option,
			  const struct node *node, struct template_text *text)
{
	const struct node *file = node->n == 1 ? node_get(node, "file") : NULL;
	struct template_source source;

	if (file && file->kind == NODE_SCALAR)
		return read_file(reading, file, file->text, text);
	if (node->kind != NODE_SCALAR) {
		template_refuse(reading, &node->place,
				node->kind == NODE_NULL
					? "it has no value; write a text, or take the line out"
					: "it must be a text, or {file: /path} of one");
		return false;
	}
	if (option->required && node->text[0] == '\0') {
		template_refuse(reading, &node->place, "it must not be empty");
		return false;
	}
	source = source_of(node);
	return template_read_text(reading, &source, text);
}

/* What YAML and JSON both take for a number, if it is one that a double holds. */
static bool is_number(const char *text)
{
	json_error_t mistake;
	json_t *json = NULL;
	bool number = isdigit((unsigned char)text[*text == '-']) &&
		      json_read(text, strlen(text), JSON_DECODE_ANY, &json, &mistake) == 0 &&
		      json_is_number(json);

	json_decref(json);
	return number;
}

static const char *keep_json(struct template_reading *reading, struct buffer *json)
{
	char *kept = json->failed ? NULL : arena_strdup(reading->context->arena, json->data);

	if (json->data)
		explicit_bzero(json->data, json->length);
	buffer_done(json);
	if (!kept)
		template_refuse(reading, NULL, "memory is short");
	return kept;
}

static const char *text_json(struct template_reading *reading, const char *text)
{
	struct buffer json = {0};

	template_add_json(&json, text, strlen(text));
	return keep_json(reading, &json);
}

static bool is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

/* Is that one expression and nothing else? Then its value keeps its type. */
static bool is_value(struct template_text *text)
{
	if (text->n != 2 || !is_blank(text->piece[0].text) || !is_blank(text->piece[1].text))
		return false;
	text->piece[0].text = "";
	text->n = 1;
	return true;
}

static bool read_scalar(struct template_reading *reading, const struct node *node,
			struct template_node *out)
{
	struct template_source source = source_of(node);
	const char *text = node->text;

	if (!node->quoted &&
	    (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || is_number(text))) {
		out->json = arena_strdup(reading->context->arena, text);
		if (!out->json)
			template_refuse(reading, NULL, "memory is short");
		return out->json;
	}
	if (!template_read_text(reading, &source, &out->text))
		return false;
	if (out->text.n == 1 && !out->text.piece[0].expression) {
		out->json = text_json(reading, out->text.piece[0].text);
		out->text.n = 0;
		return out->json;
	}
	out->kind = is_value(&out->text) ? TEMPLATE_VALUE : TEMPLATE_TEXT;
	return true;
}

/* A list or map whose items are all constant is a constant. */
static bool join_constant(struct template_reading *reading, struct template_node *out)
{
	struct buffer json = {0};
	bool map = out->kind == TEMPLATE_MAP;

	for (size_t i = 0; i < out->n; i++) {
		if (out->item[i].kind != TEMPLATE_JSON)
			return true;
	}
	buffer_putc(&json, map ? '{' : '[');
	for (size_t i = 0; i < out->n; i++)
		buffer_printf(&json, "%s%s%s%s", i > 0 ? "," : "", map ? out->name[i] : "",
			      map ? ":" : "", out->item[i].json);
	buffer_putc(&json, map ? '}' : ']');
	*out = (struct template_node){.kind = TEMPLATE_JSON, .json = keep_json(reading, &json)};
	return out->json;
}

static bool read_key(struct template_reading *reading, const struct node *key, const char **name)
{
	if (strstr(key->text, "{{")) {
		template_refuse(reading, &key->place,
				"a key cannot hold {{ }}; only the value behind it can");
		return false;
	}
	*name = text_json(reading, key->text);
	return *name;
}

bool template_read_node(struct template_reading *reading, const struct node *node,
			struct template_node *out)
{
	bool good = true;

	if (node->kind == NODE_NULL) {
		out->json = "null";
		return true;
	}
	if (node->kind == NODE_SCALAR)
		return read_scalar(reading, node, out);
	out->kind = node->kind == NODE_LIST ? TEMPLATE_LIST : TEMPLATE_MAP;
	out->item = template_alloc(reading, node->n, sizeof(*out->item));
	if (node->kind == NODE_MAP)
		out->name = template_alloc(reading, node->n, sizeof(*out->name));
	if (!out->item || (node->kind == NODE_MAP && !out->name))
		return false;
	out->n = node->n;
	for (size_t i = 0; i < node->n; i++) {
		if (node->kind == NODE_MAP)
			good = read_key(reading, node->key[i], &out->name[i]) && good;
		good = template_read_node(reading, node->item[i], &out->item[i]) && good;
	}
	return good && join_constant(reading, out);
}
