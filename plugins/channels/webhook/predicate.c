/* SPDX-License-Identifier: Apache-2.0 */
#include "predicate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

void answer_done(struct answer *answer)
{
	json_decref(answer->json);
	answer->json = NULL;
}

/* jansson says nothing when memory is short, or takes a string for which there is none for a
 * mistake of the text. Such a mistake is there again when it is read once more. */
static void parse(struct answer *answer)
{
	json_error_t error;

	for (int i = 0; i < 2 && !answer->json && !answer->memory_is_short; i++) {
		answer->json = json_loadb(answer->reply->body, answer->reply->body_length,
					  JSON_DECODE_ANY, &error);
		answer->memory_is_short = !answer->json && *error.text == '\0';
	}
}

json_t *answer_json(struct answer *answer)
{
	if (!answer->parsed && answer->reply->body)
		parse(answer);
	answer->parsed = true;
	return answer->json;
}

/* Three digits; 0 when they are no status. */
static int status_at(const char *text)
{
	int status = 0;

	for (size_t i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		status = status * 10 + (text[i] - '0');
	}
	return status >= 100 && status <= 599 ? status : 0;
}

/* First and last status that the text means; false when it means none. */
static bool parse_status(const char *text, int *first, int *last)
{
	size_t length = strlen(text);

	if (text[0] >= '1' && text[0] <= '5' && strcmp(text + 1, "xx") == 0) {
		*first = (text[0] - '0') * 100;
		*last = *first + 99;
		return true;
	}
	if (length != 3 && (length != 7 || text[3] != '-'))
		return false;
	*first = status_at(text);
	*last = length == 3 ? *first : status_at(text + 4);
	return *first != 0 && *first <= *last;
}

bool webhook_status_is_valid(const char *text)
{
	int first, last;

	return parse_status(text, &first, &last);
}

bool webhook_status_fits(const struct tocsin_strings *list, int status)
{
	for (size_t i = 0; i < list->n; i++) {
		int first, last;

		if (parse_status(list->item[i], &first, &last) && status >= first && status <= last)
			return true;
	}
	return list->n == 0;
}

/* A number is what it is, however it is written: 0 is 0.0. */
static bool is_number(const json_t *value, const char *text)
{
	char *end;
	double number = strtod(text, &end);

	return json_is_number(value) && end != text && *end == '\0' &&
	       json_number_value(value) >= number && json_number_value(value) <= number;
}

static bool value_is(const json_t *value, const char *text)
{
	if (json_is_string(value))
		return strcmp(json_string_value(value), text) == 0;
	if (json_is_boolean(value))
		return strcmp(json_is_true(value) ? "true" : "false", text) == 0;
	if (json_is_null(value))
		return strcmp(text, "null") == 0;
	return is_number(value, text);
}

static bool value_fits(const struct webhook_predicate *when, const json_t *value)
{
	bool asked = when->is || when->in.n > 0 || when->contains;

	if (!value)
		return false;
	if (!asked)
		return !json_is_null(value) && !json_is_false(value);
	if (when->is && !value_is(value, when->is))
		return false;
	if (when->contains &&
	    (!json_is_string(value) || !strstr(json_string_value(value), when->contains)))
		return false;
	for (size_t i = 0; i < when->in.n; i++)
		if (value_is(value, when->in.item[i]))
			return true;
	return when->in.n == 0;
}

static bool text_is(const struct tocsin_reply *reply, const char *text)
{
	const char *body = reply->body ? reply->body : "";
	size_t length = reply->body ? reply->body_length : 0;

	for (; length > 0 && isspace((unsigned char)body[0]); length--)
		body++;
	for (; length > 0 && isspace((unsigned char)body[length - 1]); length--)
		;
	return strlen(text) == length && memcmp(text, body, length) == 0;
}

bool webhook_body_fits(const struct webhook_predicate *when, struct answer *answer)
{
	const struct tocsin_reply *reply = answer->reply;

	if (when->text && !text_is(reply, when->text))
		return false;
	if (when->json)
		return value_fits(when, webhook_path_find(answer_json(answer), when->json));
	return !when->contains || (reply->body && strstr(reply->body, when->contains));
}
